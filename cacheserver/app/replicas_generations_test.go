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
		case k == 3:
			put(w.t, w.fake, "reqmgr_workload_cache", fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestStatus":"new","RequestTransition":%d}`, name, name, w.n))
		case k < 12:
			put(w.t, w.fake, "reqmgr_workload_cache", request(name, statuses[w.rng.IntN(len(statuses))], w.n))
		default:
			put(w.t, w.fake, "wmstats", agentRequest(name, w.n))
		}
	}
}

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
// documents change at random, members restart, and leaders stop: each generation
// that two of them keep has the same bytes in both.
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
	seen, compared, began := map[string]bool{}, 0, time.Now()
	compare := func() {
		id, _ := settle(t, members, 0)
		seen[id] = true
		for id := range seen {
			var want []string
			for _, m := range members {
				got := m.hashes(t, id)
				if got == nil {
					continue
				}
				if want == nil {
					want = got
					continue
				}
				require.Equal(t, want, got, "%s of %s", id, m.name)
				compared++
			}
		}
	}
	for i := range 200 {
		w.batch()
		put(t, fake, "reqmgr_workload_cache", request("marker", "acquired", i))
		at := w.rng.IntN(3)
		require.Eventually(t, func() bool {
			found, _ := workflow(t, members[at].Addr(), "marker")
			return found.Priority == int64(i)
		}, waitFor, tick)
		id, _ := members[at].newest(t)
		seen[id] = true
		switch {
		case i == 60:
			w.purge(3)
		case i == 110:
			w.recreate()
		case i%40 == 20: // a take-over
			at := leader(t, members)
			members[at].cancel()
			members[at] = g.start(members[at].name)
			ready(t, members[at].Addr())
		case i%40 == 39:
			at := (leader(t, members) + 1) % 3
			members[at].cancel()
			members[at] = g.start(members[at].name)
			ready(t, members[at].Addr())
		}
		if i%25 == 24 {
			compare()
		}
	}
	compare()
	alone := g.start("alone", func(o *app.Options) { o.Replicas = app.Defaults().Replicas })
	ready(t, alone.Addr())
	for _, path := range []string{
		"/fetch?limit=all&format=ndjson", "/campaign", "/sites", "/wmstatsserver/data/filtered_requests?RequestStatus=acquired&mask=RequestPriority",
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
	require.Greater(t, compared, 200)
	require.Greater(t, len(seen), 100)
	t.Log("generations", len(seen), "compared", compared, "took", time.Since(began))
	// So are answers without a generation.
	for _, path := range []string{"/quarantine", "/history?by=status"} {
		require.Eventually(t, func() bool {
			_, want := get(t, members[0].Addr(), path)
			return slices.IndexFunc(members, func(m *member) bool { _, got := get(t, m.Addr(), path); return got != want }) < 0
		}, waitFor, 20*time.Millisecond, path)
	}
}
