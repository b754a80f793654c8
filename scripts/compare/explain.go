package compare

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// Names of the reasons. docs/explanation/old-and-new.md has a row for each.
const (
	Moved         = "moved"
	NewerReport   = "newer-report"
	OlderReport   = "older-report"
	AgentTwice    = "agent-twice"
	StepValue     = "step-value"
	OddValue      = "odd-value"
	UnnamedSite   = "unnamed-site"
	Unusable      = "unusable"
	SecondRequest = "second-request"
	MoreStatuses  = "more-statuses"
	NoName        = "no-name"
	Unexplained   = "unexplained"
)

// Reasons are all reasons with their meaning.
func Reasons() map[string]string {
	return map[string]string{
		Moved:         "the servers agreed at one of the reads, or the old one followed the new one",
		NewerReport:   "an agent reported since the old server read; reports of the same time are equal",
		OlderReport:   "of two documents of an agent the old server shows the older one, and does not move",
		AgentTwice:    "the old server adds up two documents of one agent; the newest alone gives the new number",
		StepValue:     "the request has it in the steps of its chain only",
		OddValue:      "the document has no plain value there, so the old server has none either",
		UnnamedSite:   "the agent could not name the site",
		Unusable:      "a document is in quarantine; its last good version counts",
		SecondRequest: "two request documents have the name; the other one counts",
		MoreStatuses:  "the new server reads more statuses (--statuses)",
		NoName:        "None, null and empty texts are no names",
		Unexplained:   "no documented reason",
	}
}

// oldStatuses are those of the requests that the old server shows.
func oldStatuses() []string {
	return []string{
		"new", "assignment-approved", "assigned", "staging", "staged", "acquired", "running-open", "running-closed",
		"failed", "force-complete", "completed", "closed-out", "announced", "aborted", "aborted-completed", "rejected",
	}
}

// explainer finds the reason of each difference.
type explainer struct {
	*run
	unusable map[string]bool
	renamed  map[string]string
	broken   map[string]bool // workflows with a document in quarantine
}

// explain fills the report with what differed before, as it is now.
func (e *explainer) explain(ctx context.Context, was, is map[string]pair, wasCalls, isCalls []callPair) error {
	e.report.reset()
	if err := e.workflows(ctx, was, is); err != nil {
		return err
	}
	e.calls(wasCalls, isCalls)
	return nil
}

// workflows explains the workflows that differed at a read before, as they are at
// the last one.
func (e *explainer) workflows(ctx context.Context, first, last map[string]pair) error {
	e.broken = map[string]bool{}
	for id, name := range e.renamed {
		e.report.add(Difference{Subject: "workflow", Name: id, Figure: "request document", Old: "one of " + name, Reason: SecondRequest})
	}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		was, is := first[name], last[name]
		if e.hasUnusable(name, is) {
			e.broken[name] = true
		}
		if is.equal() {
			e.report.differ(was, name, Moved)
			continue
		}
		if err := e.workflow(ctx, name, was, is); err != nil {
			return err
		}
	}
	return nil
}

func (e *explainer) hasUnusable(name string, p pair) bool {
	if e.unusable[name] {
		return true
	}
	return p.old != nil && (e.unusable[p.old.id] || slices.ContainsFunc(p.old.reports, func(r report) bool { return e.unusable[r.id] }))
}

// workflow explains one workflow from its figures at the first and the last read.
func (e *explainer) workflow(ctx context.Context, name string, was, is pair) error {
	switch {
	case e.broken[name]:
		e.report.differ(is, name, Unusable)
		return nil
	case is.new == nil && was.old != nil && was.new != nil:
		e.report.differ(is, name, Moved) // both had it, and the old server follows
		return nil
	case is.old == nil && !slices.Contains(oldStatuses(), is.new.texts[place("Status")].Value()):
		e.report.differ(is, name, MoreStatuses)
		return nil
	case is.new == nil, is.old == nil:
		e.report.differ(is, name, Unexplained)
		return nil
	}
	ofAgents := "" // the reason of what agents report; found when it is needed
	status := ""   // the reason of another status
	for at, f := range figures {
		if is.old.equal(is.new, at) {
			continue
		}
		reason := ofFigure(is, at)
		if reason == Unexplained && followed(was, is, at) {
			reason = Moved
		}
		if at == place("Status") {
			status = reason
		}
		if reason == Unexplained && f.agents {
			if ofAgents == "" {
				var err error
				if ofAgents, err = e.ofReports(ctx, name, was, is, status); err != nil {
					return err
				}
			}
			reason = ofAgents
		}
		e.report.add(Difference{Subject: "workflow", Name: name, Figure: f.key, Old: is.old.show(at), New: is.new.show(at), Reason: reason})
	}
	return nil
}

// followed reports whether a figure changed on the new server only after both had
// agreed, or after it had the value that the old server has now. An old server that
// is ahead of the new one has no such excuse.
func followed(was, is pair, at int) bool {
	return was.new != nil && !was.new.equal(is.new, at) && (was.old != nil && was.old.equal(was.new, at) || is.old.equal(was.new, at))
}

// ofFigure returns the reason that is in the documents themselves.
func ofFigure(p pair, at int) string {
	f := figures[at]
	if p.old.odd>>at&1 == 1 {
		return OddValue
	}
	if f.kind == aNumber {
		return Unexplained
	}
	if f.kind == aText {
		if p.old.texts[at].Value() == "" && slices.Contains(p.old.steps[at], p.new.texts[at].Value()) {
			return StepValue
		}
		return Unexplained
	}
	less, more := without(p.old.list(at), p.new.list(at)), without(p.new.list(at), p.old.list(at))
	if f.key == "Sites" {
		if len(without(more, []string{"(unknown)"})) == 0 && len(without(less, []string{"unknown", "NA", "null", "{}", "", "(none)"})) == 0 {
			return UnnamedSite
		}
		return Unexplained
	}
	switch rest := without(less, []string{"None"}); {
	case len(rest) > 0 || len(without(more, p.old.steps[at])) > 0:
		return Unexplained
	case len(more) > 0:
		return StepValue
	}
	return NoName
}

func without(list, drop []string) (rest []string) {
	for _, name := range list {
		if !slices.Contains(drop, name) {
			rest = append(rest, name)
		}
	}
	return rest
}

// ofReports compares the reports of each agent on both sides, by their own times.
// status is the reason of another status, or "".
func (e *explainer) ofReports(ctx context.Context, name string, was, p pair, status string) (string, error) {
	if agents := place("Agents"); status != "" && (len(p.old.list(agents)) == 0 || len(p.new.list(agents)) == 0) {
		return status, nil // reports are shown in some statuses only
	}
	stood := e.report.Reads > 1 && sameFigures(was.old, p.old) && sameFigures(was.new, p.new)
	newest := map[string]report{}
	twice := false
	for _, one := range p.old.reports {
		other, again := newest[one.agent]
		twice = twice || again
		if !again || cmp.Or(cmp.Compare(other.time, one.time), cmp.Compare(other.id, one.id)) < 0 {
			newest[one.agent] = one
		}
	}
	if twice {
		var sum [reportNumbers]int64
		for _, one := range newest {
			for i, n := range one.numbers {
				sum[i] += n
			}
		}
		if sum == [reportNumbers]int64(p.new.numbers[firstReported:firstReported+reportNumbers]) {
			return AgentTwice, nil
		}
	}
	agents, err := e.readDetail(ctx, name)
	if err != nil {
		return "", err
	}
	newer := false
	for agent := range newest {
		if _, ok := agents[agent]; !ok {
			return Unexplained, nil // a report is missing
		}
	}
	for agent, now := range agents {
		then, known := newest[agent]
		switch {
		case !known && stood, known && now.time < then.time:
			return Unexplained, nil
		case !known, now.time > then.time:
			newer = true
		case [detailNumbers]int64(now.numbers[:detailNumbers]) != [detailNumbers]int64(then.numbers[:detailNumbers]):
			return Unexplained, nil // one document, two numbers
		}
	}
	switch {
	case newer && stood:
		return OlderReport, nil
	case newer:
		return NewerReport, nil
	case !stood && onlyCounters(p):
		return Moved, nil // the reports that count now are the old server's
	}
	return Unexplained, nil
}

// onlyCounters reports whether all that differs is among what reports were compared by.
func onlyCounters(p pair) bool {
	for at, f := range figures {
		inDetail := at >= textFigures+firstReported && at < textFigures+firstReported+detailNumbers
		if f.agents && !inDetail && !p.old.equal(p.new, at) {
			return false
		}
	}
	return true
}

// calls explains the rows of the old API's calls.
func (e *explainer) calls(first, last []callPair) {
	for i, was := range first {
		is := last[i]
		for _, name := range was.namesOf() {
			old, inOld := is.old[name]
			now, inNew := is.new[name]
			d := Difference{Subject: was.name, Name: name, Figure: "row", Old: old, New: now, Reason: Unexplained, Severe: was.severe}
			if was.names {
				d.Figure, d.Old, d.New = "name", present(inOld), present(inNew)
			}
			switch {
			case e.report.Reads > 1 && !inOld && !inNew:
				d.Reason = Moved
				d.Old, d.New = present(has(was.old, name)), present(has(was.new, name))
			case !was.names && inOld && inNew && has(was.new, name) && was.new[name] == old:
				d.Reason = Moved // the old server follows
			case was.names && !inNew && slices.Contains([]string{"", "None", "null"}, name):
				d.Reason = NoName
			case e.broken[name] || was.names && !inOld && len(e.unusable) > 0:
				d.Reason = Unusable // of an unusable document the names that can be read count too
			case was.names && !inOld:
				d.Severe = false // a name too many destroys nothing
			}
			e.report.add(d)
		}
	}
}

func has(rows map[string]string, name string) bool { _, ok := rows[name]; return ok }

func present(there bool) string {
	if there {
		return "there"
	}
	return "missing"
}
