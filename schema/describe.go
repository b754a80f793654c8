package schema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// Type is the JSON type of a field.
type Type string

const (
	String  Type = "string"
	Bool    Type = "bool"
	Int     Type = "int"
	Float   Type = "float"
	List    Type = "[]string"
	Records Type = "[]record" // in Detail and AgentDetail only: a list of flat records
)

// Field describes one key of a record.
type Field struct {
	Key   string // JSON key = Go field name
	Type  Type
	Unit  string
	Doc   string
	From  string
	Param string // filter parameter of the list API, lower case
	All   string // key of the list of all values, of which this is the main one; "" for most
	Order string // order of its values, see Rank; "" for most: that of letters
	Index int    // position in the record
}

// Missing reports whether v, of a number field, stands for a value that the
// source does not provide: -1 in all of them, and 0 in a time. A missing value
// never matches a positive filter and sorts last in both directions. The same
// holds for the empty text and the empty list; a 0 that is not a time is a
// value.
func (f Field) Missing(v float64) bool {
	switch f.Type {
	case Int, Float:
		return v == -1 || v == 0 && f.Unit == unitTime
	case String, Bool, List, Records:
	}
	return false
}

// MissingNumber returns Missing, for who asks it of many values of one field.
func (f Field) MissingNumber() func(float64) bool {
	switch {
	case f.Missing(0):
		return func(v float64) bool { return v == -1 || v == 0 }
	case f.Missing(-1):
		return func(v float64) bool { return v == -1 }
	}
	return func(float64) bool { return false }
}

// unitTime is the unit of times.
const unitTime = "Unix s"

// Describe returns the fields of the record type T in the order of its keys.
func Describe[T any]() []Field { return describe(reflect.TypeFor[T]()) }

func describe(record reflect.Type) []Field {
	var fields []Field
	for _, f := range keys(record) {
		fields = append(fields, Field{
			Key: f.Name, Type: typeOf(f.Type), Unit: f.Tag.Get("unit"), Doc: f.Tag.Get("doc"), From: f.Tag.Get("from"), All: f.Tag.Get("all"), Order: f.Tag.Get("order"),
			Param: cmp.Or(f.Tag.Get("param"), strings.ToLower(f.Name)), Index: len(fields),
		})
	}
	return fields
}

// keys returns the struct fields that are keys of the record, in the order in
// which encoding/json writes them. Fields of embedded structs stand in their
// place; those hidden by an outer field of the same name are left out. Index of
// each is its path from the record. An embedded struct is not itself a key, so
// the Workflow in a Detail does not hide the key Workflow.
func keys(record reflect.Type) []reflect.StructField {
	all := walk(record, nil)
	depth := map[string]int{}
	for _, f := range all {
		if d, seen := depth[f.Name]; !seen || len(f.Index) < d {
			depth[f.Name] = len(f.Index)
		}
	}
	return slices.DeleteFunc(all, func(f reflect.StructField) bool { return len(f.Index) > depth[f.Name] })
}

func walk(t reflect.Type, path []int) (out []reflect.StructField) {
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(slices.Clone(path), i)
		if f.Anonymous {
			out = append(out, walk(f.Type, f.Index)...)
		} else if f.IsExported() {
			out = append(out, f)
		}
	}
	return out
}

// typeOf returns "" for a type that no record may have; a test checks that no
// record has one.
func typeOf(t reflect.Type) Type {
	switch t.Kind() {
	case reflect.String:
		return String
	case reflect.Bool:
		return Bool
	case reflect.Int64:
		return Int
	case reflect.Float64:
		return Float
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.String:
			return List
		case reflect.Struct:
			return Records
		}
	}
	return ""
}
