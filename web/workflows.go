package web

// WorkflowsPage are the props of the list of workflows.
type WorkflowsPage struct {
	Frame
	Notes  []Note
	Bar    Bar
	Views  []Choice
	Form   FilterForm
	Active []ActiveFilter
	Clear  string // address without any filter
	Facets []FacetBox
	List   List
	Jobs   []Part // of all workflows under the filter, by state; nil if not known
	All    int64  // workflows without any filter; 0 if not known
	Hints  []Hint
	Sets   []Choice
	Choose string // address of the chooser of columns
	Export Export
}

// Bar is the line of conditions, with what could not be read of it.
type Bar struct {
	Line     string
	Hidden   []Field // the query that is shown now
	Parts    []BarPart
	Mistakes []BarMistake
}

// BarPart is a piece of a line that could not be read.
type BarPart struct {
	Text  string
	Wrong bool
}

// BarMistake says what is wrong with a piece, and how else it may be written.
type BarMistake struct {
	Part, Text string
	Fixes      []Link
}

// FilterForm are the values of the inputs; what has no input is carried along.
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

// ActiveFilter is one condition with the address that drops it.
type ActiveFilter struct{ Label, Value, Href string }

// FacetBox are the most frequent values of one field.
type FacetBox struct {
	Title    string
	Distinct int64
	Other    int64 // workflows, or list elements, of values not shown
	Missing  int64
	Values   []FacetLine
	More     string // address of the page with all values; "" when these are all
}

// FacetLine is one value with the links that put it into the filter or out.
type FacetLine struct {
	Value    string
	Count    int64
	Toggle   string // address with the value included, or no longer
	Exclude  string // address with the value excluded, or no longer; "" where there is no such choice
	Included bool
	Excluded bool
}

// Hint names a filter that leaves nothing, and what there would be without it.
type Hint struct {
	Filter ActiveFilter
	Count  int64
}

// ColumnsPage are the props of the chooser of columns.
type ColumnsPage struct {
	Frame
	Notes          []Note
	Hidden         []Field // the query
	Back           string  // the list
	Moved          string  // column that was moved last
	Chosen, Others []Column
}

// Export are the addresses of the same list for programs.
type Export struct{ JSON, NDJSON, CSV, Curl string }

// ID is the id of the input.
func (in Input) ID() string { return "filter-" + in.Name }

// rest says what a facet does not show.
func (b FacetBox) rest() string {
	switch {
	case len(b.Values) == 0:
		return "no values"
	case b.Other > 0 && b.Missing > 0:
		return Int(b.Other) + " in others, " + Int(b.Missing) + " without"
	case b.Other > 0:
		return Int(b.Other) + " in others"
	case b.Missing > 0:
		return Int(b.Missing) + " without"
	}
	return ""
}

func excludeLabel(l FacetLine) string {
	if l.Excluded {
		return "Do not exclude " + l.Value
	}
	return "Exclude " + l.Value
}

// longValue is the length from which a facet's value may be cut.
const longValue = 16
