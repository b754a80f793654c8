package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// cycles is a live world whose agents write all of their documents once in
// each cycle, with an independent record of which content is new.
type cycles struct {
	t      *testing.T
	fake   *couchfake.Server
	sim    *live.Sim
	now    time.Time
	moving *regexp.Regexp    // what an agent changes in each rewrite
	last   map[string]string // content by id of each document
}

// cycle is what the agents wrote in one cycle.
type cycle struct {
	written, changed int
	workflows        map[string]bool  // of documents with new content
	heard            map[string]int64 // newest timestamp of each agent
}

// cycleLength is so short that no agent counts as silent, which would make
// each of its reports a change, and that all cycles end before the present.
const cycleLength = 2 * time.Minute

func newCycles(t *testing.T, fake *couchfake.Server) *cycles {
	t.Helper()
	began := time.Now().Add(-6 * cycleLength).Truncate(time.Second)
	w, err := gen.New(gen.Options{Seed: 9, Workflows: 400, Lean: true, NoEdges: true, JobSummaries: -1, Now: began.Unix()})
	require.NoError(t, err)
	c := &cycles{t: t, fake: fake, now: began, last: map[string]string{}, moving: regexp.MustCompile(`"(_rev":"[^"]*"|timestamp":\d+)`)}
	for d := range w.All() {
		if d.DB == "reqmgr_workload_cache" || isAgentRequest(d) {
			require.NoError(t, fake.Put(d.DB, d.JSON))
			c.last[d.ID] = c.content(d)
		}
	}
	// At this rate no request changes during the test.
	c.sim, err = live.New(live.Options{World: w, Rate: 0.001, Cycle: cycleLength, Start: began})
	require.NoError(t, err)
	return c
}

func isAgentRequest(d gen.Doc) bool {
	return strings.Contains(string(d.JSON), `"type":"agent_request"`)
}

func (c *cycles) content(d gen.Doc) string { return string(c.moving.ReplaceAll(d.JSON, nil)) }

// run lets one cycle pass, in which a share of the documents has new content.
func (c *cycles) run(share float64) cycle {
	c.t.Helper()
	c.sim.SetShare(share)
	out := cycle{workflows: map[string]bool{}, heard: map[string]int64{}}
	seen := map[string]bool{}
	for range 10 {
		c.now = c.now.Add(cycleLength / 10)
		for _, d := range c.sim.Step(c.now) {
			if !isAgentRequest(d) {
				continue
			}
			require.False(c.t, seen[d.ID], "written twice")
			seen[d.ID] = true
			var head struct {
				Workflow  string `json:"workflow"`
				Agent     string `json:"agent_url"`
				Timestamp int64  `json:"timestamp"`
			}
			require.NoError(c.t, json.Unmarshal(d.JSON, &head))
			require.NoError(c.t, c.fake.Put(d.DB, d.JSON))
			out.written++
			out.heard[head.Agent] = max(out.heard[head.Agent], head.Timestamp)
			if now := c.content(d); now != c.last[d.ID] {
				c.last[d.ID] = now
				out.changed++
				out.workflows[head.Workflow] = true
			}
		}
	}
	return out
}

// events collects the events of a stream of /changes until the test ends.
type events struct {
	mu   sync.Mutex
	list []wire.Change
}

func listen(t *testing.T, addr string) *events {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/changes?feed=sse", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	t.Cleanup(func() { _ = resp.Body.Close() }) // events after the end do not count
	e := &events{}
	go func() {
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var change wire.Change
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok && json.Unmarshal([]byte(data), &change) == nil {
				e.mu.Lock()
				e.list = append(e.list, change)
				e.mu.Unlock()
			}
		}
	}()
	return e
}

// since returns the events after a generation, once one has led to another.
func (e *events) since(t *testing.T, generation, to string) (after []wire.Change) {
	t.Helper()
	require.Eventually(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.list) > 0 && e.list[len(e.list)-1].Generation == to
	}, waitFor, tick, "the event of %s", to)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, change := range e.list {
		if number(t, change.Generation) > number(t, generation) {
			after = append(after, change)
		}
	}
	return after
}

func number(t *testing.T, generation string) int {
	t.Helper()
	n, err := strconv.Atoi(generation[strings.LastIndex(generation, "-")+1:])
	require.NoError(t, err)
	return n
}

func pulse(t *testing.T, addr string) (info schema.CacheInfo) {
	t.Helper()
	_, body := get(t, addr, "/pulse")
	require.NoError(t, json.Unmarshal([]byte(body), &info), body)
	return info
}

// TestContentNotRevisions: agents rewrite all of their documents. A rewrite
// without new content creates no record, no generation and no event, and
// updates the freshness of its agent; in a cycle in which 30 % have new
// content, the workflows of just these documents change.
func TestContentNotRevisions(t *testing.T) {
	fake, url := couch(t)
	c := newCycles(t, fake)
	put(t, fake, "reqmgr_workload_cache", request("marker", "running-open", 1))
	var log logBuffer
	o := options(t, url, &log)
	// Alert rules depend on time too, which is not counted here.
	var rules strings.Builder
	for _, name := range attention.RuleNames() {
		fmt.Fprintf(&rules, "  %s: {on: false}\n", name)
	}
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	require.NoError(t, os.WriteFile(o.Alerts, []byte("rules:\n"+rules.String()), 0o600))
	a := start(t, o)
	require.Eventually(t, func() bool { status, _ := get(t, a.Addr(), "/readyz"); return status == 200 }, waitFor, tick)

	// mark waits until everything written before has been applied, by a change
	// that follows it, and returns the generation of this change.
	marks := int64(0)
	mark := func() string {
		marks++
		put(t, fake, "wmstats", agentRequest("marker", int(marks)))
		require.Eventually(t, func() bool { w, _ := workflow(t, a.Addr(), "marker"); return w.Success == marks }, waitFor, tick)
		return pulse(t, a.Addr()).Generation
	}
	unchanged := func() (n int) {
		_, text := get(t, a.Addr(), "/metrics")
		_, value, ok := strings.Cut(text, "\nwmstats_follower_unchanged_total ")
		require.True(t, ok)
		_, err := fmt.Sscan(value, &n)
		require.NoError(t, err)
		return n
	}
	for range 2 { // agents start one after another, so one cycle does not reach all
		c.run(0)
	}
	generation := mark()
	stream := listen(t, a.Addr())

	for _, share := range []float64{0, 0.3, 0} {
		before := unchanged()
		wrote := c.run(share)
		now := mark()
		t.Logf("share %v: %d documents, %d with new content, of %d workflows; %d generations", share, wrote.written, wrote.changed, len(wrote.workflows), number(t, now)-number(t, generation))
		require.Greater(t, wrote.written, 250)
		require.InDelta(t, share*float64(wrote.written), wrote.changed, 5)
		// They are counted after the generation is published.
		require.Eventually(t, func() bool { return unchanged()-before == wrote.written-wrote.changed }, waitFor, tick, "the others cost a hash")

		_, body := get(t, a.Addr(), "/changes?since="+generation)
		var change wire.Change
		require.NoError(t, json.Unmarshal([]byte(body), &change))
		wrote.workflows["marker"] = true
		want := slices.Sorted(maps.Keys(wrote.workflows))
		assert.ElementsMatch(t, want, change.Workflows, "changed records")
		assert.Equal(t, []int{0, len(want), 0}, []int{change.Added, change.Changed, change.Removed})
		told := map[string]bool{}
		after := stream.since(t, generation, now)
		for _, event := range after {
			for _, name := range event.Workflows {
				told[name] = true
			}
		}
		assert.Equal(t, want, slices.Sorted(maps.Keys(told)), "events")
		if share == 0 {
			assert.Equal(t, number(t, generation)+1, number(t, now), "one generation for the marker, none for the rewrites")
			assert.Len(t, after, 1)
		}
		generation = now
		for agent, heard := range wrote.heard {
			var answer struct{ Agent schema.AgentDetail }
			_, body := get(t, a.Addr(), "/agent/"+agent)
			require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
			assert.Equal(t, heard, answer.Agent.DataUpdateTime, agent)
		}
	}
}
