package mango

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Terms returns conditions of a list request that every match fulfils, and
// whether they are equivalent to the selector: then nothing is left to be
// matched.
func (s *Selector) Terms() (terms []wire.Term, exact bool) {
	conjuncts := []*Node{s.root}
	if s.root.Op == "$and" {
		conjuncts = s.root.Children
	}
	exact = true
	for _, c := range conjuncts {
		if c.Op != "" {
			exact = false
			continue
		}
		conditions := []*Node{c.Children[0]}
		if conditions[0].Op == "$and" {
			conditions = conditions[0].Children
		}
		for _, condition := range conditions {
			term, all := termOf(s.fields[c.Field], condition)
			if term.Op != "" {
				terms = append(terms, term)
			}
			exact = exact && all
		}
	}
	return terms, exact
}

// termOf returns the term of one condition. all is false when the condition is
// stricter than the term; a term without Op states nothing.
func termOf(f schema.Field, n *Node) (t wire.Term, all bool) {
	t.Field = f.Key
	if f.All != "" { // a selector tests the key that it names, not all values
		t.Field = wire.MainField(f.Key)
	}
	values, op := n.Values, wire.Op("")
	switch n.Op {
	case "$eq", "$ne":
		values = []any{n.Value}
	case "$elemMatch":
		if f.Type != schema.List || n.Children[0].Op != "$eq" {
			return t, false
		}
		values = []any{n.Children[0].Value}
	case "$gte", "$gt":
		return lowerBound(f, n)
	}
	switch n.Op {
	case "$eq", "$in", "$elemMatch":
		op = wire.In
	case "$ne", "$nin":
		op = wire.NotIn
	}
	ofList := n.Op == "$in" || n.Op == "$nin" || n.Op == "$elemMatch"
	if op == "" || len(values) == 0 || (f.Type == schema.List) && !ofList {
		return t, false
	}
	for _, v := range values {
		text, ok := termValue(f, v)
		if !ok {
			return wire.Term{}, false
		}
		t.Values = append(t.Values, text)
	}
	slices.Sort(t.Values)
	t.Op, t.Values = op, slices.Compact(t.Values)
	return t, true
}

// termValue writes a value for a term; ok is false where a term would mean
// something else: wildcards, and values that count as missing.
func termValue(f schema.Field, v any) (text string, ok bool) {
	switch f.Type {
	case schema.String, schema.List:
		text, ok = v.(string)
		return text, ok && text != "" && !strings.Contains(text, "*")
	case schema.Bool:
		yes, ok := v.(bool)
		return strconv.FormatBool(yes), ok
	}
	n, ok := v.(float64)
	return strconv.FormatFloat(n, 'f', -1, 64), ok && n != -1 && !(n == 0 && f.Unit == "Unix s")
}

// lowerBound is a lower bound; -1 and, in times, 0 count as missing in terms,
// so only bounds above them mean the same.
func lowerBound(f schema.Field, n *Node) (t wire.Term, all bool) {
	number, ok := n.Value.(float64)
	if f.Type != schema.Int && f.Type != schema.Float || !ok {
		return t, false
	}
	least, strict := number, n.Op == "$gt"
	if f.Type == schema.Int {
		if least = math.Ceil(number); strict && least == number && math.Abs(number) < 1<<52 {
			least++
		}
		strict = strict && least == number
	}
	if least <= 0 {
		return t, false
	}
	return wire.Term{Field: f.Key, Op: wire.Min, Number: least}, !strict
}

// recordSteps are the steps of reading a record, in addition to its bytes.
const recordSteps = 500

// Match reports whether an encoded record matches. The error may be that of
// the budget.
func (m *Matcher) Match(record []byte, s *Selector) (bool, error) {
	if !m.budget.Spend(recordSteps + 2*len(record)) {
		return false, fmt.Errorf("match a record: %w", m.budget.Stopped())
	}
	left := len(s.used)
	for member, err := range render.Members(record) {
		if err != nil {
			return false, fmt.Errorf("match a record: %w", err)
		}
		if left == 0 {
			break
		}
		f := s.used[len(s.used)-left]
		if string(member.Key) != s.fields[f].Key {
			continue
		}
		if m.doc[f], err = decode(s.fields[f].Type, member.Value); err != nil {
			return false, fmt.Errorf("match %s of a record: %w", member.Key, err)
		}
		left--
	}
	if left > 0 {
		return false, fmt.Errorf("match a record: %w", render.ErrForm)
	}
	matches := m.match(m.root, nil)
	if err := m.budget.Stopped(); err != nil {
		return false, fmt.Errorf("match a record: %w", err)
	}
	return matches, nil
}

func decode(t schema.Type, raw []byte) (any, error) {
	switch t {
	case schema.Int, schema.Float:
		return strconv.ParseFloat(string(raw), 64)
	case schema.Bool:
		return raw[0] == 't', nil
	}
	var v any
	err := json.Unmarshal(raw, &v)
	return v, err
}
