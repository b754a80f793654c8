package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// world writes random documents.
type world struct {
	t    *testing.T
	fake *couchfake.Server
	rng  *rand.Rand
	n    int
}

func (w *world) batch() {
	statuses := []string{"new", "assigned", "acquired", "running-open", "running-closed", "completed"}
	for range 1 + w.rng.IntN(12) {
		name := fmt.Sprintf("wf%03d", w.rng.IntN(150))
		w.n++
		switch k := w.rng.IntN(20); {
		case k == 0:
			w.fake.Delete("reqmgr_workload_cache", name)
		case k == 1:
			w.fake.Delete("wmstats", "agent-"+name)
		case k == 2:
			put(w.t, w.fake, "wmstats", fmt.Sprintf(`{"_id":"bad-%d","type":"agent_request","agent_url":"vocms1.cern.ch","n":%d}`, w.rng.IntN(20), w.n))
		case k == 4:
			w.info()
		case k == 3:
			put(w.t, w.fake, "reqmgr_workload_cache", fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestStatus":"new","RequestTransition":%d}`, name, name, w.n))
		case k < 12:
			put(w.t, w.fake, "reqmgr_workload_cache", request(name, statuses[w.rng.IntN(len(statuses))], w.n))
		default:
			put(w.t, w.fake, "wmstats", agentRequest(name, w.n))
		}
	}
}

const agents = 4

func agentName(n int) string { return fmt.Sprintf("vocms%d.cern.ch", n+1) }

// info writes what an agent says of itself: in half of the cases with a new time only,
// which makes no generation.
func (w *world) info() {
	n := w.rng.IntN(agents)
	agent, at := agentName(n), time.Now().Unix()
	if n == 0 {
		at = 1795000200 // silent for long
	}
	state := []string{"Normal", "Normal", "Down", "Drain"}[w.rng.IntN(4)]
	if doc, ok := w.fake.Doc("wmstats", agent); ok && w.rng.IntN(2) == 0 {
		put(w.t, w.fake, "wmstats", stamp.ReplaceAllString(revision.ReplaceAllString(string(doc), ""), fmt.Sprintf(`"timestamp":%d`, at)))
		return
	}
	put(w.t, w.fake, "wmstats", fmt.Sprintf(`{"_id":%q,"type":"agent_info","agent_url":%q,"agent":"WMAgent","agent_team":"production",
		"agent_version":"2.3.%d","timestamp":%d,"status":"ok","down_components":[],
		"WMBS_INFO":{"thresholds":{"T2_CH_CERN":{"state":%q,"pending_slots":%d,"running_slots":20},
		"T1_US_FNAL":{"state":"Normal","pending_slots":1,"running_slots":5}},"thresholdsGQ2LQ":{"T2_CH_CERN":%d.5}}}`,
		agent, agent, w.rng.IntN(3), at, state, w.n, w.n))
}

var stamp = regexp.MustCompile(`"timestamp":[0-9]+`)

// purge removes documents without a trace in the changes feed.
func (w *world) purge(n int) {
	var ids []string
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("wf%03d", i); w.holds("reqmgr_workload_cache", id) {
			ids = append(ids, id)
		}
	}
	require.Equal(w.t, n, w.fake.Purge("reqmgr_workload_cache", ids...))
}

func (w *world) holds(db, id string) bool {
	_, ok := w.fake.Doc(db, id)
	return ok
}

// recreate replaces the agents' database by one with nearly the same documents: no
// position of the old one is valid.
func (w *world) recreate() {
	var docs []string
	for i := range 150 {
		if doc, ok := w.fake.Doc("wmstats", fmt.Sprintf("agent-wf%03d", i)); ok && i%20 != 0 {
			docs = append(docs, revision.ReplaceAllString(string(doc), ""))
		}
	}
	for i := range agents {
		if doc, ok := w.fake.Doc("wmstats", agentName(i)); ok {
			docs = append(docs, revision.ReplaceAllString(string(doc), ""))
		}
	}
	require.True(w.t, w.fake.Drop("wmstats"))
	require.NoError(w.t, w.fake.Create("wmstats"))
	put(w.t, w.fake, "wmstats", docs...)
}

var revision = regexp.MustCompile(`"_rev":"[^"]*",?`)

// canonical returns JSON with its keys in order, and other texts as they are.
func canonical(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

// TestReplicasHaveTheSameGenerations lets three servers apply one log while
// documents change at random, members restart, and leaders stop: all generations that
// any of them keeps at any of those moments, or at the end, have the same bytes in
// all, and so have generations that a server makes again after its start.
func TestReplicasHaveTheSameGenerations(t *testing.T) {
	fake, url := couch(t)
	w := &world{t: t, fake: fake, rng: rand.New(rand.NewPCG(1, 2))}
	for range 20 {
		w.batch()
	}
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	members := []*member{g.start("a"), g.start("b"), g.start("c")}
	for _, m := range members {
		ready(t, m.Addr())
	}
	began, known := time.Now(), &generations{t: t, answers: map[string][]string{}, done: map[*member]int{}}
	restart := func(at int) {
		known.compare(members, false)
		members[at].cancel()
		members[at] = g.start(members[at].name)
		ready(t, members[at].Addr())
	}
	for i := range 200 {
		w.batch()
		// The feed of a database is in order: with its last change all have arrived.
		put(t, fake, "reqmgr_workload_cache", request("marker", "running-open", i+1))
		put(t, fake, "wmstats", agentRequest("marker", i+1))
		for _, m := range members {
			require.Eventually(t, func() bool {
				found, _ := workflow(t, m.Addr(), "marker")
				return found.Priority == int64(i+1) && found.Success == int64(i+1)
			}, waitFor, tick)
		}
		switch {
		case i == 60:
			w.purge(3)
		case i == 110:
			w.recreate()
		case i%40 == 20: // a take-over
			restart(leader(t, members))
		case i%40 == 39:
			restart((leader(t, members) + 1) % 3)
		}
	}
	known.compare(members, true)
	t.Log("generations", len(known.answers), "compared", known.compared, "took", time.Since(began))
	require.Greater(t, len(known.answers), 200)
	require.Greater(t, known.compared, 2*len(known.answers))

	alone := g.start("alone", func(o *app.Options) { o.Replicas = app.Defaults().Replicas })
	ready(t, alone.Addr())
	for _, path := range []string{
		"/fetch?limit=all&format=ndjson", "/campaign", "/sites", "/agent", "/wmstatsserver/data/filtered_requests?RequestStatus=acquired&mask=RequestPriority",
		"/wmstatsserver/data/requestcache", "/wmstatsserver/data/globallocks",
	} {
		var want string
		require.Eventually(t, func() (ok bool) {
			status, body := get(t, alone.Addr(), path)
			want = body
			return status == http.StatusOK
		}, waitFor, tick, path)
		for _, m := range members {
			require.Eventually(t, func() bool { _, got := get(t, m.Addr(), path); return canonical(got) == canonical(want) }, waitFor, 50*time.Millisecond, "%s of %s", path, m.name)
		}
	}
	// So are answers without a generation.
	for _, path := range []string{"/quarantine", "/history?by=status"} {
		require.Eventually(t, func() bool {
			_, want := get(t, members[0].Addr(), path)
			return slices.IndexFunc(members, func(m *member) bool { _, got := get(t, m.Addr(), path); return got != want }) < 0
		}, waitFor, 20*time.Millisecond, path)
	}
}
