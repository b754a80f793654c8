package schema

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severities of Agent.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
	SeverityDrain   = "drain"
	SeverityOK      = "ok"
	SeverityUnknown = "unknown"
)

// severities in the order of urgency.
var severities = []string{SeverityError, SeverityWarning, SeverityDrain, SeverityUnknown, SeverityOK}

// Severities lists the severities of agents, the worst first.
func Severities() []string { return slices.Clone(severities) }

// reason is one rule that holds for an agent.
type reason struct {
	severity string
	text     string
	since    int64 // when it began to hold, Unix s; 0: not known
	down     bool  // components are down; their heartbeats tell since when
}

// Judge sets Severity and Reasons of an agent from its other fields and the
// present time. It evaluates all rules of this file, which are those of the old
// page. No rule hides another, and the worst decides: error before warning
// before drain before ok. An agent that never reported about itself, known only
// by its counts, is unknown. Reasons contain no ages, so they change only with
// the facts.
func Judge(a *Agent, now int64, limits Limits) {
	a.Severity = SeverityOK
	if a.UpdateTime == 0 {
		a.Severity = SeverityUnknown
	}
	a.Reasons = []string{}
	for _, r := range judge(a, now, limits) {
		if len(a.Reasons) == 0 {
			a.Severity = r.severity
		}
		a.Reasons = append(a.Reasons, r.text)
	}
}

// ReportedSeverity returns the severity that an agent has by its last report
// alone, however old that is.
func ReportedSeverity(a Agent, now int64, limits Limits) string {
	a.UpdateTime, a.DataUpdateTime = now, 0
	Judge(&a, now, limits)
	return a.Severity
}

// judge returns all rules that hold for an agent, worst first.
func judge(a *Agent, now int64, limits Limits) (out []reason) {
	all := slices.Concat(reports(a, now, limits), troubles(a), warnings(a), drain(a))
	for _, severity := range severities {
		for _, r := range all {
			if r.severity == severity {
				out = append(out, r)
			}
		}
	}
	return out
}

// reports checks the age of the agent's reports. A time in the future, from a
// wrong clock, counts as now.
func reports(a *Agent, now int64, l Limits) (out []reason) {
	switch {
	case a.UpdateTime == 0:
		out = append(out, reason{severity: SeverityUnknown, text: "has not reported on itself"})
	case now-a.UpdateTime > l.AgentSilent && a.Kind == KindService:
		out = append(out, reason{severity: SeverityError, text: "no heartbeat since " + utc(a.UpdateTime), since: a.UpdateTime + l.AgentSilent + 1})
	case now-a.UpdateTime > l.AgentSilent:
		text := "no report since " + utc(a.UpdateTime) + ": AgentStatusWatcher is down"
		out = append(out, reason{severity: SeverityError, text: text, since: a.UpdateTime + l.AgentSilent + 1})
	}
	if a.UpdateTime != 0 && a.Kind != KindService && a.DataUpdateTime > 0 && now-a.DataUpdateTime > l.AgentSilent {
		text := "no job counts since " + utc(a.DataUpdateTime)
		out = append(out, reason{severity: SeverityWarning, text: text, since: a.DataUpdateTime + l.AgentSilent + 1})
	}
	return out
}

// troubles returns the rules that result in an error.
func troubles(a *Agent) (out []reason) {
	add := func(text string) { out = append(out, reason{severity: SeverityError, text: text}) }
	if len(a.DownComponents) > 0 {
		text := "down: " + strings.Join(a.DownComponents, ", ")
		if a.WorkersBad > 0 { // one reason: the threads are mostly those of the component
			text += "; " + badWorkers(a)
		}
		add(text)
		out[0].down = true
	}
	if a.DataError != "" && a.DataError != "ok" {
		add("data collector: " + a.DataError)
	}
	if a.CouchProcesses > 0 {
		add(fmt.Sprintf("too many CouchDB processes: %d", a.CouchProcesses))
	}
	if a.ProxyWarning != "" && a.ReportedStatus == "error" {
		add(proxy(a))
	}
	if len(out) == 0 && isRed(a) {
		// Whatever else would be a warning explains the error.
		for _, text := range lesser(a) {
			add(text)
		}
		if len(out) == 0 {
			add("says that its status is " + a.ReportedStatus + ", without a reason")
		}
	}
	return out
}

func isRed(a *Agent) bool { return a.ReportedStatus == "error" || a.ReportedStatus == "down" }

// lesser returns the troubles that alone result in a warning: disks, threads
// and, unless the agent itself reports an error, its proxy.
func lesser(a *Agent) (out []string) {
	if a.DiskWarnings == 1 {
		out = append(out, "1 disk almost full"+named(a.FullDisks))
	} else if a.DiskWarnings > 1 {
		out = append(out, fmt.Sprintf("%d disks almost full%s", a.DiskWarnings, named(a.FullDisks)))
	}
	if a.WorkersBad > 0 && len(a.DownComponents) == 0 {
		out = append(out, badWorkers(a))
	}
	if a.ProxyWarning != "" && a.ReportedStatus != "error" {
		out = append(out, proxy(a))
	}
	return out
}

func proxy(a *Agent) string { return "proxy or certificate: " + a.ProxyWarning }

// warnings returns the rules that result in a warning.
func warnings(a *Agent) (out []reason) {
	add := func(text string) { out = append(out, reason{severity: SeverityWarning, text: text}) }
	worse := troubles(a)
	for _, text := range lesser(a) {
		if !slices.ContainsFunc(worse, func(r reason) bool { return r.text == text }) {
			add(text)
		}
	}
	// Draining alone makes an agent report a warning: that is shown as drain.
	if len(out)+len(worse) == 0 && a.ReportedStatus == "warning" && !a.Draining {
		add("says that its status is warning, without a reason")
	}
	return out
}

// badWorkers counts and names the worker threads in trouble.
func badWorkers(a *Agent) string {
	return fmt.Sprintf("%d of %d worker threads in trouble%s", a.WorkersBad, a.WorkersTotal, named(a.BadWorkers))
}

// maxNamed is the maximum number of names in a reason.
const maxNamed = 8

// named returns the names behind a count, to be appended to it.
func named(names []string) string {
	if len(names) == 0 {
		return ""
	}
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return ": " + strings.Join(names, ", ") + more
}

func drain(a *Agent) []reason {
	text := "draining: takes no new work"
	switch {
	case !a.Draining:
		return nil
	case len(a.DrainWaits) > 0:
		text = "draining, waits for " + strings.Join(a.DrainWaits, "; ")
	case a.DrainComplete:
		text = "drained: nothing is left"
	}
	return []reason{{severity: SeverityDrain, text: text}}
}

func utc(t int64) string {
	var room [32]byte
	return string(appendUTC(room[:0], t))
}

func appendUTC(dst []byte, t int64) []byte {
	return time.Unix(t, 0).UTC().AppendFormat(dst, "2006-01-02 15:04 UTC")
}
