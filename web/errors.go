package web

import (
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// ErrorsPage are the props of the page of failing jobs.
type ErrorsPage struct {
	Frame
	Notes   []Note
	Missing *Missing // why the parts below are missing; nil if they are not
	Filter  ErrorsFilter
	Read    int64 // time of the read from CouchDB, Unix s; 0 if unknown
	Stale   string

	Reports   wire.FailureReports
	States    []ErrorRow // failing jobs under the filters
	Codes     []ErrorRow
	CodeCount int64 // total number of exit codes
	Sites     []ErrorRow
	SiteCount int64
	Worst     []WorstSite // by the failed jobs that agents count; nil under any filter
	Workflows []ErrorRow
	Ranked    []schema.Workflow // by the failed jobs that agents count; nil under a filter of jobs, which agents do not count
	RankedAll int64             // total number of workflows with failed jobs
	RankedAt  string            // address of their list
	Affected  int64             // total number of workflows with job reports
	List      string
	Map       Heat
	More      string // address with all rows of the map; "" when all are shown
	MapNote   string // what the map leaves out; "" for nothing
	JSON      string
}

// Missing says why the data of a part of a page could not be shown. It is never
// used for data that are known to be empty.
type Missing struct {
	Title string
	Text  string
	Again string // address that tries again; "" where that does not help
}

// ErrorsFilter holds the conditions of the page.
type ErrorsFilter struct {
	ExitCode, Site, State string
	Hidden                []Field // conditions on workflows, as fields of the form
	Chips                 []Link  // each removes one condition
}

// ErrorRow is one group of failing jobs with its links.
type ErrorRow struct {
	schema.ErrorSummary
	Href string // the page narrowed to this group; for a workflow its own page
	List string // its workflows, "" for none
}

// ExitCode formats an exit code; -1 stands for jobs that never ran.
func ExitCode(code int64) string {
	if code == -1 {
		return "none"
	}
	return digits(code)
}

// reportShare says how many of the failed jobs that agents count have a job
// report: "3 job reports of 52 012 failed jobs (0.0058 %)".
func reportShare(r wire.FailureReports) string {
	const all, digits, bits = 100, 2, 64
	share := float64(r.ReportedJobs) / float64(r.Failure) * all
	percent := percentDigits(share)
	if share > 0 && share < 1 {
		percent = strconv.FormatFloat(share, 'g', digits, bits)
	}
	return Plural(r.ReportedJobs, "job report", "job reports") + " of " + Plural(r.Failure, "failed job", "failed jobs") + " (" + percent + thin + "%)"
}

// missingReports says that agents count more failed jobs than have been reported,
// and which agents lack the most reports. It returns "" if no reports are known to
// be missing.
func missingReports(r wire.FailureReports) string {
	if r.ReportedJobs < 0 || r.Failure <= r.ReportedJobs {
		return ""
	}
	text := reportShare(r) + "."
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
	return text + " Reports are missing from " + strings.Join(names, ", ") + more + "."
}

// mostMissing is the number of agents named as lacking reports.
const mostMissing = 5

// reportsOf returns the report counts of one workflow.
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
