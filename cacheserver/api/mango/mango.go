// Package mango reads selectors in the form of CouchDB's /_find and matches
// records. It knows the keys of the records, so a wrong name is an error and
// not a selector that matches nothing. It does no I/O and has no query
// planner: Terms returns the part of a selector that the columns of the store
// can answer; the rest is matched on encoded records.
//
// Where CouchDB's documentation can be read in two ways, it behaves like
// CouchDB: a condition with several operators is their conjunction, $not may
// appear in a condition, and $in and $nin of a list test its elements.
// condition, and $in and $nin of a list ask for its elements.
package mango

import (
	"fmt"
	"slices"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
)

// Limits of a selector.
const (
	MaxDepth = 16
	MaxNodes = 256
)

// Node is one condition of a selector. A node with a Field tests its value;
// nodes below it have an empty Field.
type Node struct {
	Op       string // $and, $or, $nor, $not, an operator of a value, or "" for Field
	Field    int    // index of the field; -1: none
	Children []*Node
	Value    any   // operand of an operator of values
	Values   []any // of $in, $nin, $all
	regex    *pattern
	mod      [2]int64
	scalars  map[any]struct{} // those of Values that are not lists
	lists    []any            // the others
}

// Selector is a selector that has been checked.
type Selector struct {
	root   *Node
	fields []schema.Field
	used   []int // indexes of the tested fields, ascending
}

// Fields returns the keys that the selector tests, in the order of the record.
func (s *Selector) Fields() []string {
	keys := make([]string, len(s.used))
	for i, f := range s.used {
		keys[i] = s.fields[f].Key
	}
	return keys
}

// All reports whether everything matches.
func (s *Selector) All() bool { return s.root.Op == "$and" && len(s.root.Children) == 0 }

// Matcher matches records; not safe for concurrent use.
type Matcher struct {
	budget   *budget.Budget
	root     *Node
	collator *collate.Collator
	fields   []schema.Field
	doc      []any // by index of field
	missing  bool  // the tested field has no value
}

// Matcher returns a matcher that spends a budget.
func (s *Selector) Matcher(b *budget.Budget) *Matcher {
	return &Matcher{budget: b, root: s.root, fields: s.fields, collator: collate.New(language.Und), doc: make([]any, len(s.fields))}
}

// nodeSteps are the steps of testing one condition on one value.
const nodeSteps = 30

// match tests a node on a value; nodes with a field look the value up. The
// result must not be used when the budget is exhausted.
func (m *Matcher) match(n *Node, value any) bool {
	if !m.budget.Spend(nodeSteps) {
		return false
	}
	switch n.Op {
	case "":
		m.missing = missing(m.fields[n.Field], m.doc[n.Field])
		return m.match(n.Children[0], m.doc[n.Field])
	case "$and":
		return !slices.ContainsFunc(n.Children, func(c *Node) bool { return !m.match(c, value) })
	case "$or":
		return slices.ContainsFunc(n.Children, func(c *Node) bool { return m.match(c, value) })
	case "$nor", "$not":
		return !slices.ContainsFunc(n.Children, func(c *Node) bool { return m.match(c, value) })
	case "$eq":
		return m.equal(value, n.Value)
	case "$ne":
		return !m.equal(value, n.Value)
	case "$lt":
		return !m.missing && m.compare(value, n.Value) < 0
	case "$lte":
		return !m.missing && m.compare(value, n.Value) <= 0
	case "$gt":
		return !m.missing && m.compare(value, n.Value) > 0
	case "$gte":
		return !m.missing && m.compare(value, n.Value) >= 0
	case "$in":
		return m.among(value, n)
	case "$nin":
		return !m.among(value, n)
	}
	return m.matchShape(n, value)
}

// missing reports whether a value of a record stands for no value. It is in no
// range.
func missing(f schema.Field, value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case float64:
		return f.Missing(v)
	}
	return false
}

// matchShape implements the operators for values of one type.
func (m *Matcher) matchShape(n *Node, value any) bool {
	switch n.Op {
	case "$exists":
		return (value != nil) == n.Value
	case "$type":
		return typeNames[typeOf(value)] == n.Value
	case "$regex":
		text, ok := value.(string)
		return ok && n.regex.match(m.budget, text)
	case "$mod":
		number, ok := value.(float64)
		return ok && number == float64(int64(number)) && int64(number)%n.mod[0] == n.mod[1]
	}
	list, ok := value.([]any)
	if !ok {
		return false
	}
	switch n.Op {
	case "$size":
		return float64(len(list)) == n.Value
	case "$all":
		return !slices.ContainsFunc(n.Values, func(want any) bool { return !m.contains(list, want) })
	case "$elemMatch":
		return slices.ContainsFunc(list, func(element any) bool { return m.match(n.Children[0], element) })
	}
	return false
}

// index prepares the values of $in and $nin for lookup: there may be
// thousands, and each element of each record is looked up.
func (n *Node) index() {
	n.scalars = make(map[any]struct{}, len(n.Values))
	for _, v := range n.Values {
		if typeOf(v) == kindArray {
			n.lists = append(n.lists, v)
		} else {
			n.scalars[v] = struct{}{}
		}
	}
}

// among implements $in: the value, or an element of it, is one of the values.
func (m *Matcher) among(value any, n *Node) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return m.oneOf(element, n) })
	}
	return m.oneOf(value, n)
}

func (m *Matcher) oneOf(value any, n *Node) bool {
	if !m.budget.Spend(nodeSteps) {
		return false
	}
	if typeOf(value) == kindArray {
		return m.contains(n.lists, value)
	}
	_, there := n.scalars[value]
	return there
}

func (m *Matcher) contains(list []any, want any) bool {
	return slices.ContainsFunc(list, func(v any) bool { return m.budget.Spend(1) && m.equal(v, want) })
}

// equal reports whether compare finds no difference; texts need no collation
// for that.
func (m *Matcher) equal(a, b any) bool {
	switch a := a.(type) {
	case nil, bool, float64, string:
		return a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, m.equal)
	}
	return typeOf(b) == kindObject
}

// kinds of JSON values, in the order in which CouchDB sorts them.
const (
	kindNull = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

var typeNames = [...]string{"null", "boolean", "number", "string", "array", "object"}

func typeOf(v any) int {
	switch v.(type) {
	case nil:
		return kindNull
	case bool:
		return kindBool
	case float64:
		return kindNumber
	case string:
		return kindString
	case []any:
		return kindArray
	}
	return kindObject
}

// collateSteps are the steps per byte of comparing two texts.
const collateSteps = 20

// compare implements CouchDB's order of values: by type, then by value, texts
// by Unicode's collation and then by their bytes.
func (m *Matcher) compare(a, b any) int {
	kind := typeOf(a)
	if other := typeOf(b); kind != other {
		return kind - other
	}
	switch kind {
	case kindBool:
		x, y := 0, 0
		if a == true {
			x = 1
		}
		if b == true {
			y = 1
		}
		return x - y
	case kindNumber:
		return order(a.(float64), b.(float64)) //nolint:forcetypeassert // typeOf has checked it
	case kindString:
		x, y := fmt.Sprint(a), fmt.Sprint(b)
		if x == y || !m.budget.Spend(collateSteps*(len(x)+len(y))) {
			return 0
		}
		if c := m.collator.CompareString(x, y); c != 0 {
			return c
		}
		return order(x, y)
	case kindArray:
		x, y := a.([]any), b.([]any) //nolint:forcetypeassert // typeOf has checked it
		return slices.CompareFunc(x, y, m.compare)
	}
	return 0 // two nulls; objects occur neither in records nor in selectors
}

func order[T float64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
