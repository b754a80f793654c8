package live_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
)

func start(t testing.TB, opts gen.Options, rate float64, cycle time.Duration) (*gen.World, *live.Sim, time.Time) {
	t.Helper()
	w, err := gen.New(opts)
	require.NoError(t, err)
	now := time.Unix(w.Options().Now, 0)
	sim, err := live.New(live.Options{World: w, Rate: rate, Cycle: cycle, Start: now})
	require.NoError(t, err)
	return w, sim, now
}

func TestOptionsAreChecked(t *testing.T) {
	w, err := gen.New(gen.Options{})
	require.NoError(t, err)
	below, above := -0.1, 1.1
	for _, opts := range []live.Options{
		{Rate: 1}, {World: w}, {World: w, Rate: -1}, {World: w, Rate: 1, Cycle: -1},
		{World: w, Rate: 1, Share: &below}, {World: w, Rate: 1, Share: &above},
	} {
		_, err := live.New(opts)
		assert.Error(t, err)
	}
}

// watcher follows the documents as a reader would, and checks each write
// against the promises of the real writers.
type watcher struct {
	t      *testing.T
	docs   map[string]map[string]any
	raw    map[string][]byte
	moving *regexp.Regexp // what an agent changes in each rewrite
	writes map[string]int // by kind of write
	status map[string]int // statuses seen to be entered
}

func watch(t *testing.T, w *gen.World) *watcher {
	o := &watcher{
		t: t, docs: map[string]map[string]any{}, raw: map[string][]byte{}, writes: map[string]int{}, status: map[string]int{},
		moving: regexp.MustCompile(`"(_rev":"[^"]*"|timestamp":\d+)`),
	}
	for d := range w.All() {
		o.docs[d.ID], o.raw[d.ID] = o.decode(d), d.JSON
	}
	return o
}

func (o *watcher) decode(d gen.Doc) map[string]any {
	var m map[string]any
	require.NoError(o.t, json.Unmarshal(d.JSON, &m), d.ID)
	require.Equal(o.t, d.ID, m["_id"])
	return m
}

func (o *watcher) see(d gen.Doc) {
	m := o.decode(d)
	old, known := o.docs[d.ID]
	before := o.raw[d.ID]
	o.docs[d.ID], o.raw[d.ID] = m, d.JSON
	switch {
	case m["_deleted"] == true:
		o.writes["deleted"]++
		require.True(o.t, known, "%s is deleted but was never written", d.ID)
		delete(o.docs, d.ID)
	case m["type"] == "agent_request":
		o.agent(old, m, o.same(before, d.JSON))
	case m["type"] == nil && d.DB == "reqmgr_workload_cache":
		o.request(old, m)
	default:
		o.writes[d.DB+" "+text(m["type"])]++
	}
}

func text(v any) string { s, _ := v.(string); return s }

func (o *watcher) agent(old, m map[string]any, same bool) {
	noNegatives(o.t, m)
	checkCounters(o.t, m["status"].(map[string]any))
	if old == nil {
		o.writes["agent new"]++
		return
	}
	require.NotEqual(o.t, old["_rev"], m["_rev"])
	require.GreaterOrEqual(o.t, m["timestamp"].(float64), old["timestamp"].(float64))
	was, is := number(old, "status", "success"), number(m, "status", "success")
	if len(m["status"].(map[string]any)) > 0 {
		require.GreaterOrEqual(o.t, is, was, "success falls in %s", m["_id"])
	}
	if same {
		o.writes["agent unchanged"]++
	} else {
		o.writes["agent changed"]++
	}
}

// same reports whether two documents differ in timestamp and revision only.
func (o *watcher) same(a, b []byte) bool {
	return bytes.Equal(o.moving.ReplaceAll(a, nil), o.moving.ReplaceAll(b, nil))
}

func (o *watcher) request(old, m map[string]any) {
	o.writes["request"]++
	list := m["RequestTransition"].([]any)
	last := list[len(list)-1].(map[string]any)["Status"]
	require.Equal(o.t, last, m["RequestStatus"])
	if old == nil {
		require.Equal(o.t, "new", last)
		o.status["new"]++
		return
	}
	before := old["RequestTransition"].([]any)
	if len(before) == len(list) {
		require.Greater(o.t, len(m["PriorityTransition"].([]any)), len(old["PriorityTransition"].([]any)), "a write that changes nothing")
		return
	}
	require.Len(o.t, list, len(before)+1)
	require.Contains(o.t, allowed(o.t, text(old["RequestStatus"])), last, "after %s", old["RequestStatus"])
	o.status[text(last)]++
}

// allowed lists the statuses that may follow one, as names.
func allowed(t *testing.T, name string) (next []string) {
	for s := gen.NewRequest; s <= gen.RejectedArchived; s++ {
		if s.String() == name {
			for _, n := range s.Next() {
				next = append(next, n.String())
			}
			return next
		}
	}
	require.Fail(t, "no such status", name)
	return nil
}

func number(m map[string]any, path ...string) float64 {
	for _, k := range path[:len(path)-1] {
		m, _ = m[k].(map[string]any)
	}
	n, _ := m[path[len(path)-1]].(float64)
	return n
}

func noNegatives(t *testing.T, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			noNegatives(t, x)
		}
	case float64:
		require.GreaterOrEqual(t, v, 0.0)
	}
}

func checkCounters(t *testing.T, status map[string]any) {
	require.Equal(t, number(status, "submitted", "first")+number(status, "submitted", "retry"),
		number(status, "submitted", "pending")+number(status, "submitted", "running"))
}

// TestLife runs 20 minutes in steps of a second and checks every write against
// the rules of the real writers.
func TestLife(t *testing.T) {
	t.Parallel()
	w, sim, now := start(t, gen.Options{Seed: 1, Workflows: 80, Lean: true, NoEdges: true}, 2, 60*time.Second)
	o := watch(t, w)
	for range 1200 {
		now = now.Add(time.Second)
		for _, d := range sim.Step(now) {
			o.see(d)
		}
	}
	assert.InDelta(t, 80, sim.Active(), 25, "arrivals make up for departures")
	changed := o.writes["agent changed"] + o.writes["request"]
	assert.Greater(t, changed, 1200, "%v", o.writes)
	assert.Less(t, changed, 2*1200*12/10, "%v", o.writes)
	assert.Greater(t, o.writes["agent unchanged"], o.writes["agent changed"]/4, "%v", o.writes)
	for _, kind := range []string{"agent new", "deleted", "wmstats agent_info", "wmstats jobsummary"} {
		assert.Positive(t, o.writes[kind], "%s in %v", kind, o.writes)
	}
	for _, s := range []string{"new", "assignment-approved", "assigned", "staged", "running-open", "running-closed", "completed", "announced", "normal-archived", "rejected"} {
		assert.Positive(t, o.status[s], "%s in %v", s, o.status)
	}
}

func TestSameTimesSameLife(t *testing.T) {
	var runs [2][]string
	for k := range runs {
		_, sim, now := start(t, gen.Options{Seed: 2, Workflows: 60, Lean: true}, 5, 0)
		for range 200 {
			now = now.Add(time.Second)
			for _, d := range sim.Step(now) {
				runs[k] = append(runs[k], string(d.JSON))
			}
		}
	}
	assert.Equal(t, runs[0], runs[1])
	assert.NotEmpty(t, runs[0])
}

func TestAgentsGetIntoTroubleAndOut(t *testing.T) {
	t.Parallel()
	_, sim, now := start(t, gen.Options{Seed: 3, Lean: true}, 0.1, 60*time.Second)
	seen := map[string]bool{}
	for range 400 {
		now = now.Add(20 * time.Second)
		for _, d := range sim.Step(now) {
			raw := string(d.JSON)
			if !strings.Contains(raw, `"type":"agent_info"`) {
				continue
			}
			for _, sign := range []string{`"drain_mode":true`, `"percent":"`, `"down_components":["JobSubmitter"`, `"status":"ok"`, `"status":"error"`} {
				if strings.Contains(raw, sign) {
					seen[sign] = true
				}
			}
		}
	}
	assert.Len(t, seen, 5, "%v", seen)
}

// TestShareOfContent: the requested share of each cycle's documents has new
// content, and each document is written once.
func TestShareOfContent(t *testing.T) {
	t.Parallel()
	w, sim, now := start(t, gen.Options{Seed: 7, Workflows: 300, Lean: true, NoEdges: true, JobSummaries: -1}, 0.001, 10*time.Minute)
	o := watch(t, w)
	for i, share := range []float64{0, 0.3, 0, 0.3, 0.05} {
		sim.SetShare(share)
		o.writes = map[string]int{}
		ids := map[string]bool{}
		for range 20 {
			now = now.Add(30 * time.Second)
			for _, d := range sim.Step(now) {
				if strings.Contains(string(d.JSON), `"type":"agent_request"`) {
					assert.False(t, ids[d.ID], "written twice")
					ids[d.ID] = true
				}
				o.see(d)
			}
		}
		if i == 0 {
			continue // agents begin one after the other
		}
		require.Greater(t, len(ids), 200)
		most := int(share * float64(len(ids)))
		assert.LessOrEqual(t, o.writes["agent changed"], most)
		assert.GreaterOrEqual(t, o.writes["agent changed"], most-5, "the last ones may be unable to change")
		assert.Equal(t, len(ids), o.writes["agent changed"]+o.writes["agent unchanged"])
	}
}

// TestStepsWithoutTime: a clock that stands still or goes back writes nothing.
func TestStepsWithoutTime(t *testing.T) {
	_, sim, now := start(t, gen.Options{Seed: 4, Workflows: 20, Lean: true}, 50, 0)
	assert.Empty(t, sim.Step(now))
	assert.Empty(t, sim.Step(now.Add(-time.Hour)))
	assert.NotEmpty(t, sim.Step(now.Add(10*time.Second)))
}

func TestEmptyWorldGrows(t *testing.T) {
	_, sim, now := start(t, gen.Options{Seed: 5}, 20, 0)
	for range 60 {
		now = now.Add(time.Second)
		sim.Step(now)
	}
	assert.Positive(t, sim.Active())
}

// TestStatesAreSmall limits what the simulation keeps for a workflow.
func TestStatesAreSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, sim, _ := start(t, gen.Options{Seed: 6, Workflows: 20000}, 20, 0)
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, after.HeapAlloc, before.HeapAlloc+20000*1200)
	runtime.KeepAlive(sim)
}

func BenchmarkStep(b *testing.B) {
	_, sim, now := start(b, gen.Options{Seed: 1, Workflows: 20000}, 20, 0)
	docs := 0
	for b.Loop() {
		now = now.Add(time.Second)
		docs += len(sim.Step(now))
	}
	b.ReportMetric(float64(docs)/float64(b.N), "docs/step")
}
