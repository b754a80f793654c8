package api_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// watcher recounts when items of /attention were first there, by reading all of
// them after each change.
type watcher struct {
	f     *fixture
	began map[[2]string]int64 // by rule and name
	due   map[string]int64    // when an agent or the source is silent for too long, by name, which needs no document
}

func (w *watcher) read(query string) wire.Attention {
	w.f.t.Helper()
	return decode[wire.Attention](w.f.t, w.f.get("/attention"+query).body)
}

// look notes the items that are there and were not.
func (w *watcher) look() {
	next := map[[2]string]int64{}
	for _, r := range w.read("").Rules {
		for _, item := range r.Items {
			key := [2]string{r.Rule, item.Name}
			next[key] = w.f.clock.Now().Unix()
			if due := w.due[item.Name]; due > 0 && due <= next[key] && item.Kind != "Workflow" {
				next[key] = due
			}
			if was, ok := w.began[key]; ok {
				next[key] = was
			}
		}
	}
	w.began = next
}

// check compares the counts, marks and lists of new items with the recount.
func (w *watcher) check(since int64) (total int) {
	t := w.f.t
	t.Helper()
	names, byRule := map[string]bool{}, map[string]int{}
	for key, began := range w.began {
		if began >= since {
			names[key[1]] = true
			byRule[key[0]]++
		}
	}
	at := strconv.FormatInt(since, 10)
	all, fresh := w.read("?since="+at), w.read("?new=1&since="+at)
	assert.Equal(t, len(names), all.New)
	assert.Equal(t, all.New, decode[wire.Pulse](t, w.f.get("/pulse?since="+at).body).New)
	for i, r := range all.Rules {
		assert.Equal(t, byRule[r.Rule], r.New, r.Rule)
		var marked []wire.AttentionItem
		for _, item := range r.Items {
			assert.Equal(t, w.began[[2]string{r.Rule, item.Name}] >= since, item.New, "%s of %s", r.Rule, item.Name)
			if item.New {
				marked = append(marked, item)
			}
		}
		assert.Equal(t, r.Count, fresh.Rules[i].Count, "all of them are counted")
		assert.Equal(t, len(marked), len(fresh.Rules[i].Items), r.Rule)
		if len(marked) > 0 {
			assert.Equal(t, marked, fresh.Rules[i].Items, "only new ones, in the same order")
		}
	}
	one := w.read("?rule=site_error&since=" + at)
	assert.Equal(t, all.New, one.New, "the total is of all rules")
	return all.New
}

// TestNewAttention: the items that began at or after a time are those that a
// reader of all items has not met before, however many there are.
func TestNewAttention(t *testing.T) {
	f := troubled(t)
	f.newAPI(func(o *api.Options) { o.Now, o.Attention = f.clock.Now, attention.Options{Top: 1000} })
	w := &watcher{f: f, due: map[string]int64{}}
	w.look()
	for key := range w.began { // those of the first read began before anybody looked
		w.began[key] = 0
	}
	rng := rand.New(rand.NewPCG(5, 8))
	f.clock.advance(time.Hour)
	start := f.clock.Now().Unix()
	times, met := []int64{start}, map[int]bool{}
	for step := range 40 {
		f.clock.advance(time.Duration(1+rng.IntN(600)) * time.Second)
		var docs []join.Change
		for range rng.IntN(4) {
			i := rng.IntN(60)
			list := changes(i, i+1, 100+step)
			list[0].Workflow.Status = []string{"failed", "running-open", "assigned", "completed"}[rng.IntN(4)]
			list[0].Workflow.StatusTime, list[0].Workflow.Priority = f.clock.Now().Unix()-int64(rng.IntN(200_000)), int64(rng.IntN(170_000))
			list[1].Report.Counts = schema.JobCounts{Success: int64(rng.IntN(2)), FailureException: int64(rng.IntN(9)), Running: int64(rng.IntN(2))}
			list[1].Report.Time, list[1].Time = f.clock.Now().Unix(), f.clock.Now().Unix()
			docs = append(docs, list...)
		}
		if rng.IntN(3) == 0 {
			agent := agentInfos()[rng.IntN(3)]
			agent.Hash, agent.Time = rng.Uint64()|1, f.clock.Now().Unix()
			agent.Info.UpdateTime = agent.Time
			agent.Info.DataError = []string{"", "couch is away"}[rng.IntN(2)]
			docs, w.due[agent.ID] = append(docs, agent), agent.Time+1201
		}
		if step == 20 {
			f.store.SetSource(store.SourceState{Source: "mock", Stale: true, Reason: "refused", CheckTime: f.clock.Now().Add(-14 * time.Minute)})
			w.due["mock"] = f.clock.Now().Add(time.Minute).Unix()
		}
		f.store.Apply(docs)
		f.store.Tick()
		w.look()
		times = append(times, f.clock.Now().Unix())
		for _, since := range []int64{start, times[rng.IntN(len(times))], f.clock.Now().Unix(), f.clock.Now().Unix() + 1} {
			met[w.check(since)] = true
		}
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
	assert.True(t, met[0] && met[1] && met[2] && len(met) > 5, "%v", met)

	without := w.read("")
	assert.Equal(t, -1, without.New)
	for _, r := range without.Rules {
		assert.Equal(t, -1, r.New)
		assert.False(t, slices.ContainsFunc(r.Items, func(i wire.AttentionItem) bool { return i.New }))
	}
	assert.Equal(t, -1, decode[wire.Pulse](t, f.get("/pulse").body).New)
	for _, bad := range []string{"since=yesterday", "new=2&since=1d", "new=1&new=1", "since=1d&since=2d"} {
		assert.Equal(t, 400, f.get("/attention?"+bad).StatusCode, bad)
	}
	assert.Equal(t, 400, f.get("/pulse?since=x").StatusCode)
}

// Without a since= nothing is new, and the tag of /pulse moves with the number.
func TestPulseOfNewItems(t *testing.T) {
	f := troubled(t)
	f.clock.advance(time.Minute)
	query := "/pulse?" + url.Values{"since": {fmt.Sprint(f.clock.Now().Unix())}}.Encode()
	first := f.get(query)
	assert.Zero(t, decode[wire.Pulse](t, first.body).New)
	assert.Equal(t, 304, f.get(query, "If-None-Match: "+first.Header.Get("ETag")).StatusCode)
	list := changes(2000, 2001, 1)
	list[0].Workflow.Status = "failed"
	f.store.Apply(list)
	second := f.get(query, "If-None-Match: "+first.Header.Get("ETag"))
	require.Equal(t, 200, second.StatusCode)
	assert.Equal(t, 1, decode[wire.Pulse](t, second.body).New)
	assert.Empty(t, slices.DeleteFunc(decode[wire.Attention](t, f.get("/attention?new=1").body).Rules, func(r wire.AttentionRule) bool { return len(r.Items) == 0 }))
}
