package compare

import (
	"slices"
	"strconv"
	"strings"
	"unique"
)

// kind is the type of a figure.
type kind uint8

const (
	aText kind = iota
	aList      // a set of names
	aNumber
)

// figure is a value that both servers have for a workflow.
type figure struct {
	key     string // of the new server's record
	kind    kind
	agents  bool  // it comes from agents' reports
	missing int64 // how a number that no document has is written
}

// Places in the table of figures: the texts and lists, then the numbers.
const (
	textFigures   = 14
	numberFigures = 4 + reportNumbers + 1
	allFigures    = textFigures + numberFigures
	firstReported = 4 // of the numbers
	reportNumbers = 23
	detailNumbers = 20 // those of reportNumbers that the new server has by agent
	taskCount     = firstReported + reportNumbers
)

// figures is the table. The numbers of a report are in the order of counterPaths.
var figures = [allFigures]figure{
	{key: "Status"}, {key: "Type"}, {key: "Campaign"}, {key: "Release"}, {key: "PrepID"}, {key: "Team"},
	{key: "InputDatasets", kind: aList}, {key: "OutputDatasets", kind: aList}, {key: "Pileups", kind: aList},
	{key: "SiteWhitelist", kind: aList}, {key: "SiteBlacklist", kind: aList},
	{key: "Agents", kind: aList, agents: true}, {key: "Sites", kind: aList, agents: true}, {key: "Skipped", agents: true},

	{key: "Priority", kind: aNumber, missing: -1}, {key: "EstimatedJobs", kind: aNumber, missing: -1},
	{key: "InputEvents", kind: aNumber, missing: -1}, {key: "InputLumis", kind: aNumber, missing: -1},

	reported("Success"), reported("Canceled"), reported("Transition"), reported("QueuedFirst"), reported("QueuedRetry"),
	reported("SubmittedFirst"), reported("SubmittedRetry"), reported("Pending"), reported("Running"),
	reported("FailureCreate"), reported("FailureSubmit"), reported("FailureException"),
	reported("CooloffCreate"), reported("CooloffSubmit"), reported("CooloffJob"),
	reported("PausedCreate"), reported("PausedSubmit"), reported("PausedJob"),
	reported("JobsInWMBS"), reported("JobsInQueue"),
	reported("OutputEvents"), reported("OutputLumis"), reported("OutputBytes"),
	reported("TaskCount"),
}

func reported(key string) figure { return figure{key: key, kind: aNumber, agents: true} }

// place returns the place of a figure that is known to be in the table.
func place(key string) int {
	return slices.IndexFunc(figures[:], func(f figure) bool { return f.key == key })
}

// row has the figures of one workflow on one side.
type row struct {
	texts   [textFigures]unique.Handle[string] // a list is sorted, one name a line
	numbers [numberFigures]int64

	// Only of the old side:
	id      string           // _id of the document
	odd     uint64           // figures whose value in the document is not of the usual form
	steps   map[int][]string // values that only the steps of a chain have
	reports []report
}

// report is what one agent's document says.
type report struct {
	agent, id string
	time      int64
	numbers   [reportNumbers]int64
}

func (r *row) setList(at int, names []string) {
	slices.Sort(names)
	r.texts[at] = unique.Make(strings.Join(slices.Compact(names), "\n"))
}

func (r *row) list(at int) []string {
	text := r.texts[at].Value()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// show returns a figure as text.
func (r *row) show(at int) string {
	if at < textFigures {
		return strings.ReplaceAll(r.texts[at].Value(), "\n", " ")
	}
	return strconv.FormatInt(r.numbers[at-textFigures], 10)
}

func (r *row) equal(other *row, at int) bool {
	if at < textFigures {
		return r.texts[at] == other.texts[at]
	}
	return r.numbers[at-textFigures] == other.numbers[at-textFigures]
}

// sameFigures reports whether all figures are equal; both rows may be nil.
func sameFigures(a, b *row) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.texts == b.texts && a.numbers == b.numbers
}

// newRow returns a row in which everything is missing.
func newRow() *row {
	r := &row{}
	empty := unique.Make("")
	for i, f := range figures {
		if i < textFigures {
			r.texts[i] = empty
		} else {
			r.numbers[i-textFigures] = f.missing
		}
	}
	return r
}
