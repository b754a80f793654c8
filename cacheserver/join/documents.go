package join

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/schema"
)

// workflow is what the writer knows of one workflow beyond its record: where the
// record comes from. The request's side is in the record itself. There is one
// for each workflow: its size counts.
type workflow struct {
	name    string
	hash    uint64         // of the request document
	due     int64          // when the alerts must be made again, Unix s; 0: never
	reports []*agentReport // never changed in place
	request string         // the request's side before the first State, as schema.AppendPacked makes it
	more    *requests      // nil for nearly all
	seen    uint32         // epoch in which the request was seen last
	has     bool           // the request is there; else the reports are unmatched
}

// requests is for workflows whose request document is not named like it, or that
// have several request documents. It is never changed.
type requests struct {
	id         string // of the request document; empty when it is the name
	duplicates []duplicate
}

// duplicate is a request document of a workflow which another document has
// already. Which one counts does not depend on the order they come in.
type duplicate struct {
	id     string
	hash   uint64
	seen   uint32
	packed string // its side of the record, as schema.AppendPacked makes it
}

// agentReport is one agent_request document.
type agentReport struct {
	id       string
	workflow *workflow
	hash     uint64
	time     int64 // timestamp, newest seen
	content  int64 // timestamp when the content last changed
	seen     uint32
	idle     bool  // its status is empty
	ahead    int64 // s that time was in the future when it came: a clock that is wrong
	silent   int64 // last report when it was found stale, or with newer content since; 0: it was not when the alerts were made
	packed   report.Packed
}

// heard is when the agent is known to have written the document, Unix s: its
// timestamp, or, when that lay in the future, the time at which it came. Else an
// agent whose clock is ahead would count as fresh until that time has come.
func (r *agentReport) heard() int64 { return r.time - r.ahead }

// id returns the id of the request document when it is not the name.
func (w *workflow) id() string {
	if w.more == nil {
		return ""
	}
	return w.more.id
}

// requestID returns the id of the request document.
func (w *workflow) requestID() string { return cmp.Or(w.id(), w.name) }

func (w *workflow) duplicates() []duplicate {
	if w.more == nil {
		return nil
	}
	return w.more.duplicates
}

// setRequests notes which request document counts and which ones do not.
func (w *workflow) setRequests(id string, duplicates []duplicate) {
	if id == w.name {
		id = ""
	}
	if id == "" && len(duplicates) == 0 {
		w.more = nil
		return
	}
	w.more = &requests{id, duplicates}
}

// before says that of two request documents of workflow name a counts: the
// one that is called like it, else the first by id.
func before(a, b, name string) bool {
	if (a == name) != (b == name) {
		return a == name
	}
	return a < b
}

func without(list []duplicate, id string) []duplicate {
	return slices.DeleteFunc(slices.Clone(list), func(d duplicate) bool { return d.id == id })
}

// agentInfo is one agent_info document.
type agentInfo struct {
	id     string
	hash   uint64
	heard  Heard
	seen   uint32
	detail *schema.AgentDetail // never changed
}

// census counts documents, one kind at a time: an agents' database that seems
// empty takes no workflow away, only all of their jobs.
type census struct{ requests, reports, agents int }

func (c census) least(o census) census {
	return census{min(c.requests, o.requests), min(c.reports, o.reports), min(c.agents, o.agents)}
}
