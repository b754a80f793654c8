package join

import (
	"cmp"
	"slices"
	"strings"

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

// workflowOf returns what is known of a workflow; if that is nothing, it is new.
func (j *Join) workflowOf(name string) *workflow {
	w := j.workflows[name]
	if w == nil {
		w = &workflow{name: strings.Clone(name)}
		j.workflows[w.name] = w
	}
	return w
}

// owner returns the workflow that holds the request document id.
func (j *Join) owner(id string) *workflow {
	if w := j.aliases[id]; w != nil {
		return w
	}
	if w := j.workflows[id]; w != nil && w.has && w.id() == "" {
		return w
	}
	return nil
}

// joined returns the reports that are joined to a record of the given status:
// the newest one of each agent, in the order of their ids.
func (j *Join) joined(w *workflow, status string) []*agentReport {
	if info, ok := schema.StatusOf(status); ok && !info.JobInfo && !j.opt.JoinAll {
		return nil
	}
	return j.newest(w.reports)
}

// newest returns the newest report of each agent, by id: the one with the newest
// timestamp, and of equal ones the one with the greater id. schema.Newest, which
// works on details, finds one report of each agent and decides nothing more.
func (j *Join) newest(list []*agentReport) []*agentReport {
	if len(list) < 2 {
		return list
	}
	best := map[string]*agentReport{}
	for _, r := range list {
		agent := j.names.Agent(r.packed)
		if o := best[agent]; o == nil || r.time > o.time || r.time == o.time && r.id > o.id {
			best[agent] = r
		}
	}
	out := make([]*agentReport, 0, len(best))
	for _, r := range list {
		if best[j.names.Agent(r.packed)] == r {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *agentReport) int { return cmp.Compare(a.id, b.id) })
	return out
}

// content is what a report says, as it was when a record was made of it.
type content struct {
	packed report.Packed
	time   int64
}

func contentsOf(list []*agentReport) []content {
	out := make([]content, len(list))
	for i, r := range list {
		out[i] = content{r.packed, r.content}
	}
	return out
}

func (j *Join) unpack(w *workflow, list []content) []schema.AgentReport {
	out := make([]schema.AgentReport, 0, len(list))
	for _, c := range list {
		out = j.appendReport(out, w, c, nil)
	}
	return out
}

// appendReport unpacks one report; without a room its lists are its own.
func (j *Join) appendReport(to []schema.AgentReport, w *workflow, c content, room *report.Room) []schema.AgentReport {
	r, err := j.names.Unpack(c.packed, room)
	if err != nil { // memory that is broken
		j.opt.Log.Error("agent report can't be read back", "workflow", w.name, "err", err)
		return to
	}
	r.Workflow, r.Time = w.name, c.time
	return append(to, r)
}
