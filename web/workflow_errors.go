package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// CodeRow is one exit code of the failing jobs of a workflow.
type CodeRow struct {
	ExitCode int64
	Count    int64
	Retries  int64   // of Count
	Share    float64 // % of the job reports shown
	Meaning  string
	Area     string
	Href     string // the page narrowed to it
}

// Samples are some failing jobs of a workflow, read on demand.
type Samples struct {
	Load    string // address that loads them
	Loaded  bool
	Missing *Missing // why they could not be loaded
	Jobs    []schema.JobSample
	Total   int64 // number of such jobs; -1 if unknown
	Read    int64 // time of the read from CouchDB, Unix s
}

// Logs are the log entries of a workflow, read on demand.
type Logs struct {
	Load    string
	Loaded  bool
	Missing *Missing
	Entries []schema.LogEntry
	Read    int64
}

// errorsText is shown instead of a table of errors, and is "" if there is one. It
// differs for no failed jobs, for errors not read yet and for a failed read.
func errorsText(p WorkflowPage) string {
	switch p.Detail.ErrorsState {
	case schema.ErrorsLoaded, schema.ErrorsNone, schema.ErrorsNoneReported:
		switch {
		case len(p.Detail.Errors) > 0:
			return ""
		case p.Chosen != "":
			return "No job reports of this kind have arrived for this workflow."
		case !p.Detail.HasJobInfo:
			return "No job reports have arrived. " + noCounts(&p.Detail.Workflow)
		case p.Detail.ErrorsState == schema.ErrorsNone && p.Detail.Failure == 0:
			return "No failed jobs are recorded for this workflow."
		}
		return "No job reports have arrived for this workflow."
	case schema.ErrorsFailed:
		return "The error records could not be read from CouchDB. The counts above are not affected."
	}
	return "The error records have not been read from CouchDB yet."
}

// siteMapTitle is the title of the heat map of sites and states.
func siteMapTitle(shown, all int) string {
	if shown < all {
		return "The " + Int(int64(shown)) + " sites with the most failed jobs, by job state"
	}
	return "Jobs by site and state"
}

// jobTitle is the heading of a job: its exit code and site.
func jobTitle(j schema.JobSample) string {
	code := "exit code " + ExitCode(j.ExitCode)
	if j.ExitCode == -1 {
		code = "no exit code"
	}
	return code + " at " + orNone(j.Site)
}

// webAddress returns an http or https address, and "" for anything else, which is
// shown as text.
func webAddress(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

// logMark is the mark of a log entry.
func logMark(kind string) Mark {
	switch {
	case strings.HasSuffix(kind, "error"):
		return Mark{"bad", "✕"}
	case strings.HasSuffix(kind, "warning"):
		return Mark{"warn", "▲"}
	}
	return Mark{"", "○"}
}

// shownFiles is the number of input files of a job that are shown.
const shownFiles = 20
