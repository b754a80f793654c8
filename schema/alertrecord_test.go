package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAlertsOf(t *testing.T) {
	const start = 1_712_350_000 // 2024-04-05 20:46:40 UTC
	counts := JobCounts{Success: 10, FailureException: 80, CooloffJob: 9, PausedJob: 1}.Derive()
	for name, test := range map[string]struct {
		w      Workflow
		silent []Silence
		want   Alert // without Workflow and Rule
	}{
		AlertFailed:      {Workflow{Status: "failed"}, nil, Alert{Reason: "in status failed", Since: start}},
		AlertConfigError: {Workflow{Counters: JobCounts{FailureSubmit: 3}.Derive()}, nil, Alert{Reason: "3 jobs fail (3 failed, 0 in cooloff, 0 paused): none has succeeded", Since: start}},
		AlertSiteError:   {Workflow{Counters: counts}, nil, Alert{Reason: "90 jobs fail (80 failed, 9 in cooloff, 1 paused): 90.0 % of 100, the limit is 85 %", Since: start}},
		AlertAssignedStall: {Workflow{Status: "assigned"}, nil,
			Alert{Reason: "in status assigned since 2024-04-05 20:46 UTC, the limit is 2h", Since: start + 7201}},
		AlertStatusStall: {Workflow{Status: "acquired"}, nil,
			Alert{Reason: "in status acquired since 2024-04-05 20:46 UTC without a running job, the limit is 48h", Since: start + 172801}},
		AlertStaleAgent: {Workflow{}, []Silence{{"b", start + 60}, {"a", start}}, // the longest silent one first
			Alert{Reason: "no job counts of a since 2024-04-05 20:46 UTC, b since 2024-04-05 20:47 UTC, the limit is 20m", Since: start + 1201}},
		AlertSkippedFiles: {Workflow{SkippedFiles: 3}, nil, Alert{Reason: "3 input files skipped", Since: start}},
		AlertPausedJobs: {Workflow{Counters: JobCounts{PausedCreate: 3, PausedJob: 9}.Derive()}, nil,
			Alert{Reason: "12 jobs paused (3 at creation, 9 after running), the limit is 0", Since: start}},
	} {
		test.w.Workflow, test.w.StatusTime, test.w.Alerts = "w", start, []string{name}
		test.want.Workflow, test.want.Rule = "w", name
		assert.Equal(t, []Alert{test.want}, AlertsOf(&test.w, test.silent, DefaultLimits()), name)
	}
	assert.Equal(t, []Alert{}, AlertsOf(&Workflow{}, nil, DefaultLimits()))
	never := AlertsOf(&Workflow{Alerts: []string{AlertStaleAgent}}, []Silence{{"a", 0}}, DefaultLimits())
	assert.Equal(t, []Alert{{Rule: AlertStaleAgent, Reason: "no job counts of a ever, the limit is 20m"}}, never)
}

// Since of a rule on time is the moment at which the rule begins to hold.
func TestSinceIsWhenItBegins(t *testing.T) {
	for _, status := range []string{"assigned", "acquired", "running-open"} {
		w := Workflow{Status: status, StatusTime: 1_712_350_000}
		_, next := Alerts(&w, nil, w.StatusTime, DefaultLimits())
		w.Alerts, _ = Alerts(&w, nil, next, DefaultLimits())
		records := AlertsOf(&w, nil, DefaultLimits())
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
		{Agent: "a", Rule: AlertAgentError, Reason: "no report since 2024-04-05 20:28 UTC: AgentStatusWatcher is down", Since: now - 99},
		{Agent: "a", Rule: AlertAgentError, Reason: "down: X, Y", Since: 800},
		{Agent: "a", Rule: AlertAgentWarning, Reason: "no job counts since 2024-04-05 20:29 UTC", Since: now},
		{Agent: "a", Rule: AlertAgentWarning, Reason: "2 disks almost full"},
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
