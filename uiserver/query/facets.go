package query

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// facets are those of the list, in the order of the page.
var facets = []struct{ field, title string }{
	{"Status", "Status"}, {"Type", "Type"}, {"Alerts", "Alert"}, {"Campaign", "Campaign"},
	{"Sites", "Site"}, {"Agents", "Agent"}, {"Release", "Release"}, {"Team", "Team"},
}

// Facets returns the facets requested with a list.
func Facets() []wire.Facet {
	out := make([]wire.Facet, len(facets))
	for i, f := range facets {
		out[i].Field = f.field
	}
	return out
}

// FacetNames returns the facets as named in addresses.
func FacetNames() []string {
	out := make([]string, len(facets))
	for i, f := range facets {
		out[i] = strings.ToLower(f.field)
	}
	return out
}

// FacetTitle returns the heading of the values of a field.
func FacetTitle(f schema.Field) string {
	for _, b := range facets {
		if b.field == f.Key {
			return b.title
		}
	}
	return f.Key
}

// FacetBoxes returns the facets of a list with links that change its conditions.
func (q List) FacetBoxes(counts map[string]wire.FacetResult) []web.FacetBox {
	var boxes []web.FacetBox
	more := q.Top().Params().Encode()
	for _, b := range facets {
		result, ok := counts[b.field]
		if !ok {
			continue
		}
		box := q.FacetBox(b.title, b.field, result, List.Here)
		if result.Other > 0 {
			box.More = web.FacetPath + strings.ToLower(b.field) + "?" + more
		}
		boxes = append(boxes, box)
	}
	return boxes
}

// FacetBox returns the values of one field with links that include or exclude them.
// at formats the address of a query.
func (q List) FacetBox(title, field string, counts wire.FacetResult, at func(List) string) web.FacetBox {
	box := web.FacetBox{Title: title, Distinct: int64(counts.Distinct), Other: int64(counts.Other), Missing: int64(counts.Missing)}
	out := excluded(q.Terms, field)
	if len(out.In) > 0 {
		box.Note = "Counted before the exclusion."
		if note := excludes(q.Terms, field); note != "" {
			box.Note += " " + note
		}
	}
	for _, v := range counts.Values {
		if v.Value == "" {
			continue // counted as missing
		}
		box.Values = append(box.Values, web.FacetLine{
			Value: v.Value, Count: int64(v.Count),
			Toggle: at(q.toggle(field, wire.In, v.Value)), Included: has(q.Terms, field, wire.In, v.Value),
			Exclude: at(q.toggle(field, wire.NotIn, v.Value)), Excluded: has(q.Terms, field, wire.NotIn, v.Value),
			Out: len(out.In) > 0 && out.Match(v.Value),
		})
	}
	return box
}

// ageLabels are the labels of the bands of the time in status.
var ageLabels = []string{"< 1 h", "1–6 h", "6–24 h", "1–3 d", "3–7 d", "7–30 d", "> 30 d"}

// ageTerms returns the terms that limit the time in status to band i.
func ageTerms(bands []wire.AgeBand, i int) []wire.Term {
	var terms []wire.Term
	if bands[i].From > 0 {
		terms = append(terms, wire.Term{Field: "StatusTime", Op: wire.MinAge, Number: float64(bands[i].From)})
	}
	if i+1 < len(bands) { // bounds are inclusive
		terms = append(terms, wire.Term{Field: "StatusTime", Op: wire.MaxAge, Number: float64(bands[i+1].From - 1)})
	}
	return terms
}

// bandCount returns the number of workflows in a band; an empty band has no group.
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

// Ageless returns a query without bounds of the time in status. Like every facet,
// that of ages counts the matches without its own condition.
func Ageless(q wire.Query) wire.Query {
	q.Terms = slices.DeleteFunc(slices.Clone(q.Terms), isAge)
	return q
}

// AgeBuckets returns the bands of the time in status as columns of a histogram.
func AgeBuckets(s wire.Stats) []web.Bucket {
	if s.Groups == nil {
		return nil
	}
	var out []web.Bucket
	bands := wire.AgeBands()
	for i, band := range bands {
		out = append(out, web.Bucket{Label: ageLabels[i], Count: bandCount(s, band), Href: Of(wire.Query{Terms: ageTerms(bands, i)})})
	}
	return out
}

// ByAge returns counts by status and age as counts by age.
func ByAge(s wire.Stats) wire.Stats {
	if s.Groups == nil {
		return s
	}
	out := wire.Stats{Groups: []wire.StatsGroup{}}
	for _, band := range wire.AgeBands() {
		group := wire.StatsGroup{Keys: []string{band.Key}}
		for _, g := range s.Groups {
			if len(g.Keys) == 2 && g.Keys[1] == band.Key {
				group.Count += g.Count
			}
		}
		out.Groups = append(out.Groups, group)
	}
	return out
}

// Below returns the end of the first band below which is a percentage of the workflows in
// a status: a few very old ones do not change it. s has counts by status and age.
func Below(s wire.Stats, status string, percent int) web.Text {
	counts, total, bands := map[string]int{}, 0, wire.AgeBands()
	for _, g := range s.Groups {
		if len(g.Keys) == 2 && g.Keys[0] == status {
			counts[g.Keys[1]] += g.Count
			total += g.Count
		}
	}
	if total == 0 {
		return web.NA("the times could not be read")
	}
	below := 0
	for i, band := range bands[:len(bands)-1] {
		if below += counts[band.Key]; below*100 >= total*percent {
			return web.Text{Shown: web.Duration(bands[i+1].From)}
		}
	}
	return web.Text{Shown: "> " + web.Duration(bands[len(bands)-1].From)}
}

// AgeBox returns the bands as a facet. Each link limits the list to one band, or
// undoes that for the current one.
func (q List) AgeBox(s wire.Stats) web.FacetBox {
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
		next := q.Top()
		next.Query = Ageless(next.Query)
		if !line.Included {
			next.Terms = append(next.Terms, terms...)
		}
		line.Toggle = next.Here()
		box.Values = append(box.Values, line)
	}
	box.Distinct = int64(len(box.Values))
	return box
}

// sameTerms compares terms in any order.
func sameTerms(a, b []wire.Term) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(t wire.Term) bool {
		return !slices.ContainsFunc(b, func(o wire.Term) bool { return o.Op == t.Op && o.Number == t.Number })
	})
}
