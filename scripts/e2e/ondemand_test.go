package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// rawJob has the members of a job document that this test decodes on its own.
type rawJob struct {
	ID       string `json:"_id"`
	Type     string
	Workflow string
	State    string
	ExitCode int64
	Site     *string
}

// jobsOf counts failing jobs of the generated documents, by workflow, and by exit
// code over the listed workflows.
func jobsOf(t *testing.T, docs []gen.Doc, there map[string]bool) (byWorkflow map[string]map[string]rawJob, byExit map[int64]int64) {
	t.Helper()
	byWorkflow, byExit = map[string]map[string]rawJob{}, map[int64]int64{}
	for _, d := range docs {
		var j rawJob
		if d.DB != wmstatsDB || json.Unmarshal(d.JSON, &j) != nil || j.Type != "jobsummary" || !there[j.Workflow] {
			continue
		}
		if byWorkflow[j.Workflow] == nil {
			byWorkflow[j.Workflow] = map[string]rawJob{}
		}
		byWorkflow[j.Workflow][j.ID] = j
		if j.State != "success" {
			byExit[j.ExitCode]++
		}
	}
	return byWorkflow, byExit
}

// TestOnDemand: failing jobs, samples of them, messages, and the failing jobs of all
// workflows are the same through both servers and match the documents.
func TestOnDemand(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 4, Workflows: 300, Lean: true, NoEdges: true, JobSummaries: 8})
	require.NoError(t, s.couch.Create(logDB))
	logs := map[string]int{}
	for _, d := range s.docs {
		if d.DB == logDB {
			require.NoError(t, s.couch.Put(d.DB, d.JSON))
			var l struct{ Request string }
			require.NoError(t, json.Unmarshal(d.JSON, &l))
			logs[l.Request]++
		}
	}
	s.cache = s.startCache(t).url
	s.ui = startUI(t, s.cache)
	there := map[string]bool{}
	for _, w := range all(t, s.cache) {
		there[w.Workflow] = true
	}
	want, exits := jobsOf(t, s.docs, there)
	require.Greater(t, len(want), 30)
	withLogs := 0
	for name := range there {
		path := "/fetch/" + url.PathEscape(name)
		for _, base := range []string{s.cache, s.ui + "/api"} {
			jobs := getJSON[[]schema.JobSample](t, base+path+"/jobs?limit=100")
			require.Len(t, jobs, len(want[name]), name)
			for _, j := range jobs {
				raw := want[name][j.JobName]
				require.Equal(t, raw.State, j.State)
				require.Equal(t, raw.ExitCode, j.ExitCode)
				require.Equal(t, name, j.Workflow)
				require.NotEmpty(t, j.RunLumis)
			}
			sum := int64(0)
			for _, g := range getJSON[[]schema.JobError](t, base+path+"/errors") {
				sum += g.Count
			}
			require.EqualValues(t, len(want[name]), sum)
			entries := getJSON[[]schema.LogEntry](t, base+path+"/logs")
			require.Len(t, entries, logs[name])
			withLogs += len(entries)
		}
	}
	assert.Positive(t, withLogs)

	for _, base := range []string{s.cache, s.ui + "/api"} {
		got := map[int64]int64{}
		for _, e := range getJSON[[]schema.ErrorSummary](t, base+"/errors?by=exitcode&limit=all") {
			got[e.ExitCode] = e.Jobs
			assert.NotEmpty(t, e.Meaning)
		}
		assert.Equal(t, exits, got)
		total := int64(0)
		for _, e := range getJSON[[]schema.ErrorSummary](t, base+"/errors?limit=all") {
			total += e.Jobs
		}
		sum := int64(0)
		for n := range maps.Values(exits) {
			sum += n
		}
		assert.Equal(t, sum, total)
	}
}

// TestOnDemandFaults: when all views of a source fail, or are cut in the middle
// of a row, the answer for a workflow that was never requested is an error,
// and for one that was requested it is the last data. Everything recovers
// afterwards. Without the log database, log entries are not in the source.
func TestOnDemandFaults(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 5, Workflows: 60, Lean: true, NoEdges: true}, func(o *cacheapp.Options) { o.Demand.Keep = time.Millisecond })
	there := map[string]bool{}
	for _, w := range all(t, s.cache) {
		there[w.Workflow] = true
	}
	jobs, _ := jobsOf(t, s.docs, there)
	names := slices.Sorted(maps.Keys(jobs))
	views := couchfake.Match{Path: "/" + wmstatsDB + "/_design/WMStats"} // under both names of the design document
	faults := []couchfake.Fault{
		{Match: views, Kind: couchfake.FailStatus}, {Match: views, Kind: couchfake.CutInRow}, {Match: views, Kind: couchfake.ErrorRow, Stop: true},
	}
	require.GreaterOrEqual(t, len(names), len(faults))
	for i, fault := range faults {
		path := "/api/fetch/" + url.PathEscape(names[i])
		broken := s.couch.Misbehave(fault)
		a := get(t, s.ui+path+"/jobs")
		assert.Equal(t, http.StatusBadGateway, a.status, "%s: %.300s", fault.Kind, a.body)
		broken.Clear()
		eventually(t, func() bool { return get(t, s.ui+path+"/jobs").status == http.StatusOK }, "answers again after %s", fault.Kind)
		broken = s.couch.Misbehave(fault)
		eventually(t, func() bool {
			a := get(t, s.ui+path+"/jobs")
			return a.status == http.StatusOK && a.header.Get("X-Stale") == "1" && a.header.Get("X-Read-Time") != ""
		}, "last data during %s", fault.Kind)
		broken.Clear()
		eventually(t, func() bool { return get(t, s.ui+path+"/jobs?limit=6").status == http.StatusOK }, "answers again after %s", fault.Kind)
	}
	s.couch.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + logDB}, Kind: couchfake.NoDatabase})
	a := get(t, s.ui+"/api/fetch/"+url.PathEscape(names[0])+"/logs")
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Contains(t, string(a.body), "/problems/not-in-source", "without a log database")
}

// When the source is unavailable, pages of workflows stay available with the data of
// the list, and with the last details if they were requested before.
func TestPagesWhileTheSourceIsDown(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 11, Workflows: 40, Lean: true, NoEdges: true}, func(o *cacheapp.Options) { o.Demand.Keep = time.Millisecond })
	var names []struct{ Workflow string }
	require.NoError(t, json.Unmarshal(get(t, s.cache+"/fetch?limit=2&fields=Workflow").body, &names))
	known, unknown := "/workflows/"+names[0].Workflow, "/workflows/"+names[1].Workflow
	eventually(t, func() bool {
		page := get(t, s.ui+known)
		return page.status == http.StatusOK && !strings.Contains(string(page.body), "Details not read")
	}, "its details are read")
	require.NoError(t, s.endpoint.Refuse())
	require.Eventually(t, func() bool { return get(t, s.cache+"/pulse").header.Get("X-Stale") == "1" }, patience, 5*time.Millisecond)
	for path, want := range map[string]string{known: "The data are stale: the details are from", unknown: "Details not read: CouchDB does not answer.", "/errors": "Details not read: CouchDB does not answer."} {
		page := get(t, s.ui+path)
		assert.Equal(t, http.StatusOK, page.status, path)
		assert.Contains(t, string(page.body), want, path)
		assert.Contains(t, string(page.body), `class="banner`, path)
	}
	assert.Equal(t, http.StatusOK, get(t, s.ui+"/api/fetch/"+names[0].Workflow).status)
	assert.Equal(t, http.StatusBadGateway, get(t, s.ui+"/api/fetch/"+names[1].Workflow).status, "a missing detail must not look like a workflow without tasks")
}
