package web

import "github.com/dmwm/wmstats/schema"

// LogsPage are the props of the page of log messages about all workflows.
type LogsPage struct {
	Frame
	Notes                  []Note
	Missing                *Missing // why there are none; nil if they were read
	Type, Reporter, Thread string   // conditions on messages
	Hidden                 []Field  // conditions on workflows, as fields of the form
	Chips                  []Link   // each removes one condition
	Groups                 []schema.LogGroup
	Total                  int64 // groups that match
	Read                   int64 // time of the read from CouchDB, Unix s; 0 if unknown
	Stale                  string
	JSON                   string
}
