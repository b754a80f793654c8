package pages

import (
	"slices"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// ageLabels are the names of the bands of the time in the status.
var ageLabels = []string{"< 1 h", "1–6 h", "6–24 h", "1–3 d", "3–7 d", "7–30 d", "> 30 d"}

// ageTerms bound the time in the status to the band at i.
func ageTerms(bands []wire.AgeBand, i int) []wire.Term {
	var terms []wire.Term
	if bands[i].From > 0 {
		terms = append(terms, wire.Term{Field: "StatusTime", Op: wire.MinAge, Number: float64(bands[i].From)})
	}
	if i+1 < len(bands) { // both ends of a bound are included
		terms = append(terms, wire.Term{Field: "StatusTime", Op: wire.MaxAge, Number: float64(bands[i+1].From - 1)})
	}
	return terms
}

// bandCount is how many workflows a band has; one without any has no group.
func bandCount(s wire.Stats, band wire.AgeBand) int64 {
	for _, g := range s.Groups {
		if g.Keys[0] == band.Key {
			return int64(g.Count)
		}
	}
	return 0
}

func isAge(t wire.Term) bool {
	return t.Field == "StatusTime" && (t.Op == wire.MinAge || t.Op == wire.MaxAge)
}

// ageless is a query without bounds of the time in the status: as every facet,
// that of the ages counts what there would be without its own condition.
func ageless(q wire.Query) wire.Query {
	q.Terms = slices.DeleteFunc(slices.Clone(q.Terms), isAge)
	return q
}

// ageBuckets are the bands as columns of a chart.
func ageBuckets(s wire.Stats) []web.Bucket {
	if s.Groups == nil {
		return nil
	}
	var out []web.Bucket
	bands := wire.AgeBands()
	for i, band := range bands {
		out = append(out, web.Bucket{Label: ageLabels[i], Count: bandCount(s, band), Href: filtered(wire.Query{Terms: ageTerms(bands, i)})})
	}
	return out
}

// withAges puts the bands after the facet of the status. Each wants its band
// alone, or the one that is wanted no longer.
func withAges(boxes []web.FacetBox, q listQuery, s wire.Stats) []web.FacetBox {
	if s.Groups == nil || len(boxes) == 0 {
		return boxes
	}
	box := web.FacetBox{Title: "In status for"}
	bands := wire.AgeBands()
	var given []wire.Term
	for _, t := range q.Terms {
		if isAge(t) {
			given = append(given, t)
		}
	}
	for i, band := range bands {
		terms := ageTerms(bands, i)
		line := web.FacetLine{Value: ageLabels[i], Count: bandCount(s, band), Included: sameTerms(given, terms)}
		if line.Count == 0 && !line.Included {
			continue
		}
		next := q.top()
		next.Query = ageless(next.Query)
		if !line.Included {
			next.Terms = append(next.Terms, terms...)
		}
		line.Toggle = next.here()
		box.Values = append(box.Values, line)
	}
	box.Distinct = int64(len(box.Values))
	return slices.Insert(boxes, 1, box)
}

// sameTerms compares bounds, whatever their order.
func sameTerms(a, b []wire.Term) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(t wire.Term) bool {
		return !slices.ContainsFunc(b, func(o wire.Term) bool { return o.Op == t.Op && o.Number == t.Number })
	})
}

// plainParts are the jobs of a group by state, without links: the list below
// has these workflows already.
func plainParts(g wire.StatsGroup) []web.Part {
	parts := statsParts(g)
	for i := range parts {
		parts[i].Href = ""
	}
	return parts
}
