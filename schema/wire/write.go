package wire

import (
	"net/url"
	"strconv"
	"strings"
)

// Values writes the query back: ParseQuery(q.Values()) equals q, if q came from
// ParseQuery. The values of a list stand in one parameter, with commas. A field
// has at most one Term of each Op.
func (q Query) Values() url.Values {
	v := url.Values{}
	for _, t := range q.Terms {
		writeTerm(v, t)
	}
	set(v, "q", q.Text)
	set(v, "name", joined(q.Names))
	set(v, "sort", writeSort(q.Sort))
	set(v, "fields", joined(q.Fields))
	set(v, "facets", writeFacets(q.Facets))
	set(v, "gen", q.Gen)
	set(v, "after", q.After)
	set(v, "last", q.Last)
	set(v, "format", string(q.Format))
	if q.Idx != 0 {
		v.Set("idx", strconv.Itoa(q.Idx))
	}
	if q.All {
		v.Set("limit", "all")
	} else if q.PageLimit() != DefaultLimit {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Envelope && len(q.Facets) == 0 {
		v.Set("envelope", "1")
	}
	if q.Download {
		v.Set("dl", "1")
	}
	return v
}

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func writeTerm(v url.Values, t Term) {
	name := paramOf(t.Field)
	switch t.Op {
	case In, NotIn:
		for _, value := range t.Values {
			appendItem(v, name, escape(value, t.Op == NotIn))
		}
	case Has:
		appendItem(v, "has", name)
	case HasNot:
		appendItem(v, "has", "!"+name)
	case MinAge, MaxAge:
		v.Set(boundName(t), formatDuration(t.Number))
	default:
		v.Set(boundName(t), formatNumber(t.Number))
	}
}

func appendItem(v url.Values, name, text string) {
	if have := v.Get(name); have != "" {
		text = have + "," + text
	}
	v.Set(name, text)
}

// paramOf is the filter parameter of a schema key.
func paramOf(key string) string {
	if f, ok := words().byKey[key]; ok {
		return f.Param
	}
	return strings.ToLower(key)
}

// boundName is the parameter of a bound. A bound of age is written as the bound
// of time that it is, from the other side; StatusTime has names of its own.
func boundName(t Term) string {
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
	return paramOf(t.Field)
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

func writeFacets(facets []Facet) string {
	texts := make([]string, 0, len(facets))
	for _, f := range facets {
		text := paramOf(f.Field)
		if f.Limit != 0 {
			text += ":" + strconv.Itoa(f.Limit)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}
