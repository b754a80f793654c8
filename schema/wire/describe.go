package wire

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Form is the form of a parameter's value.
type Form string

const (
	FormText       Form = "text"
	FormNumber     Form = "number"
	FormWhole      Form = "whole number"
	FormFlag       Form = "flag"
	FormTime       Form = "time"
	FormDuration   Form = "duration"
	FormField      Form = "field"
	FormFacet      Form = "facet"
	FormGeneration Form = "generation"
	FormLimit      Form = "limit"
	FormFormat     Form = "format"
)

// Param describes one parameter of a list request.
type Param struct {
	Name string
	Doc  string
	Form Form
	List bool // takes several values, by commas or by being repeated
}

// DescribeParams describes all parameters of a list request, by name.
func DescribeParams() []Param { return ofWorkflows().Describe() }

// Describe describes all parameters of the vocabulary, by name.
func (v *Vocabulary) Describe() []Param {
	out := make([]Param, 0, len(v.names))
	for _, p := range v.params {
		out = append(out, Param{Name: p.name, Doc: p.doc, Form: p.form, List: p.list})
	}
	slices.SortFunc(out, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// valueForm returns the form of the values of a filter on a field.
func valueForm(f schema.Field) Form {
	switch {
	case numeric(f):
		return FormNumber
	case f.Type == schema.Bool:
		return FormFlag
	}
	return FormText
}
