package web

// WorkflowsPage are the props of the page of workflows.
type WorkflowsPage struct {
	Frame
	Notes  []Note
	Bar    Bar
	Views  []Choice
	Form   FilterForm
	Active []ActiveFilter
	Order  ActiveFilter // the order, with the address that undoes it
	Clear  string       // address without any filter
	Facets []FacetBox
	List   List
	Jobs   []Part // of all matching workflows, by state; nil if unknown
	All    int64  // workflows without any filter; 0 if unknown
	Hints  Hints  // of a list without matches
	Sets   []Choice
	Choose string // address of the page that chooses columns
	Export Export
}

// Bar is the filter bar: its line, with any mistakes in it.
type Bar struct {
	Line     string
	Hidden   []Field // the current query
	Parts    []BarPart
	Mistakes []BarMistake
}

// BarPart is a piece of a line with mistakes.
type BarPart struct {
	Text  string
	Wrong bool
}

// BarMistake describes a mistake in a piece, with links to corrected lines.
type BarMistake struct {
	Part, Text string
	Fixes      []Link
}

// FilterForm has the inputs of the form; parameters without an input are hidden
// fields.
type FilterForm struct {
	Inputs []Input
	Hidden []Field
}

// Input is one text box.
type Input struct {
	Name, Label, Value, Placeholder string
	Options                         []string // suggestions
	Wide                            bool
}

// ActiveFilter is one condition with the address that removes it.
type ActiveFilter struct {
	Label, Value, Href string
	Note               string // what the condition does beyond its text; usually ""
}

// FacetBox has the most frequent values of one field.
type FacetBox struct {
	Title    string
	Distinct int64
	Other    int64 // workflows, or list elements, with values not shown
	Missing  int64
	Values   []FacetLine
	More     string // address of the page with all values; "" when all are shown
	Note     string // why values are counted that the list leaves out; usually ""
}

// FacetLine is one value with the links that include or exclude it.
type FacetLine struct {
	Value    string
	Count    int64
	Toggle   string // address that includes the value, or undoes that
	Exclude  string // address that excludes the value, or undoes that; "" for none
	Included bool
	Excluded bool
	Out      bool // workflows with it are not in the list: it is excluded, maybe by a wildcard
}

// Hints explain a list without matches.
type Hints struct {
	Unknown []UnknownValue
	Without []Hint
}

// UnknownValue is a value that matches nothing, with what may have been meant.
type UnknownValue struct {
	Lead, Value string // "No workflow has site", "T2_US"
	Meant       []Meant
}

// Meant is what may have been meant, with the number of matches.
type Meant struct {
	Text, Href string
	Count      int64
}

// count is the number of matches in parentheses. Without matches another
// condition is the reason, and the number would discourage.
func (m Meant) count() string {
	if m.Count == 0 {
		return ""
	}
	return " (" + Int(m.Count) + ")"
}

// Hint is a condition of a list without matches, with the number of matches
// without that condition.
type Hint struct {
	Filter ActiveFilter
	Count  int64
	Note   string // what the condition does beyond what its text says; usually ""
}

// ColumnsPage are the props of the page that chooses columns.
type ColumnsPage struct {
	Frame
	Notes          []Note
	Hidden         []Field // the query
	Back           string  // the list
	Moved          string  // the column moved last
	Chosen, Others []Column
}

// Export has the addresses of the same list for programs.
type Export struct{ JSON, NDJSON, CSV, Curl string }

// ID is the id of the input.
func (in Input) ID() string { return "filter-" + in.Name }

// rest describes the values that a facet does not show.
func (b FacetBox) rest() string {
	switch {
	case len(b.Values) == 0:
		return "no values"
	case b.Other > 0 && b.Missing > 0:
		return Int(b.Other) + " more, " + Int(b.Missing) + " unset"
	case b.Other > 0:
		return Int(b.Other) + " more"
	case b.Missing > 0:
		return Int(b.Missing) + " unset"
	}
	return ""
}

// count describes the values on the page of a facet.
func (b FacetBox) count() string {
	text := Plural(b.Distinct, "value", "values")
	if shown := len(b.Values); b.Distinct > int64(shown) {
		text += ", of which the " + Int(int64(shown)) + " most frequent are shown; type to find others"
	}
	return text
}

func excludeLabel(l FacetLine) string {
	if l.Excluded {
		return "Do not exclude " + l.Value
	}
	return "Exclude " + l.Value
}

// longValue is the length above which a facet value may be cut off.
const longValue = 16
