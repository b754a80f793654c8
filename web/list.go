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

	Words []string // that were searched for, to mark

	Selection string // address of the page Selected workflows with all matches; "" when rows can't be ticked
}

// Head is the heading of one column with its sort link.
type Head struct {
	Column
	Href string // sorts by it, or reverses the order; "" without sorting
	Sort string // aria-sort: ascending, descending or ""
}

// Pager has the links to the other pages of a list. An empty address means that
// there is no such page.
type Pager struct {
	From, To, Total         int64 // 1-based, both ends included; 0 to 0 when empty
	First, Prev, Next, Last string
	Noun                    string // plural noun of the records
	Sizes                   []Choice
}

// Choice is one of several links; the current one has no address.
type Choice struct{ Label, Href string }

// Arrow is the sign of a sorted column, "" for the others.
func (h Head) Arrow() string {
	switch h.Sort {
	case "ascending":
		return " ↑"
	case "descending":
		return " ↓"
	}
	return ""
}

// progress reports whether the column is a percentage that grows to 100, which is
// shown with a bar.
func (c Column) progress() bool {
	return c.Key == "JobProgress" || c.Key == "EventProgress" || c.Key == "LumiProgress"
}

// title is the meaning of the column, with a note that applies to all its cells.
func (h Head) title() string {
	if h.progress() {
		return h.Doc + "; " + overNote
	}
	return h.Doc
}

// failed reports whether the cell shows failed jobs, which are highlighted.
func (c Column) failed(w *schema.Workflow) bool {
	return (c.Key == "Failure" || c.Key == "FailureRate") && w.Failure > 0
}

// position is the position of the page in the list.
func (p Pager) position() string {
	if p.From == 0 {
		return "no " + p.Noun
	}
	return Int(p.From) + " to " + Int(p.To) + " of " + Int(p.Total) + " " + p.Noun
}

// leastPart is the minimum number of bytes between two line breaks in a name.
const leastPart = 4

// breakable is a name that wraps after its underscores, and elsewhere only where
// it does not fit otherwise. The words that were searched for are marked.
func breakable(name string, words ...string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		from := 0 // of the current part
		_, err := io.WriteString(w, markedHTML(name, words, func(text string) string {
			var out strings.Builder
			done := 0
			for i := range len(text) {
				from++
				if text[i] == '_' && from >= leastPart {
					out.WriteString(templ.EscapeString(text[done:i+1]) + "<wbr>")
					done, from = i+1, 0
				}
			}
			return out.String() + templ.EscapeString(text[done:])
		}))
		return err
	})
}

// longName is the length above which a name may not fit into its column.
const longName = 90

// shortText is the longest text that is shown without clamping.
const shortText = 40
