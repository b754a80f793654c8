package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"unicode/utf8"
)

// Page explains the reasons.
const Page = "docs/explanation/old-and-new.md#why-two-servers-differ"

// Report is the result of a comparison.
type Report struct {
	Old, New    Side
	Reads       int
	Figures     Totals
	Reasons     map[string]int // differences by reason
	Unexplained int
	Severe      int // of the unexplained ones: what others delete or run by would be wrong
	Differences []Difference
	Left        int `json:",omitempty"` // expected differences that are counted only
	Page        string
}

// Side is one server.
type Side struct {
	Workflows  int
	Seconds    float64 // of the first read
	Generation string  `json:",omitempty"`
	Stale      string  `json:",omitempty"` // why the server itself calls its data old
}

// Total is a figure over all workflows.
type Total struct {
	Figure      string
	Old, New    int64 // sum of a number; of a text or list, how many workflows have one
	Differ      int   // differences that were seen
	Unexplained int
}

// Totals are all figures, in the order of the table.
type Totals []Total

// Difference is one figure of one workflow, or one row of a call.
type Difference struct {
	Subject string // workflow, or the name of a call
	Name    string
	Figure  string
	Old     string
	New     string
	Reason  string
	Meaning string
	Severe  bool `json:",omitempty"`
}

// Expected reports whether a page explains the difference.
func (d Difference) Expected() bool { return d.Reason != Unexplained }

func newTotals() Totals {
	t := make(Totals, allFigures)
	for i, f := range figures {
		t[i].Figure = f.key
	}
	return t
}

func (t Totals) add(one *row, side func(*Total) *int64) {
	for at := range t {
		n := side(&t[at])
		switch {
		case at >= textFigures:
			*n += max(one.numbers[at-textFigures], 0) // -1: it is missing
		case one.texts[at].Value() != "":
			*n++
		}
	}
}

// reset removes the differences; the totals stay.
func (r *Report) reset() {
	r.Reasons, r.Differences, r.Unexplained, r.Severe, r.Left = map[string]int{}, nil, 0, 0, 0
	for i := range r.Figures {
		r.Figures[i].Differ, r.Figures[i].Unexplained = 0, 0
	}
}

// mostExpected bounds the memory for expected differences.
const mostExpected = 100_000

func (r *Report) add(d Difference) {
	r.Reasons[d.Reason]++
	if !d.Expected() {
		r.Unexplained++
		if d.Severe {
			r.Severe++
		}
	}
	if d.Subject == "workflow" {
		if at := place(d.Figure); at >= 0 {
			r.Figures[at].Differ++
			if !d.Expected() {
				r.Figures[at].Unexplained++
			}
		}
	}
	if d.Expected() && len(r.Differences) >= mostExpected {
		r.Left++
		return
	}
	d.Meaning = Reasons()[d.Reason]
	r.Differences = append(r.Differences, d)
}

// differ adds all that differs of a workflow, for one reason.
func (r *Report) differ(p pair, name, reason string) {
	if p.old == nil || p.new == nil {
		r.add(Difference{Subject: "workflow", Name: name, Figure: "workflow", Old: present(p.old != nil), New: present(p.new != nil), Reason: reason})
		return
	}
	for at, f := range figures {
		if !p.old.equal(p.new, at) {
			r.add(Difference{Subject: "workflow", Name: name, Figure: f.key, Old: p.old.show(at), New: p.new.show(at), Reason: reason})
		}
	}
}

func (r *Report) finish() {
	r.Page = Page
	slices.SortStableFunc(r.Differences, byName)
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// WriteText writes the report for people, with at most shown unexplained rows.
func (r *Report) WriteText(w io.Writer, shown int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "old server: %d workflows in %.1f s; new server: %d in %.1f s; reads: %d\n", r.Old.Workflows, r.Old.Seconds, r.New.Workflows, r.New.Seconds, r.Reads)
	if r.New.Stale != "" {
		fmt.Fprintf(t, "The new server calls its own data old: %s\n", r.New.Stale)
	}
	fmt.Fprint(t, "\nfigure\told\tnew\tdiffer\tunexplained\n")
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", f.Figure, f.Old, f.New, f.Differ, f.Unexplained)
	}
	if len(r.Reasons) > 0 {
		fmt.Fprint(t, "\nreason\tdifferences\tmeaning\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(t, "%s\t%d\t%s\n", reason, r.Reasons[reason], Reasons()[reason])
	}
	if r.Unexplained > 0 {
		fmt.Fprint(t, "\nunexplained\tname\tfigure\told\tnew\t\n")
	}
	for i, d := range r.Differences[:r.Unexplained] { // they come first
		if i == shown {
			fmt.Fprintf(t, "… and %d more; --json has all\n", r.Unexplained-shown)
			break
		}
		severe := ""
		if d.Severe {
			severe = "SEVERE"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Subject, short(d.Name), d.Figure, short(d.Old), short(d.New), severe)
	}
	fmt.Fprintf(t, "\n%d differences have a reason (%s), %d have none, %d of these are severe.\n", sum(r.Reasons)-r.Unexplained, r.Page, r.Unexplained, r.Severe)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func short(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
