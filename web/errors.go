package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// ErrorsPage are the props of the failing jobs of all workflows.
type ErrorsPage struct {
	Frame
	Notes   []Note
	Missing *Missing // why there are none of the parts below; nil when there are
	Filter  ErrorsFilter
	Read    int64 // when the source was asked, Unix s; 0 if not known
	Stale   string

	Reports   wire.FailureReports
	States    []ErrorRow // the failing jobs under the filters
	Codes     []ErrorRow
	CodeCount int64 // exit codes in all
	Sites     []ErrorRow
	SiteCount int64
	Workflows []ErrorRow
	Affected  int64 // workflows in all
	List      string
	Map       Heat
	More      string // address with all rows of the map; "" when they are all there
	MapNote   string // what the map leaves out; "" for nothing
	JSON      string
}

// Missing says why a part of a page has no data: none of them is "there are
// none".
type Missing struct {
	Title string
	Text  string
	Again string // address that tries again; "" where that would not help
}

// ErrorsFilter is what the page is about.
type ErrorsFilter struct {
	ExitCode, Site, State string
	Hidden                []Field // conditions on workflows, as fields of the form
	Chips                 []Link  // each drops one condition
}

// ErrorRow is one group of failing jobs with what it leads to.
type ErrorRow struct {
	schema.ErrorSummary
	Href string // the same page about it alone; for a workflow its page
	List string // its workflows, "" for none
}

// ExitCode writes an exit code: -1 stands for jobs that never ran.
func ExitCode(code int64) string {
	if code == -1 {
		return "none"
	}
	return digits(code)
}

// missingReports says that agents count more failed jobs than there are reports
// of, with the agents that miss most; "" when nothing is known to miss.
func missingReports(r wire.FailureReports) string {
	if r.ReportedJobs < 0 || r.Failure <= r.ReportedJobs {
		return ""
	}
	count := Plural(r.Failure, "failed job", "failed jobs")
	text := "Agents count " + count + "; reports of " + Int(r.ReportedJobs) + " have come."
	var names []string
	for _, a := range r.Agents {
		if a.Agent == "" && a.ReportedJobs > 0 {
			return text // they may be of any of the agents
		}
		if n := a.Failure - a.ReportedJobs; n > 0 {
			names = append(names, a.Agent+" ("+Int(n)+")")
		}
	}
	if len(names) == 0 {
		return text
	}
	more := ""
	if n := len(names) - mostMissing; n > 0 {
		names, more = names[:mostMissing], " and "+Plural(int64(n), "more agent", "more agents")
	}
	return text + " Missing are those of " + strings.Join(names, ", ") + more + "."
}

// mostMissing is how many agents that miss reports are named.
const mostMissing = 5

// reportsOf are the reports of one workflow.
func reportsOf(d schema.Detail) wire.FailureReports {
	r := wire.FailureReports{Failure: d.Failure, ReportedJobs: d.ReportedJobs}
	failure, reported := map[string]int64{}, map[string]int64{}
	for _, a := range d.Agents {
		if a.ReportedJobs >= 0 {
			failure[a.Agent], reported[a.Agent] = a.Failure, a.ReportedJobs
		}
	}
	r.Agents = wire.NewFailureReports(failure, reported).Agents
	return r
}
