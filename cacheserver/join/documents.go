package join

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/schema"
)

// workflow is what the writer knows about one workflow besides its record: the
// documents behind the record. The request's side is in the record itself. There
// is one for each workflow: its size matters.
type workflow struct {
	name    string
	hash    uint64            // of the request document
	due     int64             // when the alerts must be computed again, Unix s; 0: never
	reports []*agentReport    // never changed in place
	request string            // the request's side before the first State, in the form of schema.AppendPacked
	more    *requests         // nil for nearly all
	seen    uint32            // epoch in which the request was last seen
	has     bool              // there is a request; otherwise the reports are unmatched
	own     *[]ownrules.Match // own rules whose conditions match the record; nil: none. Never changed in place
}

// requests is for workflows whose request document has another id than the
// workflow's name, or that have several request documents. It is immutable.
type requests struct {
	id         string // of the request document; empty when it equals the name
	duplicates []duplicate
}

// duplicate is a request document of a workflow that already has another one.
// Which one counts does not depend on the order of arrival.
type duplicate struct {
	id     string
	hash   uint64
	seen   uint32
	packed string // its side of the record, in the form of schema.AppendPacked
}

// agentReport is one agent_request document.
type agentReport struct {
	id       string
	workflow *workflow
	hash     uint64
	time     int64 // newest timestamp
	content  int64 // timestamp of the last change of content
	seen     uint32
	idle     bool  // its status is empty
	ahead    int64 // s by which time was in the future on arrival: the agent's clock is wrong
	silent   int64 // time of the last report when it was found stale, or had newer content since; 0: it was not stale when the alerts were computed
	stray    int64 // when its jobs were first seen that should not be there, Unix s; 0: it has none
	packed   report.Packed
}

// heard returns when the agent is known to have written the document, Unix s:
// its timestamp or, if that was in the future, the time of arrival. Otherwise an
// agent whose clock is ahead would count as fresh until that time has come.
func (r *agentReport) heard() int64 { return r.time - r.ahead }

// id returns the id of the request document if it differs from the name.
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

// setRequests records which request document counts and which ones do not.
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

// before reports whether of two request documents of workflow name a counts: the
// one with the same id, otherwise the first by id.
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
	turned int64               // when its severity was seen to change, Unix s; 0: since the first read
	detail *schema.AgentDetail // never changed
}

// census counts documents by kind: an agents' database that seems empty removes
// no workflow, only all of their jobs.
type census struct{ requests, reports, agents int }

func (c census) least(o census) census {
	return census{min(c.requests, o.requests), min(c.reports, o.reports), min(c.agents, o.agents)}
}

// content is the content of a report at the time when a record was computed from it.
type content struct {
	packed report.Packed
	time   int64
}

// stray holds the stray jobs of one workflow: reports that are joined to no
// record although they have running or pending jobs. There is one
// for each such workflow, and none is left out: they are as many as these
// documents, which are in memory anyway.
type stray struct {
	record  *schema.StrayWorkflow // never changed
	reports []content
}
