package web

import (
	"context"
	"io"
	"slices"
	"strconv"
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

// kept returns the class of the heading of a column that stays in a narrow window and
// on paper, "" for the others.
func (c Column) kept() string {
	switch c.Key {
	case "Workflow":
		return "name"
	case "Status", "StatusTime", "TotalJobs":
		return "k"
	case "Failure", "FailureRate":
		return "k"
	}
	return ""
}

// class returns the classes of the heading. k marks those that stay.
func (h Head) class() string {
	kept := h.kept()
	if kept == "" && h.Sort != "" {
		kept = "k" // the column of the order
	}
	if h.Numeric {
		return strings.TrimSpace("n " + kept)
	}
	return kept
}

// widths of columns in px; the others have the width of their type. The columns of
// the built-in sets fit beside the facets in a window of 1280.
var widths = map[string]int{
	"Workflow": 190, "Status": 110, "StatusTime": 62, "Priority": 56, "TotalJobs": 58, "JobProgress": 50, "EventProgress": 52, "LumiProgress": 50,
	"FailureRate": 52, "Cooloff": 42, "QueueInjection": 58, "SecondsLeft": 56, "Type": 90, "Campaign": 98, "SiteCount": 42, "AgentCount": 48,
}

// width is the width of a column in px; "" for the rest of the width of the table,
// which names get in the built-in sets. The table has a fixed layout, so that the
// browser does not measure all its cells.
func (l List) width(c Column) string {
	width := widths[c.Key]
	switch {
	case c.Key == "Workflow" && l.set() != "":
		return ""
	case width > 0:
	case c.Type == schema.List:
		width = 160
	case c.Numeric:
		width = 66
	default:
		width = 110
	}
	return strconv.Itoa(width)
}

// set returns the classes of a list with the columns of a built-in set, "" for others.
// In a narrow window and on paper it shows only some of them, by their place, which
// the column of the order after the status shifts by one; see the style sheet.
func (l List) set() string {
	const ordered = 2
	keys := make([]string, len(l.Heads))
	for i, h := range l.Heads {
		keys[i] = h.Key
	}
	for _, s := range sets {
		switch {
		case slices.Equal(keys, s.Keys):
			return "brief set-" + s.Name
		case len(keys) == len(s.Keys)+1 && slices.Equal(slices.Delete(slices.Clone(keys), ordered, ordered+1), s.Keys):
			return "brief ordered set-" + s.Name
		}
	}
	return ""
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
