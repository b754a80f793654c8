package schema

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPercent(t *testing.T) {
	for _, test := range []struct{ part, whole, want float64 }{
		{1, 3, 33.33}, {2, 3, 66.67}, {0, 5, 0}, {5, 5, 100}, {6, 5, 120},
		{0, 0, -1}, {1, 0, -1}, {1, -1, -1}, {-1, 100, -1}, {-1, -1, -1},
		{999_999, 1_000_000, 99.99}, {1, 1_000_000_000, 0.01}, {1, math.MaxFloat64, 0.01},
		{1_000_001, 1_000_000, 100}, {5e-324, 1, 0.01},
		{math.NaN(), 1, -1}, {1, math.NaN(), -1}, {math.Inf(1), 1, -1}, {1, math.Inf(1), -1}, {1, math.Inf(-1), -1},
		{math.MaxFloat64, 5e-324, -1}, {1e18, 1, 1e20},
	} {
		assert.Equal(t, test.want, Percent(test.part, test.whole), "%g of %g", test.part, test.whole)
	}
}

func TestStatuses(t *testing.T) {
	all := Statuses()
	require.Len(t, all, 19)
	groups := map[string]int{}
	active, jobs := 0, []string{}
	for i, s := range all {
		assert.Equal(t, int64(i+1), s.Order)
		groups[s.Group]++
		if s.Active {
			active++
		}
		if s.JobInfo {
			jobs = append(jobs, s.Status)
		}
		got, ok := StatusOf(s.Status)
		assert.True(t, ok)
		assert.Equal(t, s, got)
	}
	assert.Equal(t, 16, active)
	assert.Equal(t, []string{"running-open", "running-closed", "force-complete", "completed", "closed-out"}, jobs)
	assert.Equal(t, map[string]int{"Waiting": 3, "InTransfer": 1, "InQueue": 2, "RunningWorkflows": 3, "Done": 4, "Bad": 6}, groups)
}

func TestTierZeroStatuses(t *testing.T) {
	var names, gone []string
	order := int64(0)
	for _, s := range TierZeroStatuses() {
		names = append(names, s.Status)
		assert.Greater(t, s.Order, order, "%s: the order of the life cycle", s.Status)
		order = s.Order
		if !s.Active {
			gone = append(gone, s.Status)
		}
		got, ok := StatusOf(s.Status)
		assert.True(t, ok)
		assert.Equal(t, s, got)
	}
	assert.Equal(t, []string{"new", "Closed", "AlcaSkim", "Merge", "Harvesting", "Processing Done", "completed", "normal-archived"}, names)
	assert.Equal(t, []string{"normal-archived"}, gone)
	_, ok := StatusOf("merge")
	assert.False(t, ok, "statuses are matched exactly")
}

func TestAlerts(t *testing.T) {
	const now = 10_000_000
	counts := func(success, failure, cooloff, running int64) Counters {
		return JobCounts{Success: success, FailureException: failure, CooloffJob: cooloff, Running: running}.Derive()
	}
	for name, test := range map[string]struct {
		w    Workflow
		want []string
		next int64
	}{
		"nothing":              {Workflow{Status: "running-open", StatusTime: now - 5, Counters: counts(10, 1, 0, 1)}, []string{}, 0},
		"failed":               {Workflow{Status: "failed", Counters: counts(0, 5, 0, 0)}, []string{AlertFailed}, 0},
		"old failed":           {Workflow{Status: "epic-FAILED"}, []string{AlertFailed}, 0},
		"config error":         {Workflow{Status: "completed", Counters: counts(0, 0, 1, 0)}, []string{AlertConfigError}, 0},
		"site error":           {Workflow{Status: "completed", Counters: counts(14, 86, 0, 0)}, []string{AlertSiteError}, 0},
		"at the limit":         {Workflow{Status: "completed", Counters: counts(15, 85, 0, 0)}, []string{}, 0},
		"not for announced":    {Workflow{Status: "announced", Counters: counts(0, 5, 0, 0)}, []string{}, 0},
		"assigned, not yet":    {Workflow{Status: "assigned", StatusTime: now - 7200}, []string{}, now + 1},
		"assigned stall":       {Workflow{Status: "assigned", StatusTime: now - 7201}, []string{AlertAssignedStall}, 0},
		"status stall":         {Workflow{Status: "acquired", StatusTime: now - 172801}, []string{AlertStatusStall}, 0},
		"jobs run":             {Workflow{Status: "running-open", StatusTime: now - 172801, Counters: counts(1, 0, 0, 1)}, []string{}, 0},
		"stall to come":        {Workflow{Status: "running-closed", StatusTime: now, Counters: counts(1, 0, 0, 0)}, []string{}, now + 172801},
		"status time unknown":  {Workflow{Status: "assigned"}, []string{}, 0},
		"skipped":              {Workflow{Status: "completed", Skipped: true}, []string{AlertSkippedFiles}, 0},
		"skipped files":        {Workflow{Status: "completed", SkippedFiles: 1}, []string{AlertSkippedFiles}, 0},
		"paused":               {Workflow{Status: "Merge", Counters: JobCounts{Success: 90, PausedSubmit: 2}.Derive()}, []string{}, 0},
		"paused and failing":   {Workflow{Status: "Merge", Counters: JobCounts{PausedJob: 2}.Derive()}, []string{AlertConfigError}, 0},
		"several, fixed order": {Workflow{Status: "running-open", StatusTime: 1, Skipped: true, Counters: counts(0, 1, 0, 0)}, []string{AlertConfigError, AlertStatusStall, AlertSkippedFiles}, 0},
	} {
		got, next := Alerts(&test.w, nil, now, DefaultLimits())
		assert.Equal(t, test.want, got, name)
		if test.w.Paused > 0 {
			of0, _ := Alerts(&test.w, nil, now, TierZeroLimits())
			assert.Equal(t, append(test.want, AlertPausedJobs), of0, "%s: a rule of Tier-0", name)
			limits := TierZeroLimits()
			limits.PausedJobs = test.w.Paused
			of0, _ = Alerts(&test.w, nil, now, limits)
			assert.Equal(t, test.want, of0, "%s: at the limit", name)
		}
		assert.Equal(t, test.next, next, name)
		if next > 0 {
			before, _ := Alerts(&test.w, nil, next-1, DefaultLimits())
			after, last := Alerts(&test.w, nil, next, DefaultLimits())
			assert.Equal(t, got, before, "%s: nothing changes before next", name)
			assert.NotEqual(t, got, after, "%s: it changes at next", name)
			assert.Zero(t, last, name)
		}
	}
}

func TestJudge(t *testing.T) {
	const now = 1_712_350_200
	good := Agent{Kind: KindAgent, UpdateTime: now - 60, DataUpdateTime: now - 60, ReportedStatus: "ok"}
	for name, test := range map[string]struct {
		change   func(a *Agent)
		severity string
		reasons  []string
	}{
		"good":  {func(*Agent) {}, SeverityOK, []string{}},
		"drain": {func(a *Agent) { a.Draining, a.ReportedStatus = true, "warning" }, SeverityDrain, []string{"draining: takes no new work"}},
		"drained": {func(a *Agent) { a.Draining, a.DrainComplete = true, true }, SeverityDrain,
			[]string{"drained: nothing is left"}},
		"disk does not hide an error": {func(a *Agent) { a.DiskWarnings, a.CouchProcesses = 1, 55 }, SeverityError,
			[]string{"too many CouchDB processes: 55", "1 disk almost full"}},
		"proxy warning": {func(a *Agent) { a.ProxyWarning = "expires in 4 days" }, SeverityWarning, []string{"proxy or certificate: expires in 4 days"}},
		"proxy error": {func(a *Agent) { a.ProxyWarning, a.ReportedStatus = "expires in 1 day", "error" }, SeverityError,
			[]string{"proxy or certificate: expires in 1 day"}},
		"silent": {func(a *Agent) { a.UpdateTime = now - 1201 }, SeverityError,
			[]string{"no report since 2024-04-05 20:29 UTC: AgentStatusWatcher is down"}},
		"silent service":   {func(a *Agent) { a.Kind, a.UpdateTime = KindService, now-1201 }, SeverityError, []string{"no heartbeat since 2024-04-05 20:29 UTC"}},
		"at the limit":     {func(a *Agent) { a.UpdateTime = now - 1200 }, SeverityOK, []string{}},
		"old counts":       {func(a *Agent) { a.DataUpdateTime = now - 1201 }, SeverityWarning, []string{"no job counts since 2024-04-05 20:29 UTC"}},
		"down":             {func(a *Agent) { a.DownComponents = []string{"A", "B"} }, SeverityError, []string{"down: A, B"}},
		"data error":       {func(a *Agent) { a.DataError = "no view" }, SeverityError, []string{"data collector: no view"}},
		"red, no reason":   {func(a *Agent) { a.ReportedStatus = "down" }, SeverityError, []string{"says that its status is down, without a reason"}},
		"amber, no reason": {func(a *Agent) { a.ReportedStatus = "warning" }, SeverityWarning, []string{"says that its status is warning, without a reason"}},
		"threads":          {func(a *Agent) { a.WorkersBad, a.WorkersTotal = 2, 40 }, SeverityWarning, []string{"2 of 40 worker threads in trouble"}},
		"never reported":   {func(a *Agent) { *a = Agent{Kind: KindAgent} }, SeverityUnknown, []string{"has not reported on itself"}},
		"all at once": {func(a *Agent) {
			a.Draining, a.DrainWaits, a.DiskWarnings, a.DownComponents = true, []string{"x", "y"}, 2, []string{"A"}
		}, SeverityError, []string{"down: A", "2 disks almost full", "draining, waits for x; y"}},
	} {
		a := good
		test.change(&a)
		Judge(&a, now, DefaultLimits())
		assert.Equal(t, test.severity, a.Severity, name)
		assert.Equal(t, test.reasons, a.Reasons, name)
	}
}

func TestSecondsLeft(t *testing.T) {
	const start, hours10 = 1000, 36_000
	base := Workflow{Status: "running-open", StatusTime: start, EstimatedJobs: 100, InputEvents: -1}
	part := AgentReport{Agent: "a", Time: start + hours10, Counts: JobCounts{Success: 20, Running: 20, Canceled: 5}, JobsInWMBS: 50}
	// 20 of 40 jobs, of half of the expected jobs: a quarter.
	events := func(done int64) func(*Workflow, *AgentReport) {
		return func(w *Workflow, p *AgentReport) {
			w.InputEvents, p.Outputs = 1200, []OutputReport{{Dataset: "/a", Events: done}}
		}
	}
	for name, test := range map[string]struct {
		change func(w *Workflow, p *AgentReport)
		want   int64
	}{
		"R 1/2, Q 1/2, 10 h":       {func(*Workflow, *AgentReport) {}, 3 * hours10},
		"no job ended":             {func(_ *Workflow, p *AgentReport) { p.Counts = JobCounts{Running: 5} }, -1},
		"finished":                 {func(w *Workflow, _ *AgentReport) { w.Status = "completed" }, -1},
		"aborted":                  {func(w *Workflow, _ *AgentReport) { w.Status = "aborted" }, -1},
		"jobs not estimated":       {func(w *Workflow, _ *AgentReport) { w.EstimatedJobs = -1 }, -1},
		"start unknown":            {func(w *Workflow, _ *AgentReport) { w.StatusTime = 0 }, -1},
		"counts before status":     {func(w *Workflow, p *AgentReport) { w.StatusTime = p.Time + 1 }, -1},
		"nothing in WMBS":          {func(_ *Workflow, p *AgentReport) { p.JobsInWMBS = 0 }, -1},
		"more than estimated":      {func(_ *Workflow, p *AgentReport) { p.JobsInWMBS = 1000 }, 0},
		"never ends":               {func(w *Workflow, p *AgentReport) { w.EstimatedJobs, p.JobsInWMBS = math.MaxInt64, 1 }, -1},
		"no jobs in sum":           {func(_ *Workflow, p *AgentReport) { p.Counts = JobCounts{Success: 5, Transition: -5} }, -1},
		"after 6 h":                {func(_ *Workflow, p *AgentReport) { p.Time = start + 6*3600 }, 18 * 3600},
		"before 6 h, jobs open":    {func(_ *Workflow, p *AgentReport) { p.Time = start + 6*3600 - 1 }, -1},
		"before 6 h, none open":    {func(_ *Workflow, p *AgentReport) { p.Time, p.Counts.Running = start+3600, 0 }, 3600},
		"events agree":             {events(300), 3 * hours10},
		"a third of the events":    {events(101), 3 * hours10},
		"less than a third":        {events(99), -1},
		"three times the events":   {events(900), 3 * hours10},
		"more than three times":    {events(901), -1},
		"no event at all":          {events(0), -1},
		"more than all the events": {events(5000), -1},
	} {
		w, p := base, part
		test.change(&w, &p)
		Join(&w, []AgentReport{p})
		assert.Equal(t, test.want, w.SecondsLeft, name)
	}
}
