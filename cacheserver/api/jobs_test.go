package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// jobsFake is a source of failing jobs: every third workflow has some.
type jobsFake struct {
	mu    sync.Mutex
	calls map[string]int
	err   error
	wait  chan struct{} // nil: answers at once

	groups []schema.JobError // of all workflows, besides those of failing
}

func (j *jobsFake) called(what string) error {
	j.mu.Lock()
	if j.calls == nil {
		j.calls = map[string]int{}
	}
	j.calls[what]++
	err := j.err
	j.mu.Unlock()
	if j.wait != nil {
		<-j.wait
	}
	return err
}

func (j *jobsFake) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.calls[what]
}

func (j *jobsFake) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
}

// failing returns the groups of workflow i: none for most.
func failing(i int) []schema.JobError {
	if i%3 != 0 {
		return []schema.JobError{}
	}
	name := workflowName(i)
	group := func(task, state string, exit int64, site string, count int64) schema.JobError {
		g := schema.JobError{Workflow: name, Task: "/" + name + "/" + task, State: state, ExitCode: exit, Site: site, Agent: "vocms1.cern.ch", ErrorTypes: "A;B", Count: count}
		if schema.Retried(state) {
			g.Retries = count
		}
		return g
	}
	return []schema.JobError{
		group("GEN", "jobfailed", 8021, "T1_US_FNAL", 50), group("GEN", "jobfailed", 134, "T2_CH_CERN", 7), group("GEN/Merge", "jobcooloff", 8021, "T2_CH_CERN", 3),
		group("GEN", "success", 0, "T1_US_FNAL", 2), group("GEN", "submitfailed", -1, "(unknown)", int64(1+i)),
	}
}

func indexOf(workflow string) (i int) {
	_, _ = fmt.Sscanf(workflow[strings.LastIndexByte(workflow, '_')+1:], "%d", &i)
	return i
}

func (j *jobsFake) JobErrors(_ context.Context, workflow string) ([]schema.JobError, error) {
	return failing(indexOf(workflow)), j.called("errors")
}

func (j *jobsFake) JobSamples(_ context.Context, workflow string, match func(schema.JobError) bool, limit int) (samples []schema.JobSample, total int64, err error) {
	samples = []schema.JobSample{}
	for _, g := range failing(indexOf(workflow)) {
		if !match(g) {
			continue
		}
		total += g.Count
		for n := range min(int(g.Count), 10) {
			name := fmt.Sprint("job-", g.ExitCode, "-", n)
			if len(samples) < limit {
				samples = append(samples, schema.JobSample{Workflow: workflow, JobName: name, Task: g.Task, State: g.State, ExitCode: g.ExitCode, Site: g.Site, InputFiles: []string{"/a", "/b"},
					Errors: []schema.JobStepError{{JobName: name, Step: "cmsRun1", Details: `say "no"`}}})
			}
		}
	}
	return samples, total, j.called("jobs")
}

func (j *jobsFake) FailingJobs(_ context.Context, wanted func(string) bool, fn func(schema.JobError) error) error {
	for i := range 400 {
		if !wanted(workflowName(i)) {
			continue
		}
		for _, g := range failing(i) {
			if err := fn(g); err != nil {
				return err
			}
		}
	}
	for _, g := range j.groups {
		if err := fn(g); err != nil {
			return err
		}
	}
	return j.called("all")
}

func (j *jobsFake) LogEntries(_ context.Context, workflow string) ([]schema.LogEntry, error) {
	entries := []schema.LogEntry{}
	if indexOf(workflow)%3 == 0 {
		entries = append(entries, schema.LogEntry{Workflow: workflow, Reporter: "vocms1.cern.ch", Thread: "JobCreatorPoller", Type: "agent-error", Time: 20, Message: "no\nspace"},
			schema.LogEntry{Workflow: workflow, Reporter: "reqmgr2", Thread: "main", Type: "info", Time: 10, Message: "moved"})
	}
	return entries, j.called("logs")
}

func (j *jobsFake) AllLogEntries(ctx context.Context, wanted func(string) bool, fn func([]schema.LogEntry) error) error {
	for i := range 400 {
		entries, err := j.LogEntries(ctx, workflowName(i))
		if err != nil {
			return err
		}
		for k := range entries { // one document each
			if !wanted(workflowName(i)) {
				continue
			}
			entries[k].Time += int64(i)
			older := entries[k]
			older.Time, older.Message = 1, "older"
			if err := fn([]schema.LogEntry{entries[k], older}); err != nil {
				return err
			}
		}
	}
	return j.called("all_logs")
}

func TestJobErrorsOfAWorkflow(t *testing.T) {
	f := newFixture(t, 30)
	source := &jobsFake{}
	f.newAPI(func(o *api.Options) { o.Jobs = source })
	path := "/fetch/" + workflowName(3) + "/errors"
	counts := func(query string) map[string]int64 {
		a := f.get(path + query)
		require.Equal(t, 200, a.StatusCode, string(a.body))
		out := map[string]int64{}
		for _, g := range decode[[]schema.JobError](t, a.body) {
			out[fmt.Sprint(g.ExitCode, " ", g.Site)] += g.Count
		}
		return out
	}
	all := map[string]int64{"8021 T1_US_FNAL": 50, "134 T2_CH_CERN": 7, "8021 T2_CH_CERN": 3, "0 T1_US_FNAL": 2, "-1 (unknown)": 4}
	assert.Equal(t, all, counts(""))
	assert.Equal(t, map[string]int64{"8021 T1_US_FNAL": 50, "8021 T2_CH_CERN": 3}, counts("?exitcode=8021"))
	assert.Equal(t, map[string]int64{"134 T2_CH_CERN": 7}, counts("?exitcode=!8021,!0&site=T2_*"))
	assert.Equal(t, map[string]int64{"8021 T2_CH_CERN": 3}, counts("?task=*/Merge&state=jobcooloff&agent=vocms*"))
	assert.Equal(t, map[string]int64{"8021 ": 53, "134 ": 7, "0 ": 2, "-1 ": 4}, counts("?by=exitcode"))
	retries := map[int64]int64{}
	for _, g := range decode[[]schema.JobError](t, f.get(path+"?by=exitcode").body) {
		retries[g.ExitCode] = g.Retries
	}
	assert.Equal(t, map[int64]int64{8021: 3, 134: 0, 0: 2, -1: 0}, retries, "in cool-off, or succeeded in the end")
	assert.Empty(t, counts("?site=T9_*"))
	assert.Equal(t, 1, source.count("errors"), "read once for all of them")

	a := f.get(path)
	assert.Equal(t, "5", a.Header.Get("X-Total-Count"))
	_, err := time.Parse(time.RFC3339, a.Header.Get("X-Read-Time"))
	require.NoError(t, err)
	assert.Equal(t, 304, f.get(path, "If-None-Match: "+a.Header.Get("ETag")).StatusCode)
	lines := rows(t, f.get(path+"?format=csv&fields=exitcode,count").body)
	assert.Equal(t, [][]string{{"Workflow", "ExitCode", "Count"}, {workflowName(3), "8021", "50"}}, lines[:2])
	assert.Equal(t, "[]\n", string(f.get("/fetch/"+workflowName(4)+"/errors").body), "no messages is a valid answer")
}

func TestJobSamples(t *testing.T) {
	f := newFixture(t, 30)
	source := &jobsFake{}
	f.newAPI(func(o *api.Options) { o.Jobs = source })
	path := "/fetch/" + workflowName(3) + "/jobs"
	a := f.get(path)
	require.Equal(t, 200, a.StatusCode, string(a.body))
	assert.Len(t, decode[[]schema.JobSample](t, a.body), 10)
	assert.Equal(t, "66", a.Header.Get("X-Total-Count"), "total")
	assert.Len(t, decode[[]schema.JobSample](t, f.get(path+"?limit=100").body), 26)
	list := decode[[]schema.JobSample](t, f.get(path+"?exitcode=8021&site=T2_CH_CERN&limit=2").body)
	require.Len(t, list, 2)
	assert.Equal(t, "jobcooloff", list[0].State)
	assert.Equal(t, `say "no"`, list[0].Errors[0].Details)
	f.get(path + "?exitcode=8021&site=T2_CH_CERN&limit=2&format=csv")
	assert.Equal(t, 3, source.count("jobs"), "another filter is another read, another format is not")

	table := rows(t, f.get(path+"?limit=1&format=csv").body)
	require.Len(t, table, 2)
	assert.NotContains(t, table[0], "Errors", "a table has no lists of records")
	assert.Equal(t, "/a /b", table[1][len(table[1])-2])
	lines := strings.Split(strings.TrimSpace(string(f.get(path+"?limit=3&format=ndjson").body)), "\n")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], `"Errors":[{"JobName":"job-8021-0"`)
	assert.Equal(t, "[]\n", string(f.get("/fetch/"+workflowName(4)+"/jobs").body))
}

func TestLogs(t *testing.T) {
	f := newFixture(t, 30)
	path := "/fetch/" + workflowName(3) + "/logs"
	all := decode[[]schema.LogEntry](t, f.get(path).body)
	assert.Len(t, all, 2)
	assert.Equal(t, "no\nspace", all[0].Message)
	assert.Len(t, decode[[]schema.LogEntry](t, f.get(path+"?type=agent-*").body), 1)
	assert.Len(t, decode[[]schema.LogEntry](t, f.get(path+"?reporter=!vocms*&thread=main").body), 1)
	assert.Equal(t, "Workflow,Reporter,Thread,Type,Time,Message\r\n", string(f.get("/fetch/"+workflowName(4)+"/logs?format=csv").body))
}

func TestLogsOfAllWorkflows(t *testing.T) {
	f := newFixture(t, 30)
	source := &jobsFake{}
	f.newAPI(func(o *api.Options) { o.Jobs = source })
	a := f.get("/logs")
	require.Equal(t, 200, a.StatusCode, string(a.body))
	all := decode[[]schema.LogGroup](t, a.body)
	require.Len(t, all, 20, "two of each third of 30 workflows, none of workflows that are not in the lists")
	assert.Equal(t, schema.LogGroup{
		Workflow: workflowName(27), Reporter: "vocms1.cern.ch", Thread: "JobCreatorPoller", Type: "agent-error", Count: 2, Time: 47, Message: "no\nspace",
	}, all[0], "the newest first")
	assert.NotEmpty(t, a.Header.Get(wire.HeaderReadTime))
	for query, want := range map[string]int{
		"?type=agent-*": 10, "?type=!agent-*": 10, "?reporter=req*&thread=main": 10, "?thread=x": 0,
		"?workflow=" + workflowName(3) + "," + workflowName(4): 2, "?name=" + workflowName(6) + "&type=info": 1, "?status=nosuch": 0,
	} {
		assert.Len(t, decode[[]schema.LogGroup](t, f.get("/logs"+query).body), want, query)
	}
	first := f.get("/logs?limit=3&sort=Workflow,-Count&fields=Time")
	assert.Len(t, decode[[]schema.LogGroup](t, first.body), 3)
	assert.Equal(t, "20", first.Header.Get(wire.HeaderTotal))
	assert.Contains(t, string(first.body), `[{"Workflow":"`+workflowName(0)+`","Time":`)
	assert.True(t, strings.HasPrefix(string(f.get("/logs?format=csv&limit=1").body), "Workflow,Reporter,Thread,Type,Count,Time,Message\r\n"))
	for query, param := range map[string]string{"?limit=0": "limit", "?sort=Cont": "sort", "?facets=status": "facets", "?idx=3": "idx", "?campagn=x": "campagn", "?kind=x": "kind"} {
		assert.Equal(t, param, f.get("/logs"+query).problem(t).Param, query)
	}
}

// "None", "not in the source", "source failed" and "not ready" are four
// answers.
func TestFourWaysToHaveNothing(t *testing.T) {
	f := newFixture(t, 30)
	wf := "/fetch/" + workflowName(4)
	paths := []string{wf + "/errors", wf + "/jobs", wf + "/logs", "/errors", "/logs"}
	expect := func(why string, change func(*api.Options), status int, slug wire.Slug) {
		f.newAPI(change)
		for _, path := range paths {
			a := f.get(path)
			assert.Equal(t, status, a.StatusCode, "%s: %s", why, path)
			if slug != "" {
				p := a.problem(t)
				assert.Equal(t, slug, p.Slug(), path)
				assert.NotContains(t, string(a.body), "s3cret")
				assert.Equal(t, status != 404, a.Header.Get("Retry-After") != "", "Retry-After only where retrying can help")
			}
		}
	}
	expect("none", func(o *api.Options) { o.Jobs = &jobsFake{} }, 200, "")
	expect("no such source", func(o *api.Options) { o.Jobs = nil }, 404, wire.SlugNotInSource)
	expect("no view", func(o *api.Options) { o.Jobs = &jobsFake{err: fmt.Errorf("x: %w", ondemand.ErrAbsent)} }, 404, wire.SlugNotInSource)
	expect("failed", func(o *api.Options) { o.Jobs = &jobsFake{err: errors.New("http://a:s3cret@b")} }, 502, wire.SlugSourceFailed)
	f.store = newEmptyFixture(t).store
	expect("not ready", nil, 503, wire.SlugNotReady)
}

func TestJobParametersAreChecked(t *testing.T) {
	f := newFixture(t, 30)
	wf := "/fetch/" + workflowName(3)
	for path, want := range map[string]struct {
		slug  wire.Slug
		param string
		near  string
	}{
		wf + "/jobs?exitcod=1":          {wire.SlugUnknownParameter, "exitcod", "exitcode"},
		wf + "/jobs?exitcode=x":         {wire.SlugBadValue, "exitcode", ""},
		wf + "/jobs?limit=0":            {wire.SlugBadValue, "limit", ""},
		wf + "/jobs?limit=101":          {wire.SlugBadValue, "limit", ""},
		wf + "/jobs?limit=5&limit=6":    {wire.SlugBadValue, "limit", ""},
		wf + "/jobs?site=":              {wire.SlugBadValue, "site", ""},
		wf + "/jobs?fields=Tsk":         {wire.SlugUnknownField, "fields", "Task"},
		wf + "/errors?by=sites":         {wire.SlugUnknownField, "by", "site"},
		wf + "/logs?kind=x":             {wire.SlugUnknownParameter, "kind", ""},
		wf + "x/jobs":                   {wire.SlugNotFound, "", workflowName(3)},
		"/errors?by=exit":               {wire.SlugUnknownField, "by", ""},
		"/errors?exitcode=80*":          {wire.SlugBadValue, "exitcode", ""},
		"/errors?sort=-Job":             {wire.SlugUnknownField, "sort", "Jobs"},
		"/errors?fields=Job":            {wire.SlugUnknownField, "fields", "Jobs"},
		"/errors?facets=status":         {wire.SlugUnknownParameter, "facets", ""},
		"/errors?campagn=x":             {wire.SlugUnknownParameter, "campagn", "campaign"},
		"/errors?limit=10001":           {wire.SlugBadValue, "limit", ""},
		"/errors?envelope=1&format=csv": {wire.SlugBadValue, "format", ""},
	} {
		a := f.get(path)
		p := a.problem(t)
		assert.Equal(t, want.slug, p.Slug(), path)
		assert.Equal(t, want.param, p.Param, path)
		if want.near != "" {
			assert.Contains(t, p.DidYouMean, want.near, path)
		}
	}
}

// Reads on demand are counted: how often, with what outcome, how long.
func TestDemandIsCounted(t *testing.T) {
	f := newFixture(t, 30)
	source := &jobsFake{}
	f.newAPI(func(o *api.Options) { o.Jobs, o.Demand, o.Now = source, api.DemandOptions{Failures: 1}, f.clock.Now })
	path := "/fetch/" + workflowName(3) + "/logs"
	f.get(path)
	f.get(path)
	source.fail(errors.New("down"))
	assert.Equal(t, http.StatusBadGateway, f.get("/fetch/"+workflowName(6)+"/logs").StatusCode)
	again := f.get("/fetch/" + workflowName(9) + "/logs")
	assert.Equal(t, http.StatusBadGateway, again.StatusCode)
	assert.Contains(t, again.problem(t).Detail, "several times")
	assert.Equal(t, 2, source.count("logs"), "reads of a failing source are paused")
	assert.Equal(t, 200, f.get(path).StatusCode, "an earlier result is still served")
	metrics := string(f.get("/metrics").body)
	for _, line := range []string{
		`wmstats_ondemand_total{kind="logs",outcome="read"} 1`, `wmstats_ondemand_total{kind="logs",outcome="kept"} 2`,
		`wmstats_ondemand_total{kind="logs",outcome="failed"} 1`, `wmstats_ondemand_total{kind="logs",outcome="backoff"} 1`,
		`wmstats_ondemand_seconds_count{kind="logs"} 2`, `wmstats_ondemand_running 0`,
	} {
		assert.True(t, strings.Contains(metrics, line+"\n"), line)
	}
}

// Details without job errors are not cached: the next reader may get them.
func TestADetailWithoutItsErrorsIsNotKept(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{state: "failed"}
	f.newAPI(func(o *api.Options) { o.Details = source })
	path := "/fetch/" + workflowName(7)
	assert.Contains(t, string(f.get(path).body), `"ErrorsState":"failed"`)
	source.becomes("none")
	assert.Contains(t, string(f.get(path).body), `"ErrorsState":"none"`)
	source.becomes("failed")
	assert.Contains(t, string(f.get(path).body), `"ErrorsState":"none"`)
	assert.Equal(t, 2, source.count())
}

// The cached answer of a detail ends when the read behind it expires, even if
// its generation is still the newest, and counts as kept until then.
func TestACachedDetailEndsWithItsRead(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{}
	f.newAPI(func(o *api.Options) { o.Details, o.Demand.Keep, o.Now = source, time.Minute, f.clock.Now })
	path := "/fetch/" + workflowName(7)
	before := f.get(path)
	f.clock.advance(59 * time.Second)
	assert.Equal(t, before.body, f.get(path).body)
	assert.Equal(t, 1, source.count())
	assert.Contains(t, string(f.get("/metrics").body), `wmstats_ondemand_total{kind="detail",outcome="kept"} 1`+"\n")
	source.becomes("failed")
	f.clock.advance(time.Second)
	after := f.get(path)
	assert.Contains(t, string(after.body), `"ErrorsState":"failed"`)
	assert.Equal(t, before.Header.Get("X-Generation"), after.Header.Get("X-Generation"))
	f.get(path)
	assert.Equal(t, 3, source.count(), "an incomplete detail is not cached")
}
