package couchfake

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// selector is a compiled Mango selector. As on the real server, field names are
// first pushed down to the conditions and negations to the operators: a
// condition on a missing field is false, even under $not, except for
// {"$exists":false}.
type selector interface {
	matches(doc gjson.Result) bool
}

type allOf []selector

func (s allOf) matches(doc gjson.Result) bool {
	for _, sub := range s {
		if !sub.matches(doc) {
			return false
		}
	}
	return true
}

type anyOf []selector

func (s anyOf) matches(doc gjson.Result) bool {
	for _, sub := range s {
		if sub.matches(doc) {
			return true
		}
	}
	return len(s) == 0
}

// condition is one operator on one field.
type condition struct {
	path    []string // of the field; empty: the value itself
	missing bool     // result when the field is missing
	test    func(value gjson.Result) bool
}

func (s condition) matches(doc gjson.Result) bool {
	value, found := fieldAt(doc, s.path)
	if !found {
		return s.missing
	}
	return s.test(value)
}

// fieldAt walks to a field. A path part that is a number selects from an array.
func fieldAt(value gjson.Result, path []string) (gjson.Result, bool) {
	for _, part := range path {
		if !value.IsObject() && !value.IsArray() {
			return value, false
		}
		if value = value.Get(gjson.Escape(part)); !value.Exists() {
			return value, false
		}
	}
	return value, true
}

// compiler builds selectors; it knows the order of JSON values.
type compiler struct{ coll *collation }

func (s *Server) compileSelector(sel gjson.Result) (selector, error) {
	return compiler{s.coll}.compile(nil, sel, false)
}

// compile builds the selector for the value at path; negated inverts it.
func (k compiler) compile(path []string, sel gjson.Result, negated bool) (selector, error) {
	if !sel.IsObject() {
		return k.operator(path, "$eq", sel, negated)
	}
	var parts []selector
	var err error
	sel.ForEach(func(name, arg gjson.Result) bool {
		var part selector
		part, err = k.member(path, name.String(), arg, negated)
		parts = append(parts, part)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 && len(path) > 0 {
		return k.operator(path, "$eq", sel, negated)
	}
	return join(parts, !negated), nil
}

// join builds an "and", or an "or".
func join(parts []selector, and bool) selector {
	switch {
	case len(parts) == 1:
		return parts[0]
	case and:
		return allOf(parts)
	}
	return anyOf(parts)
}

// member compiles one name of a selector: a combination, an operator or a
// field.
func (k compiler) member(path []string, name string, arg gjson.Result, negated bool) (selector, error) {
	switch name {
	case "$and", "$or", "$nor":
		if !arg.IsArray() {
			return nil, badArgument(name, arg)
		}
		var parts []selector
		for _, sub := range arg.Array() {
			part, err := k.compile(path, sub, negated != (name == "$nor"))
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		and := name != "$or"
		if name == "$nor" {
			return join(parts, !negated), nil
		}
		return join(parts, and != negated), nil
	case "$not":
		if !arg.IsObject() {
			return nil, badArgument(name, arg)
		}
		return k.compile(path, arg, !negated)
	}
	if strings.HasPrefix(name, "$") {
		return k.operator(path, name, arg, negated)
	}
	return k.compile(slices.Concat(path, splitField(name)), arg, negated)
}

// splitField parts a field name at its dots; a dot after a backslash is text.
func splitField(name string) []string {
	var parts []string
	part := ""
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '\\' && i+1 < len(name) && name[i+1] == '.':
			part += "."
			i++
		case name[i] == '.':
			parts = append(parts, part)
			part = ""
		default:
			part += name[i : i+1]
		}
	}
	return append(parts, part)
}

// operator compiles one comparison.
func (k compiler) operator(path []string, name string, arg gjson.Result, negated bool) (selector, error) {
	test, err := k.test(name, arg)
	if err != nil {
		return nil, err
	}
	c := condition{path: path, test: test}
	if name == "$exists" {
		want := arg.Bool() != negated
		return condition{path: path, missing: !want, test: func(gjson.Result) bool { return want }}, nil
	}
	if negated {
		c.test = func(value gjson.Result) bool { return !test(value) }
	}
	return c, nil
}

func (k compiler) test(name string, arg gjson.Result) (func(gjson.Result) bool, error) {
	switch name {
	case "$eq":
		return k.equal(arg), nil
	case "$ne":
		equal := k.equal(arg)
		return func(v gjson.Result) bool { return !equal(v) }, nil
	case "$gt", "$gte", "$lt", "$lte":
		return k.compare(name, arg), nil
	case "$in", "$nin":
		return k.oneOf(name, arg)
	case "$exists":
		if !arg.IsBool() {
			return nil, badArgument(name, arg)
		}
		return func(gjson.Result) bool { return true }, nil
	case "$elemMatch", "$allMatch":
		return k.elements(name, arg)
	}
	return k.shape(name, arg)
}

// shape compiles the operators that test the kind of a value.
func (k compiler) shape(name string, arg gjson.Result) (func(gjson.Result) bool, error) {
	switch name {
	case "$type":
		if arg.Type == gjson.String {
			return func(v gjson.Result) bool { return typeName(v) == arg.Str }, nil
		}
	case "$size":
		if arg.Type == gjson.Number && arg.Num >= 0 {
			return func(v gjson.Result) bool { return v.IsArray() && len(v.Array()) == int(arg.Num) }, nil
		}
	case "$mod":
		if pair := arg.Array(); arg.IsArray() && len(pair) == 2 && pair[0].Int() != 0 {
			return func(v gjson.Result) bool {
				return v.Type == gjson.Number && v.Num == float64(v.Int()) && v.Int()%pair[0].Int() == pair[1].Int()
			}, nil
		}
	case "$regex":
		if re, err := regexp.Compile(arg.String()); arg.Type == gjson.String && err == nil {
			return func(v gjson.Result) bool { return v.Type == gjson.String && re.MatchString(v.Str) }, nil
		}
	case "$beginsWith":
		if arg.Type == gjson.String {
			return func(v gjson.Result) bool { return v.Type == gjson.String && strings.HasPrefix(v.Str, arg.Str) }, nil
		}
	case "$all":
		if arg.IsArray() {
			return k.hasAll(arg.Array()), nil
		}
	default:
		return nil, &Error{http.StatusBadRequest, "invalid_operator", "Invalid operator: " + name}
	}
	return nil, badArgument(name, arg)
}

func badArgument(name string, arg gjson.Result) error {
	return &Error{http.StatusBadRequest, "bad_arg", fmt.Sprintf("Bad argument for operator %s: %s", name, arg.Raw)}
}

func (k compiler) equal(arg gjson.Result) func(gjson.Result) bool {
	if arg.Type == gjson.String {
		return func(v gjson.Result) bool { return v.Type == gjson.String && v.Str == arg.Str }
	}
	want := k.coll.key(arg)
	return func(v gjson.Result) bool { return v.Type == arg.Type && k.coll.key(v) == want }
}

func (k compiler) compare(name string, arg gjson.Result) func(gjson.Result) bool {
	want := k.coll.key(arg)
	return func(v gjson.Result) bool {
		switch order := strings.Compare(k.coll.key(v), want); name {
		case "$gt":
			return order > 0
		case "$gte":
			return order >= 0
		case "$lt":
			return order < 0
		default:
			return order <= 0
		}
	}
}

// oneOf compiles $in and $nin: in an array, any element counts.
func (k compiler) oneOf(name string, arg gjson.Result) (func(gjson.Result) bool, error) {
	if !arg.IsArray() {
		return nil, badArgument(name, arg)
	}
	listed := make(map[string]bool)
	for _, a := range arg.Array() {
		listed[k.coll.key(a)] = true
	}
	in := func(v gjson.Result) bool {
		if !v.IsArray() {
			return listed[k.coll.key(v)]
		}
		for _, item := range v.Array() {
			if listed[k.coll.key(item)] {
				return true
			}
		}
		return false
	}
	if name == "$in" {
		return in, nil
	}
	return func(v gjson.Result) bool { return !in(v) }, nil
}

func (k compiler) hasAll(args []gjson.Result) func(gjson.Result) bool {
	return func(v gjson.Result) bool {
		if !v.IsArray() || len(args) == 0 {
			return false
		}
		held := make(map[string]bool)
		for _, item := range v.Array() {
			held[k.coll.key(item)] = true
		}
		for _, a := range args {
			if !held[k.coll.key(a)] {
				return len(args) == 1 && k.coll.key(a) == k.coll.key(v)
			}
		}
		return true
	}
}

// elements compiles $elemMatch and $allMatch.
func (k compiler) elements(name string, arg gjson.Result) (func(gjson.Result) bool, error) {
	if !arg.IsObject() {
		return nil, badArgument(name, arg)
	}
	sub, err := k.compile(nil, arg, false)
	if err != nil {
		return nil, err
	}
	return func(v gjson.Result) bool {
		items := v.Array()
		if !v.IsArray() || len(items) == 0 {
			return false
		}
		for _, item := range items {
			if sub.matches(item) != (name == "$allMatch") {
				return name == "$elemMatch"
			}
		}
		return name == "$allMatch"
	}, nil
}

func typeName(v gjson.Result) string {
	switch {
	case v.Type == gjson.Null:
		return "null"
	case v.IsBool():
		return "boolean"
	case v.Type == gjson.Number:
		return "number"
	case v.Type == gjson.String:
		return "string"
	case v.IsArray():
		return "array"
	}
	return "object"
}
