package web

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/schema"
)

// List is a page of workflows as a table.
type List struct {
	Caption string
	Now     int64
	Heads   []Head
	Rows    []schema.Workflow
	Pager   Pager

	Selection string // address of the page with the names of all that match; "" when rows can't be selected
}

// Head is one column with its sort link.
type Head struct {
	Column
	Href string // sorts by it, or turns the order round; "" without sorting
	Sort string // aria-sort: ascending, descending or ""
}

// Pager leads through the pages of a list. Empty addresses are not there.
type Pager struct {
	From, To, Total         int64 // 1-based, both ends included; 0 to 0 when empty
	First, Prev, Next, Last string
	Noun                    string // of what is listed, plural
	Sizes                   []Choice
}

// Choice is one of several, as a link; the current one has no address.
type Choice struct{ Label, Href string }

// Arrow shows the order of a sorted column.
func (h Head) Arrow() string {
	switch h.Sort {
	case "ascending":
		return " ↑"
	case "descending":
		return " ↓"
	}
	return ""
}

// progress reports whether the column is a share that grows to 100, which has
// a bar beside its figure.
func (c Column) progress() bool {
	return c.Key == "JobProgress" || c.Key == "EventProgress" || c.Key == "LumiProgress"
}

// title is what the column means, with what holds for all of its cells.
func (h Head) title() string {
	if h.progress() {
		return h.Doc + "; " + overNote
	}
	return h.Doc
}

// failed reports whether the column tells of failed jobs: they stand out.
func (c Column) failed(w *schema.Workflow) bool {
	return (c.Key == "Failure" || c.Key == "FailureRate") && w.Failure > 0
}

// position says where in the list the page is.
func (p Pager) position() string {
	if p.From == 0 {
		return "no " + p.Noun
	}
	return Int(p.From) + " to " + Int(p.To) + " of " + Int(p.Total) + " " + p.Noun
}

// leastPart is how many bytes of a name stay together at least.
const leastPart = 4

// breakable writes a name that may break into lines after its underscores, and
// elsewhere only where there is no other way.
func breakable(name string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var out strings.Builder
		from := 0
		for i := range len(name) {
			if name[i] == '_' && i+1-from >= leastPart && i+1 < len(name) {
				out.WriteString(templ.EscapeString(name[from:i+1]) + "<wbr>")
				from = i + 1
			}
		}
		_, err := io.WriteString(w, out.String()+templ.EscapeString(name[from:]))
		return err
	})
}

// longName is the length from which a name may not fit into its column.
const longName = 90

// shortText is the length up to which a text needs no care.
const shortText = 40
