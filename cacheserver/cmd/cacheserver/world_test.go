package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// world is a stand-in whose documents are written, rewritten and deleted until
// it is paused. It remembers when agents wrote what.
type world struct {
	t   *testing.T
	srv *couchfake.Server
	url string

	mu       sync.Mutex // held while documents are written
	sim      *live.Sim
	now      time.Time
	skew     int64               // s that the agents' clocks are ahead of it
	writings map[string]*writing // by id
}

// writing is the history of one agent_request document.
type writing struct {
	workflow, agent string
	content         uint64
	first, last     int64 // least and greatest timestamp of the versions with this content
	present         int64 // that of the current version
}

// newWorld returns a world whose time is three hours behind ours: by our clock
// all its agents are silent, and workflows stall as soon as they are assigned,
// so that hardly any alert starts while servers are compared.
func newWorld(t *testing.T) *world {
	t.Helper()
	now := time.Now().Add(-3 * time.Hour)
	made, err := gen.New(gen.Options{Seed: 5, Workflows: 200, Lean: true, Storable: true, Now: now.Unix()})
	require.NoError(t, err)
	w := &world{t: t, srv: couchfake.New(couchfake.Options{BuiltinViews: true}), now: now, writings: map[string]*writing{}}
	for _, db := range []string{"reqmgr_workload_cache", "wmstats"} {
		require.NoError(t, w.srv.Create(db))
	}
	for doc := range made.All() {
		w.write(doc)
	}
	w.sim, err = live.New(live.Options{World: made, Rate: 300, Cycle: 20 * time.Second, Start: now})
	require.NoError(t, err)
	end, err := couchfake.Listen("127.0.0.1:0", w.srv)
	require.NoError(t, err)
	w.url = end.URL()
	t.Cleanup(func() {
		require.NoError(t, w.srv.Close())
		require.NoError(t, end.Refuse())
	})
	return w
}

// awake sets the agents' clocks so that they are no longer silent.
func (w *world) awake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.skew = int64(time.Since(w.now)/time.Second) - 900
}

// live writes until ctx ends, in a time that passes faster than ours.
func (w *world) live(ctx context.Context) {
	for ctx.Err() == nil {
		w.mu.Lock()
		w.now = w.now.Add(2 * time.Second)
		for _, doc := range w.sim.Step(w.now) {
			w.write(doc)
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(tick):
		}
	}
}

func (w *world) write(doc gen.Doc) {
	if strings.Contains(string(doc.JSON), `"_deleted":true`) {
		w.srv.Delete(doc.DB, doc.ID)
		if left, ok := w.srv.Doc(doc.DB, doc.ID); ok { // a conflicting revision, which is now the document
			w.remember(doc.ID, left)
		} else {
			delete(w.writings, doc.ID)
		}
		return
	}
	if head, err := raw.Peek(doc.JSON); err == nil && head.Type == "agent_request" && w.skew != 0 {
		doc.JSON = timestamp.ReplaceAll(doc.JSON, fmt.Appendf(nil, `"timestamp":%d`, head.Time+w.skew))
	}
	if err := w.srv.Put(doc.DB, doc.JSON); err != nil {
		w.t.Errorf("put %s: %v", doc.ID, err)
	}
	w.remember(doc.ID, doc.JSON)
}

var timestamp = regexp.MustCompile(`"timestamp":\d+`)

// remember records a version of an agent_request document.
func (w *world) remember(id string, doc []byte) {
	head, content, err := raw.PeekHash(doc)
	if err != nil || head.Type != "agent_request" {
		return
	}
	old := w.writings[id]
	if old == nil {
		var who struct {
			Workflow string `json:"workflow"`
			Agent    string `json:"agent_url"`
		}
		if err := json.Unmarshal(doc, &who); err != nil {
			w.t.Errorf("read %s: %v", id, err)
		}
		agent, _, _ := strings.Cut(who.Agent, ":")
		if who.Workflow == "" { // a document without a name is identified by its id
			who.Workflow = strings.TrimPrefix(id, agent+"-")
		}
		old = &writing{workflow: who.Workflow, agent: agent}
		w.writings[id] = old
	}
	if old.content != content {
		old.content, old.first, old.last = content, head.Time, head.Time
	}
	old.first, old.last, old.present = min(old.first, head.Time), max(old.last, head.Time), head.Time
}

// compare waits, while nothing is written, until server p has the same records
// as a new one (program bin) that did a full read, and ends the new one. It
// returns how many workflows have counts that were written more than once.
func (w *world) compare(p *process, bin string) (several int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := launch(w.t, bin, w.url, "")
	defer fresh.kill()
	fresh.ready()
	// Both are requested each time: alerts depend on the clock.
	var got, want map[string]string
	same := assert.Eventually(w.t, func() bool {
		got, want = p.lists(), fresh.lists()
		return maps.Equal(timeless(want), timeless(got))
	}, patience, 5*tick, "the records do not become those of a full read")
	if !same {
		require.Fail(w.t, "they differ", difference(timeless(want), timeless(got))+p.log.String())
	}
	require.NotEmpty(w.t, want[records])
	return w.checkTimes(decode(w.t, got[records]), decode(w.t, want[records]))
}

// Two servers that read at different times differ in when they first saw the
// agents' current counts: documents don't say when their content last changed,
// only when they were last written (docs/explanation/decisions/0003), and
// using that time would change each record every ten minutes. So these three
// fields are not compared with each other, but checkTimes compares them with
// the documents.
var times = regexp.MustCompile(`"(?:LastAgentUpdate|OldestAgentUpdate|SecondsLeft)":-?\d+`)

// difference returns the first line of each list that differs: people can't
// compare whole lists.
func difference(want, got map[string]string) string {
	var out strings.Builder
	for path, text := range want {
		lines, others := strings.Split(text, "\n"), strings.Split(got[path], "\n")
		for i, line := range lines {
			if i >= len(others) || line != others[i] {
				fmt.Fprintf(&out, "%s, line %d of %d and %d\nwant %s\ngot  %s\n", path, i, len(lines), len(others), line, others[min(i, len(others)-1)])
				break
			}
		}
	}
	return out.String()
}

func timeless(lists map[string]string) map[string]string {
	out := maps.Clone(lists)
	out[records] = times.ReplaceAllString(out[records], "")
	return out
}

func decode(t *testing.T, ndjson string) map[string]schema.Workflow {
	t.Helper()
	out := map[string]schema.Workflow{}
	for line := range strings.Lines(ndjson) {
		var r schema.Workflow
		require.NoError(t, schema.DecodeWorkflow([]byte(line), &r))
		out[r.Workflow] = r
	}
	return out
}

// checkTimes compares the times of agents' counts with the documents: those of
// a server after a full read are of the current versions, those of one that
// followed are of any version with the current counts. The estimates follow
// from them. It returns how many workflows have counts that were written more
// than once.
func (w *world) checkTimes(followed, fresh map[string]schema.Workflow) (several int) {
	by := map[string]map[string]*writing{} // by workflow and agent, the newest one
	for _, d := range w.writings {
		if by[d.workflow] == nil {
			by[d.workflow] = map[string]*writing{}
		}
		if o := by[d.workflow][d.agent]; o == nil || d.present > o.present {
			by[d.workflow][d.agent] = d
		}
	}
	for name, f := range fresh {
		var least, most, present []int64
		for _, agent := range f.Agents {
			d := by[name][agent]
			require.NotNil(w.t, d, "%s of %s", name, agent)
			least, most, present = append(least, d.first), append(most, d.last), append(present, d.present)
		}
		p := followed[name]
		if len(present) == 0 {
			assert.Zero(w.t, f.LastAgentUpdate+f.OldestAgentUpdate+p.LastAgentUpdate+p.OldestAgentUpdate, name)
			continue
		}
		if slices.Max(least) < slices.Max(most) {
			several++
		}
		assert.Equal(w.t, slices.Max(present), f.LastAgentUpdate, "%s, after a full read", name)
		assert.Equal(w.t, slices.Min(present), f.OldestAgentUpdate, "%s, after a full read", name)
		assert.True(w.t, slices.Max(least) <= p.LastAgentUpdate && p.LastAgentUpdate <= slices.Max(most), "%s, followed: %d of %d to %d", name, p.LastAgentUpdate, least, most)
		assert.True(w.t, slices.Min(least) <= p.OldestAgentUpdate && p.OldestAgentUpdate <= slices.Min(most), "%s, followed: %d of %d to %d", name, p.OldestAgentUpdate, least, most)
		for _, r := range []schema.Workflow{f, p} {
			assert.InDelta(w.t, secondsLeft(&r), r.SecondsLeft, 1, name) // either is rounded
		}
	}
	return several
}

// secondsLeft is the formula of schema/join.go, estimate, as of the last
// counts, implemented a second time.
func secondsLeft(r *schema.Workflow) int64 {
	if !slices.Contains([]string{"running", "running-open", "running-closed", "force-complete"}, r.Status) {
		return -1
	}
	share := float64(r.Success+r.Failure) / float64(r.TotalJobs-r.Canceled) * float64(r.JobsInWMBS) / float64(r.EstimatedJobs)
	passed := float64(r.LastAgentUpdate - r.StatusTime)
	if r.EstimatedJobs <= 0 || r.StatusTime <= 0 || passed <= 0 || !(share > 0) || math.IsInf(share, 0) {
		return -1
	}
	if passed < 6*3600 && r.TotalJobs-r.Canceled-r.Success-r.Failure > 0 {
		return -1
	}
	if jobs, events := math.Min(share, 1), math.Min(r.EventProgress/100, 1); events >= 0 && math.Max(jobs, events) > 3*math.Min(jobs, events) {
		return -1
	}
	return max(0, int64(math.Round(passed/share-passed)))
}
