package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// CodeRow is one exit code of a workflow's failing jobs.
type CodeRow struct {
	ExitCode int64
	Count    int64
	Meaning  string
	Area     string
	Href     string // the page about it alone
}

// Samples are some failing jobs of a workflow, read when asked for.
type Samples struct {
	Load    string // address that loads them
	Loaded  bool
	Missing *Missing // why they could not be loaded
	Jobs    []schema.JobSample
	Total   int64 // jobs that there are; -1 if not known
	Read    int64 // when the source was asked, Unix s
}

// Logs are the log entries of a workflow, read when asked for.
type Logs struct {
	Load    string
	Loaded  bool
	Missing *Missing
	Entries []schema.LogEntry
	Read    int64
}

// errorsText is what the page says in place of a table of errors: no failed
// jobs, not read, and could not be read are three different answers. It is ""
// when there is a table.
func errorsText(p WorkflowPage) string {
	switch p.Detail.ErrorsState {
	case schema.ErrorsLoaded, schema.ErrorsNone, schema.ErrorsNoneReported:
		switch {
		case len(p.Detail.Errors) > 0:
			return ""
		case p.Chosen != "":
			return "No reports of failed jobs of this kind are recorded for this workflow."
		case !p.Detail.HasJobInfo:
			return "No reports of failed jobs have come. " + noCounts(&p.Detail.Workflow)
		case p.Detail.ErrorsState == schema.ErrorsNone && p.Detail.Failure == 0:
			return "No failed jobs are recorded for this workflow."
		}
		return "No reports of failed jobs are recorded for this workflow."
	case schema.ErrorsFailed:
		return "The error records could not be read from the source. The counts above are not affected."
	}
	return "Error records are not loaded yet: this server has not read them from the source."
}

// siteMapTitle says what the map of sites and states has.
func siteMapTitle(shown, all int) string {
	if shown < all {
		return "The " + Int(int64(shown)) + " sites with most failed jobs, by state of their jobs"
	}
	return "Jobs by site and state"
}

// jobTitle is a job's place in its list: what it died of, and where.
func jobTitle(j schema.JobSample) string {
	code := "exit code " + ExitCode(j.ExitCode)
	if j.ExitCode == -1 {
		code = "no exit code"
	}
	return code + " at " + orNone(j.Site)
}

// webAddress is an address that a browser may open; "" for anything else, which
// is shown as text.
func webAddress(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

// logMark is how an entry looks.
func logMark(kind string) Mark {
	switch {
	case strings.HasSuffix(kind, "error"):
		return Mark{"bad", "✕"}
	case strings.HasSuffix(kind, "warning"):
		return Mark{"warn", "▲"}
	}
	return Mark{"", "○"}
}

// shownFiles is how many input files of a job are shown.
const shownFiles = 20
