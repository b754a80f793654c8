package mango

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// parser reads one selector.
type parser struct {
	fields  []schema.Field
	nodes   int
	program int // instructions of all regular expressions
	used    map[int]bool
}

// Parse reads a selector over the keys of fields. The error is a
// *wire.Problem: bad-selector, unknown-field, or too-expensive beyond the
// limits.
func Parse(raw []byte, fields []schema.Field) (*Selector, error) {
	p := &parser{fields: fields, used: map[int]bool{}}
	root, err := p.selector(raw, 1)
	if err != nil {
		return nil, err
	}
	s := &Selector{root: root, fields: fields}
	for f := range fields {
		if p.used[f] {
			s.used = append(s.used, f)
		}
	}
	return s, nil
}

// bad returns the problem of an invalid selector.
func bad(format string, args ...any) error {
	return wire.NewProblem(wire.SlugBadSelector, fmt.Sprintf(format, args...))
}

// Member is one member of an object.
type Member struct {
	Key   string
	Value json.RawMessage
}

// Members reads an object in its order; a duplicate key is an error, because
// one of the two would be ignored.
func Members(raw []byte, what string) ([]Member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, bad("%s must be an object.", what)
	}
	var out []Member
	known := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, bad("%s is not valid JSON.", what)
		}
		var m json.RawMessage
		if err := d.Decode(&m); err != nil {
			return nil, bad("%s is not valid JSON at %.80q.", what, key)
		}
		if known[key] {
			return nil, bad("%.80q appears twice in %s.", key, what)
		}
		known[key] = true
		out = append(out, Member{key, m})
	}
	if _, err := d.Token(); err != nil {
		return nil, bad("%s is not valid JSON.", what)
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // a decoder's own end
		return nil, bad("%s is followed by extra data.", what)
	}
	return out, nil
}

// node counts and checks a new node.
func (p *parser) node(n Node, depth int) (*Node, error) {
	if p.nodes++; p.nodes > MaxNodes {
		return nil, wire.TooExpensive(fmt.Sprintf("A selector may have at most %d conditions.", MaxNodes))
	}
	if depth > MaxDepth {
		return nil, wire.TooExpensive(fmt.Sprintf("A selector may be at most %d levels deep.", MaxDepth))
	}
	return &n, nil
}

// selector reads an object of fields and combinations: their conjunction.
func (p *parser) selector(raw []byte, depth int) (*Node, error) {
	return p.conjunction(raw, depth, "the selector", func(m Member) (*Node, error) {
		if strings.HasPrefix(m.Key, "$") {
			return p.combination(m, depth+1, p.selector)
		}
		f, err := wire.FieldNamed("selector", m.Key)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(p.fields, func(o schema.Field) bool { return o.Key == f.Key })
		if i < 0 {
			return nil, wire.UnknownField("selector", m.Key, nil)
		}
		p.used[i] = true
		n, err := p.node(Node{Field: i}, depth+1)
		if err != nil {
			return nil, err
		}
		child, err := p.condition(m.Value, depth+2)
		n.Children = []*Node{child}
		return n, err
	})
}

// condition reads the condition of a field, or an element: an object of
// operators or a value that it must equal.
func (p *parser) condition(raw []byte, depth int) (*Node, error) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || trimmed[0] != '{' {
		value, err := plain(raw, "$eq")
		if err != nil {
			return nil, err
		}
		return p.node(Node{Op: "$eq", Field: -1, Value: value}, depth)
	}
	return p.conjunction(raw, depth, "a condition", func(m Member) (*Node, error) {
		switch m.Key {
		case "$and", "$or", "$nor", "$not":
			return p.combination(m, depth+1, p.condition)
		}
		return p.operator(m, depth+1)
	})
}

func (p *parser) conjunction(raw []byte, depth int, what string, read func(Member) (*Node, error)) (*Node, error) {
	n, err := p.node(Node{Op: "$and", Field: -1}, depth)
	if err != nil {
		return nil, err
	}
	members, err := Members(raw, what)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		child, err := read(m)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	if len(n.Children) == 1 {
		return n.Children[0], nil
	}
	if len(n.Children) == 0 && what == "a condition" {
		return nil, bad("A condition is empty.")
	}
	return n, nil
}

// combination reads $and, $or, $nor and $not.
func (p *parser) combination(m Member, depth int, read func([]byte, int) (*Node, error)) (*Node, error) {
	n, err := p.node(Node{Op: m.Key, Field: -1}, depth)
	if err != nil {
		return nil, err
	}
	parts := []json.RawMessage{m.Value}
	switch m.Key {
	case "$and", "$or", "$nor":
		if json.Unmarshal(m.Value, &parts) != nil || parts == nil {
			return nil, bad("%s requires a list of selectors.", m.Key)
		}
	case "$not":
	default:
		return nil, unknownOperator(m.Key)
	}
	for _, part := range parts {
		child, err := read(part, depth+1)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	return n, nil
}

// operators are all supported operators.
var operators = []string{
	"$and", "$or", "$not", "$nor", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin",
	"$exists", "$type", "$all", "$elemMatch", "$size", "$mod", "$regex",
}

func unknownOperator(name string) error {
	p := wire.NewProblem(wire.SlugBadSelector, fmt.Sprintf("Unknown operator %.80q at this place.", name))
	if !strings.HasPrefix(name, "$") {
		p.Detail = fmt.Sprintf("%.80q is not an operator, and values of records have no members.", name)
	}
	p.DidYouMean = wire.Near(name, operators, 3)
	return p
}

// operator reads an operator on values.
func (p *parser) operator(m Member, depth int) (*Node, error) {
	n, err := p.node(Node{Op: m.Key, Field: -1}, depth)
	if err != nil {
		return nil, err
	}
	switch m.Key {
	case "$eq", "$ne", "$gt", "$gte", "$lt", "$lte":
		n.Value, err = plain(m.Value, m.Key)
	case "$in", "$nin", "$all":
		n.Values, err = list(m.Value, m.Key)
		n.index()
	case "$exists":
		var yes bool
		if json.Unmarshal(m.Value, &yes) != nil || string(m.Value) == "null" {
			return nil, bad("$exists requires true or false.")
		}
		n.Value = yes
	case "$type":
		var name string
		if json.Unmarshal(m.Value, &name) != nil || !slices.Contains(typeNames[:], name) {
			return nil, bad("$type requires one of %s.", strings.Join(typeNames[:], ", "))
		}
		n.Value = name
	case "$size":
		var size uint32
		if json.Unmarshal(m.Value, &size) != nil || string(m.Value) == "null" {
			return nil, bad("$size requires a whole number.")
		}
		n.Value = float64(size)
	case "$mod":
		var pair []int64
		if json.Unmarshal(m.Value, &pair) != nil || len(pair) != 2 || pair[0] == 0 {
			return nil, bad("$mod requires [divisor, remainder]: whole numbers, the divisor not 0.")
		}
		n.mod = [2]int64{pair[0], pair[1]}
	case "$regex":
		return n, p.setRegex(n, m.Value)
	case "$elemMatch":
		child, err := p.condition(m.Value, depth+1)
		n.Children = []*Node{child}
		return n, err
	default:
		return nil, unknownOperator(m.Key)
	}
	return n, err
}

// plain reads a value that can be compared with a value of a record.
func plain(raw []byte, op string) (any, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, bad("The value of %s is not valid JSON.", op)
	}
	if hasObject(v) {
		return nil, bad("%s can't be an object: no value of a record is an object.", op)
	}
	return v, nil
}

func hasObject(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(v, hasObject)
	}
	return false
}

func list(raw []byte, op string) ([]any, error) {
	v, err := plain(raw, op)
	if err != nil {
		return nil, err
	}
	values, ok := v.([]any)
	if !ok {
		return nil, bad("%s requires a list.", op)
	}
	return values, nil
}
