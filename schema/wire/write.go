package wire

import (
	"net/url"
	"strconv"
	"strings"
)

// Values writes the query back: ParseQuery(q.Values()) equals q, if q came from
// ParseQuery. The values of a list stand in one parameter, with commas. A field
// has at most one Term of each Op.
func (q Query) Values() url.Values { return ofWorkflows().Values(q) }

// ValuesSince writes the conditions of a question for what was done since a generation,
// and that: since= is the generation there, so the bound of the time in the status has
// its long name.
func (q Query) ValuesSince(generation string) url.Values {
	v := Query{Terms: q.Terms, Text: q.Text, Names: q.Names}.Values()
	if at := v.Get("since"); at != "" {
		v.Set("minStatusTime", at)
	}
	v.Set("since", generation)
	return v
}

// Values is Query.Values for the lists of the vocabulary: Parse reads it.
func (v *Vocabulary) Values(q Query) url.Values {
	out := url.Values{}
	for _, t := range q.Terms {
		v.writeTerm(out, t)
	}
	set(out, "q", q.Text)
	set(out, "name", joined(q.Names))
	set(out, "sort", writeSort(q.Sort))
	set(out, "fields", joined(q.Fields))
	set(out, "facets", v.writeFacets(q.Facets))
	set(out, "gen", q.Gen)
	set(out, "after", q.After)
	set(out, "last", q.Last)
	set(out, "format", string(q.Format))
	if q.Idx != 0 {
		out.Set("idx", strconv.Itoa(q.Idx))
	}
	switch {
	case v.whole && (q.All || q.Limit == 0):
	case q.All:
		out.Set("limit", "all")
	case v.whole || q.PageLimit() != DefaultLimit:
		out.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Envelope && len(q.Facets) == 0 {
		out.Set("envelope", "1")
	}
	if q.Download {
		out.Set("dl", "1")
	}
	return out
}

func set(out url.Values, name, value string) {
	if value != "" {
		out.Set(name, value)
	}
}

func (v *Vocabulary) writeTerm(out url.Values, t Term) {
	name := v.paramOf(t.Field)
	switch t.Op {
	case In, NotIn:
		for _, value := range t.Values {
			appendItem(out, name, escape(value, t.Op == NotIn))
		}
	case Has:
		appendItem(out, "has", name)
	case HasNot:
		appendItem(out, "has", "!"+name)
	case MinAge, MaxAge:
		out.Set(v.boundName(t), formatDuration(t.Number))
	default:
		out.Set(v.boundName(t), formatNumber(t.Number))
	}
}

func appendItem(out url.Values, name, text string) {
	if have := out.Get(name); have != "" {
		text = have + "," + text
	}
	out.Set(name, text)
}

// paramOf returns the filter parameter of a schema key.
func (v *Vocabulary) paramOf(key string) string {
	if f, ok := v.byKey[key]; ok {
		return f.Param
	}
	return strings.ToLower(key)
}

// boundName returns the parameter of a bound. A bound of age is written as the
// same bound of time, from the other side; StatusTime has names of its own.
func (v *Vocabulary) boundName(t Term) string {
	if t.Field == statusTime {
		switch t.Op {
		case Min:
			return "since"
		case Max:
			return "until"
		case MinAge:
			return "minAge"
		case MaxAge:
			return "maxAge"
		}
	}
	switch t.Op {
	case Min, MaxAge:
		return "min" + t.Field
	case Max, MinAge:
		return "max" + t.Field
	}
	return v.paramOf(t.Field)
}

func joined(values []string) string {
	var b strings.Builder
	for i, value := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(escape(value, false))
	}
	return b.String()
}

func writeSort(keys []SortKey) string {
	texts := make([]string, 0, len(keys))
	for _, k := range keys {
		if k.Desc {
			k.Field = "-" + k.Field
		}
		texts = append(texts, k.Field)
	}
	return strings.Join(texts, ",")
}

func (v *Vocabulary) writeFacets(facets []Facet) string {
	texts := make([]string, 0, len(facets))
	for _, f := range facets {
		text := v.paramOf(f.Field)
		if f.Limit != 0 {
			text += ":" + strconv.Itoa(f.Limit)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}
