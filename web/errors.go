package web

import "github.com/dmwm/wmstats/schema"

// ErrorsPage are the props of the failing jobs of all workflows.
type ErrorsPage struct {
	Frame
	Notes   []Note
	Missing *Missing // why there are none of the parts below; nil when there are
	Filter  ErrorsFilter
	Read    int64 // when the source was asked, Unix s; 0 if not known
	Stale   string

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
