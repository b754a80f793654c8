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
	Page, Pages             int64   // of the form that goes to a page, from 1
	Fields                  []Field // hidden fields of that form
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

// roles are the classes of columns of the built-in sets: w1, w2 and w3 are left out in a
// narrow window and on paper, w3 first; others name a figure in the rows of a phone.
var roles = map[string]string{
	"Score": "held", "FailureRate": "fail", "Failure": "fail", "Priority": "w1", "JobProgress": "w1", "Running": "w1",
	"EventProgress": "w2", "Campaign": "w2", "Queued": "w2", "Pending": "w2", "Success": "w2", "SecondsLeft": "w2", "Type": "w2",
	"LumiProgress": "w3", "Cooloff": "w3", "QueueInjection": "w3", "Paused": "w3", "JobsInQueue": "w3", "SiteCount": "w3", "AgentCount": "w3",
}

// roles returns the role of each column, "" for none: only lists of a built-in set have
// any, and the column of the order stays.
func (l List) roles() []string {
	out := make([]string, len(l.Heads))
	if !l.brief() {
		return out
	}
	for i, h := range l.Heads {
		if role := roles[h.Key]; h.Sort == "" || !strings.HasPrefix(role, "w") {
			out[i] = role
		}
	}
	return out
}

// class returns the classes of the heading of a column with a role.
func (h Head) class(role string) string {
	switch {
	case h.Key == "Workflow":
		return "name"
	case h.Numeric:
		return strings.TrimSpace("n " + role)
	}
	return role
}

// widths of columns in px; the others have the width of their type. The columns of
// the built-in sets fit beside the facets in a window of 1280.
var widths = map[string]int{
	"Workflow": 190, "Status": 110, "StatusTime": 62, "Priority": 56, "TotalJobs": 58, "JobProgress": 50, "EventProgress": 52, "LumiProgress": 50,
	"FailureRate": 52, "Cooloff": 42, "QueueInjection": 58, "SecondsLeft": 56, "Type": 90, "Campaign": 146, "SiteCount": 42, "AgentCount": 48,
}

// width is the width of a column in px; "" for the rest of the width of the table,
// which names get in the built-in sets. The table has a fixed layout, so that the
// browser does not measure all its cells.
func (l List) width(c Column) string {
	width := widths[c.Key]
	switch {
	case c.Key == "Workflow" && l.brief():
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

// brief reports whether the columns are those of a built-in set, with the column of
// the order after the status or without. Such a list is two lines a row on a phone.
func (l List) brief() bool {
	const ordered = 2
	keys := make([]string, len(l.Heads))
	for i, h := range l.Heads {
		keys[i] = h.Key
	}
	return slices.ContainsFunc(sets, func(s columnSet) bool {
		return slices.Equal(keys, s.Keys) ||
			len(keys) == len(s.Keys)+1 && slices.Equal(slices.Delete(slices.Clone(keys), ordered, ordered+1), s.Keys)
	})
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

// long reports whether the cell shows a text that is cut off after two lines.
func (c Column) long(w *schema.Workflow) bool {
	return c.Type == schema.String && len(c.value(w).String()) > shortText
}

// classOf returns the classes of a cell of a column with a role. A phone shows of the
// cells without a class only times and bars, so w1 needs none.
func (c Column) classOf(w *schema.Workflow, role string) string {
	class := ""
	switch {
	case role == "w1":
		return ""
	case c.failed(w):
		class = "bad "
	case c.Numeric, c.Key == "Status":
	case c.Type == schema.List, c.long(w):
		class = "t path "
	default:
		class = "t "
	}
	return strings.TrimSpace(class + role)
}

// position is the position of the page in the list.
func (p Pager) position() string {
	if p.From == 0 {
		return "no " + p.Noun
	}
	return Int(p.From) + " to " + Int(p.To) + " of " + Int(p.Total) + " " + p.Noun
}

// leastPart is the minimum number of bytes between two line breaks in a name.
const leastPart = 8

// breaksAfter reports whether a name may wrap after its byte i: after an underscore or,
// in a name without any, between a small letter or digit and a capital, as in
// Run3Summer22EE.
func breaksAfter(name string, i int) bool {
	if name[i] == '_' || strings.Contains(name, "_") {
		return name[i] == '_'
	}
	capital := i+1 < len(name) && 'A' <= name[i+1] && name[i+1] <= 'Z'
	return capital && ('a' <= name[i] && name[i] <= 'z' || '0' <= name[i] && name[i] <= '9')
}

// breakable is a name that wraps between its parts, and elsewhere only where it does
// not fit otherwise. The words that were searched for are marked.
func breakable(name string, words ...string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		from := 0 // of the current part
		_, err := io.WriteString(w, markedHTML(name, words, func(text string) string {
			var out strings.Builder
			done := 0
			for i := range len(text) {
				from++
				if from >= leastPart && breaksAfter(text, i) {
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
