package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAlertsOf(t *testing.T) {
	const start = 1_712_350_000 // 2024-04-05 20:46:40 UTC
	counts := JobCounts{Success: 10, FailureException: 80, CooloffJob: 9, PausedJob: 1}.Derive()
	w := Workflow{Workflow: "w", StatusTime: start, Requestor: "amaltaro", Team: "production"}
	with := func(change func(w *Workflow)) Workflow {
		w := w
		change(&w)
		return w
	}
	for name, test := range map[string]struct {
		w     Workflow
		facts Facts
		want  Alert // without Workflow and Rule
	}{
		AlertFailed: {with(func(w *Workflow) { w.Status = "failed" }), Facts{},
			Alert{Reason: "in status failed", Cause: "failed since 2024-04-05 20:46 UTC", Who: "requestor amaltaro (production)", Since: start}},
		AlertConfigError: {with(func(w *Workflow) { w.Counters, w.Team = JobCounts{FailureSubmit: 3}.Derive(), "" }),
			Facts{Failing: Part{"T2_CH_CERN", 2, 3}, Exit: Part{"8021 (text)", 1, 4}},
			Alert{Reason: "3 jobs fail (3 failed, 0 in cooloff, 0 paused): none has succeeded",
				Cause: "exit code 8021 (text): 1 of 4 job reports (25 %)", Who: "requestor amaltaro", Since: start}},
		AlertSiteError: {with(func(w *Workflow) { w.Counters = counts }), Facts{Failing: Part{"T2_CH_CERN", 60, 90}},
			Alert{Reason: "90 jobs fail (80 failed, 9 in cooloff, 1 paused): 90.0 % of 100, the limit is 85 %",
				Cause: "T2_CH_CERN: 60 of 90 failing jobs (66.67 %)", Who: "site T2_CH_CERN", Since: start}},
		AlertAssignedStall: {with(func(w *Workflow) { w.Status = "assigned" }), Facts{},
			Alert{Reason: "in status assigned since 2024-04-05 20:46 UTC, the limit is 2h",
				Cause: "assigned since 2024-04-05 20:46 UTC", Who: "requestor amaltaro (production)", Since: start + 7201}},
		AlertStatusStall: {with(func(w *Workflow) { w.Status, w.Requestor = "acquired", "" }), Facts{},
			Alert{Reason: "in status acquired since 2024-04-05 20:46 UTC without a running job, the limit is 48h",
				Cause: "acquired since 2024-04-05 20:46 UTC", Who: "team production", Since: start + 172801}},
		AlertStaleAgent: {w, Facts{Silent: []Silence{{"b", start + 60}, {"a", start}}}, // the longest silent one first
			Alert{Reason: "no job counts of a since 2024-04-05 20:46 UTC, b since 2024-04-05 20:47 UTC, the limit is 20m",
				Cause: "no new counts of a since 2024-04-05 20:46 UTC", Who: "agent a", Since: start + 1201}},
		AlertSkippedFiles: {with(func(w *Workflow) { w.SkippedFiles = 3 }), Facts{Skipped: Part{"a", 2, 3}},
			Alert{Reason: "3 input files skipped", Cause: "a: 2 of 3 skipped files (66.67 %)", Who: "requestor amaltaro (production)", Since: start}},
		AlertPausedJobs: {with(func(w *Workflow) { w.Counters = JobCounts{PausedCreate: 3, PausedJob: 9}.Derive() }), Facts{Paused: Part{None, 9, 12}},
			Alert{Reason: "12 jobs paused (3 at creation, 9 after running), the limit is 0",
				Cause: "(none): 9 of 12 paused jobs (75 %)", Who: "requestor amaltaro (production)", Since: start}},
	} {
		test.w.Alerts = []string{name}
		test.want.Workflow, test.want.Rule = "w", name
		assert.Equal(t, []Alert{test.want}, AlertsOf(&test.w, test.facts, DefaultLimits()), name)
		limits := DefaultLimits()
		limits.Who = map[string]string{name: "the shifter"}
		test.want.Who = "the shifter"
		assert.Equal(t, []Alert{test.want}, AlertsOf(&test.w, test.facts, limits), name)
	}
	assert.Equal(t, []Alert{}, AlertsOf(&Workflow{}, Facts{}, DefaultLimits()))
	never := AlertsOf(&Workflow{Alerts: []string{AlertStaleAgent}}, Facts{Silent: []Silence{{"a", 0}}}, DefaultLimits())
	assert.Equal(t, []Alert{{Rule: AlertStaleAgent, Reason: "no job counts of a ever, the limit is 20m", Cause: "no counts of a ever", Who: "agent a"}}, never)
	nowhere := AlertsOf(&Workflow{Alerts: []string{AlertSiteError}, Counters: counts}, Facts{}, DefaultLimits())
	assert.Equal(t, "no site is named in the reports", nowhere[0].Cause)
	assert.Empty(t, nowhere[0].Who)
}

// Since of a rule on time is the moment at which the rule begins to hold.
func TestSinceIsWhenItBegins(t *testing.T) {
	for _, status := range []string{"assigned", "acquired", "running-open"} {
		w := Workflow{Status: status, StatusTime: 1_712_350_000}
		_, next := Alerts(&w, nil, w.StatusTime, DefaultLimits())
		w.Alerts, _ = Alerts(&w, nil, next, DefaultLimits())
		records := AlertsOf(&w, Facts{}, DefaultLimits())
		if assert.Len(t, records, 1, status) {
			assert.Equal(t, next, records[0].Since, status)
		}
	}
}

// A rule that is off does not hold, and lets the next one apply.
func TestRulesOff(t *testing.T) {
	w := Workflow{Status: "failed", Skipped: true, Counters: JobCounts{FailureSubmit: 3}.Derive()}
	off := DefaultLimits()
	for _, want := range [][]string{
		{AlertFailed, AlertSkippedFiles}, {AlertConfigError, AlertSkippedFiles}, {AlertSiteError, AlertSkippedFiles}, {AlertSkippedFiles}, {},
	} {
		got, _ := Alerts(&w, nil, 5, off)
		assert.Equal(t, want, got)
		if len(got) > 0 {
			off.Off = append(off.Off, got[0])
		}
	}
	stalled := Workflow{Status: "running-open", StatusTime: 1}
	off.Off = []string{AlertStatusStall, AlertStaleAgent}
	got, next := Alerts(&stalled, []string{"a"}, 2, off)
	assert.Empty(t, got)
	assert.Zero(t, next)
}

func TestAlertsOfAgent(t *testing.T) {
	const now = 1_712_350_200
	d := AgentDetail{
		Agent: Agent{
			Agent: "a", Kind: KindAgent, UpdateTime: now - 1300, DataUpdateTime: now - 1201, DownComponents: []string{"X", "Y"},
			DiskWarnings: 2, Draining: true,
		},
		Components: []AgentComponent{{Component: "V", LastUpdate: 5}, {Component: "X", Down: true, LastUpdate: 900}, {Component: "Y", Down: true, LastUpdate: 800}, {Component: "Z", Down: true}},
	}
	want := []Alert{
		{Agent: "a", Rule: AlertAgentError, Reason: "no report since 2024-04-05 20:28 UTC: AgentStatusWatcher is down", Cause: "no report since 2024-04-05 20:28 UTC: AgentStatusWatcher is down", Who: "agent a", Since: now - 99},
		{Agent: "a", Rule: AlertAgentError, Reason: "down: X, Y", Cause: "Y is down since 1970-01-01 00:13 UTC", Who: "agent a", Since: 800},
		{Agent: "a", Rule: AlertAgentWarning, Reason: "no job counts since 2024-04-05 20:29 UTC", Cause: "no job counts since 2024-04-05 20:29 UTC", Who: "agent a", Since: now},
		{Agent: "a", Rule: AlertAgentWarning, Reason: "2 disks almost full", Cause: "2 disks almost full", Who: "agent a"},
	}
	assert.Equal(t, want, AlertsOfAgent(&d, now, DefaultLimits()))
	off := DefaultLimits()
	off.Off = []string{AlertAgentWarning}
	assert.Equal(t, want[:2], AlertsOfAgent(&d, now, off))
	assert.Equal(t, []Alert{}, AlertsOfAgent(&AgentDetail{Agent: Agent{UpdateTime: now}}, now, DefaultLimits()))
}

func TestSpan(t *testing.T) {
	for seconds, want := range map[int64]string{1: "1s", 90: "1m30s", 1200: "20m", 5400: "1h30m", 7200: "2h", 172800: "48h", 3601: "1h0m1s", 0: "0s"} {
		assert.Equal(t, want, Span(seconds))
	}
}
