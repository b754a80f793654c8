package wire

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dmwm/wmstats/schema"
)

// ParseQuery reads the parameters of a list request. Its error is always a
// *Problem. The result is canonical: lists sorted and without repetition,
// defaults left out, terms in the order of the schema.
func ParseQuery(v url.Values) (Query, error) { return ParseQueryExcept(v) }

// ParseQueryExcept leaves the parameters named in own to the caller, but
// suggests them when an unknown one resembles them. Their case matters.
func ParseQueryExcept(v url.Values, own ...string) (Query, error) {
	return ofWorkflows().Parse(v, own...)
}

// Parse is ParseQueryExcept for the lists of the vocabulary.
func (v *Vocabulary) Parse(values url.Values, own ...string) (Query, error) {
	var q Query
	if len(values) == 0 {
		return q, nil
	}
	given, p := v.gather(values, own)
	if p != nil {
		return Query{}, p
	}
	var room [16]string
	for _, name := range sortedNames(given, room[:0]) {
		par := v.params[name]
		if p := par.read(&q, par.name, given[name]); p != nil {
			return Query{}, p
		}
	}
	if p := v.finish(&q); p != nil {
		return Query{}, p
	}
	return q, nil
}

// DropEmpty returns v without its empty values. Browsers send every input of a
// form, and an empty one means "not asked for"; ParseQuery refuses it.
func DropEmpty(v url.Values) url.Values {
	out := url.Values{}
	for name, values := range v {
		for _, value := range values {
			if value != "" {
				out.Add(name, value)
			}
		}
	}
	return out
}

// gather checks the names and merges different cases of one name.
func (v *Vocabulary) gather(values url.Values, own []string) (map[string][]string, *Problem) {
	given := make(map[string][]string, len(values))
	var room [16]string
	for _, name := range sortedNames(values, room[:0]) {
		if slices.Contains(own, name) {
			continue
		}
		lower := strings.ToLower(name)
		par, ok := v.params[lower]
		if !ok {
			return nil, UnknownParameter(name, Near(name, slices.Concat(v.names, own), 3))
		}
		for _, value := range values[name] {
			if value == "" {
				return nil, BadValue(par.name, emptyText(par.name))
			}
			if !utf8.ValidString(value) {
				return nil, BadValue(par.name, "The value is not valid UTF-8.")
			}
		}
		if have := given[lower]; have == nil {
			given[lower] = slices.Clip(values[name])
		} else {
			given[lower] = append(have, values[name]...)
		}
		if !par.list && len(given[lower]) > 1 {
			return nil, BadValue(par.name, fmt.Sprintf("%q appears more than once.", par.name))
		}
	}
	return given, nil
}

// sortedNames returns the names in order, in room as far as they fit.
func sortedNames(v map[string][]string, room []string) []string {
	for name := range v {
		room = append(room, name)
	}
	slices.Sort(room)
	return room
}

// finish checks what depends on several parameters, and puts terms in order.
func (v *Vocabulary) finish(q *Query) *Problem {
	index := func(t Term) int { return v.byKey[t.Field].Index }
	slices.SortStableFunc(q.Terms, func(a, b Term) int {
		return cmp.Or(cmp.Compare(index(a), index(b)), cmp.Compare(opRank(a.Op), opRank(b.Op)))
	})
	for i := 1; i < len(q.Terms); i++ {
		if a, b := q.Terms[i-1], q.Terms[i]; a.Field == b.Field && a.Op == b.Op {
			name := v.boundName(b)
			return BadValue(name, fmt.Sprintf("%q appears more than once, under two names.", name))
		}
	}
	if q.After != "" && len(q.Sort) > 0 {
		return BadValue("after", "after= pages in the order of names: omit sort.")
	}
	if len(q.Facets) > 0 {
		q.Envelope = true
	}
	if q.Envelope && q.Format != "" && q.Format != JSON {
		return BadValue("format", "envelope=1 and facets= require format=json.")
	}
	return nil
}

var opOrder = []Op{In, NotIn, Min, Max, MinAge, MaxAge, Has, HasNot}

func opRank(op Op) int { return slices.Index(opOrder, op) }

// readValues reads the values of a field: In, NotIn or both.
func readValues(q *Query, f schema.Field, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	var in, notIn []string
	for _, it := range items {
		text, p := fieldValue(f, name, it.text)
		switch {
		case p != nil:
			return p
		case it.not:
			notIn = append(notIn, text)
		default:
			in = append(in, text)
		}
	}
	if in = sorted(in); in != nil {
		q.Terms = append(q.Terms, Term{Field: f.Key, Op: In, Values: in})
	}
	if notIn = sorted(notIn); notIn != nil {
		q.Terms = append(q.Terms, Term{Field: f.Key, Op: NotIn, Values: notIn})
	}
	return nil
}

// fieldValue checks a value against the type of its field.
func fieldValue(f schema.Field, name, text string) (string, *Problem) {
	switch {
	case numeric(f):
		n, ok := parseNumber(text)
		if !ok {
			return "", BadValue(name, fmt.Sprintf("%s is a number: use minX= and maxX= for a range.", f.Key))
		}
		return formatNumber(n), nil
	case f.Type == schema.Bool:
		b, p := readFlag(name, text)
		return strconv.FormatBool(b), p
	}
	return text, nil
}

func readFlag(name, text string) (bool, *Problem) {
	switch strings.ToLower(text) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, BadValue(name, "The value must be true or false, or 1 or 0.")
}

func sorted(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

// readBound reads min or max of a number; for times also a duration, which
// bounds the age from the other side.
func readBound(f schema.Field, op, aged Op) func(*Query, string, []string) *Problem {
	return func(q *Query, name string, values []string) *Problem {
		if n, ok := parseNumber(values[0]); ok {
			q.Terms = append(q.Terms, Term{Field: f.Key, Op: op, Number: n})
			return nil
		}
		if !isTime(f) {
			return BadValue(name, "The value must be a decimal number.")
		}
		if n, ok := parseDuration(values[0]); ok {
			q.Terms = append(q.Terms, Term{Field: f.Key, Op: aged, Number: n})
			return nil
		}
		n, ok := parseTime(values[0])
		if !ok {
			return BadValue(name, "The value must be a time (2026-01-31T12:00:00Z or Unix seconds) or a duration such as 90m or 2d.")
		}
		q.Terms = append(q.Terms, Term{Field: f.Key, Op: op, Number: n})
		return nil
	}
}

// readAge reads minAge or maxAge.
func readAge(op Op) func(*Query, string, []string) *Problem {
	return func(q *Query, name string, values []string) *Problem {
		n, ok := parseDuration(values[0])
		if !ok {
			n, ok = parseNumber(values[0])
		}
		if !ok || n < 0 || n > maxDuration {
			return BadValue(name, "The value must be a duration such as 90m or 2d.")
		}
		q.Terms = append(q.Terms, Term{Field: statusTime, Op: op, Number: n})
		return nil
	}
}

func (v *Vocabulary) readHas(q *Query, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	for _, it := range items {
		f, p := v.field(name, it.text)
		if p != nil {
			return p
		}
		t := Term{Field: f.Key, Op: Has}
		if it.not {
			t.Op = HasNot
		}
		if !slices.ContainsFunc(q.Terms, func(o Term) bool { return o.Field == t.Field && o.Op == t.Op }) {
			q.Terms = append(q.Terms, t)
		}
	}
	return nil
}

// readNames reads name=. A wildcard would match nothing, as names are compared
// as they are, so it is refused with the parameter that takes one.
func readNames(q *Query, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	for _, it := range items {
		if it.not || strings.Contains(it.text, "*") {
			return BadValue(name, "name= accepts exact names; use workflow= for wildcards and exclusions.")
		}
		q.Names = append(q.Names, it.text)
	}
	if q.Names = sorted(q.Names); len(q.Names) > MaxNames {
		return BadValue(name, fmt.Sprintf("A request may have at most %d names.", MaxNames))
	}
	return nil
}

func (v *Vocabulary) readSort(q *Query, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	for _, it := range items {
		text, desc := strings.CutPrefix(it.text, "-")
		f, p := v.field(name, text)
		switch {
		case p != nil:
			return p
		case it.not:
			return BadValue(name, "Descending order is written with a minus: sort=-"+f.Key+".")
		case slices.ContainsFunc(q.Sort, func(k SortKey) bool { return k.Field == f.Key }):
			return BadValue(name, fmt.Sprintf("%q appears more than once.", f.Key))
		}
		q.Sort = append(q.Sort, SortKey{Field: f.Key, Desc: desc})
	}
	// Names are unique: keys after the name have no effect, and the name
	// ascending breaks ties anyway.
	if i := slices.IndexFunc(q.Sort, func(k SortKey) bool { return k.Field == v.fields[0].Key }); i >= 0 {
		if q.Sort = q.Sort[:i+1]; !q.Sort[i].Desc {
			q.Sort = q.Sort[:i]
		}
	}
	if len(q.Sort) == 0 {
		q.Sort = nil
	}
	if len(q.Sort) > MaxSortKeys {
		p := TooExpensive(fmt.Sprintf("At most %d keys in sort=.", MaxSortKeys))
		p.Param = name
		return p
	}
	return nil
}

func (v *Vocabulary) readFields(q *Query, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	want := map[string]bool{v.fields[0].Key: true}
	for _, it := range items {
		f, p := v.field(name, it.text)
		if p != nil {
			return p
		}
		if it.not {
			return BadValue(name, "fields= lists the keys to return; exclusions are not supported.")
		}
		want[f.Key] = true
	}
	if len(want) == len(v.fields) {
		return nil
	}
	for _, f := range v.fields {
		if want[f.Key] {
			q.Fields = append(q.Fields, f.Key)
		}
	}
	return nil
}

func (v *Vocabulary) readFacets(q *Query, name string, values []string) *Problem {
	items, p := splitList(name, values)
	if p != nil {
		return p
	}
	for _, it := range items {
		text, number, counted := strings.Cut(it.text, ":")
		f, p := v.field(name, text)
		switch {
		case p != nil:
			return p
		case it.not || !Countable(f):
			return BadValue(name, fmt.Sprintf("%s is an amount; facets count texts, lists, flags and identifying numbers such as Run.", f.Key))
		case slices.ContainsFunc(q.Facets, func(o Facet) bool { return o.Field == f.Key }):
			return BadValue(name, fmt.Sprintf("%q appears more than once.", f.Key))
		}
		n := DefaultFacet
		if counted {
			if n, p = whole(name, number, 1, MaxFacet); p != nil {
				return p
			}
		}
		if n == DefaultFacet {
			n = 0
		}
		q.Facets = append(q.Facets, Facet{Field: f.Key, Limit: n})
	}
	slices.SortFunc(q.Facets, func(a, b Facet) int {
		return cmp.Compare(v.byKey[a.Field].Index, v.byKey[b.Field].Index)
	})
	return nil
}
