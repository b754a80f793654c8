package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// number is the running number in a generation id.
func number(t *testing.T, generation string) (n int) {
	t.Helper()
	_, text, ok := strings.Cut(generation, "-")
	require.True(t, ok, generation)
	_, err := fmt.Sscan(text, &n)
	require.NoError(t, err, generation)
	return n
}

// faults are all faults of the stand-in, each for the changes feed or for all
// requests, with enough hits to be noticed.
func faults() map[string][]couchfake.Fault {
	feeds := func(f couchfake.Fault) []couchfake.Fault {
		a, b := f, f
		a.Match.Path, b.Match.Path = "/"+requestDB+"/_changes", "/"+wmstatsDB+"/_changes"
		return []couchfake.Fault{a, b}
	}
	reads := func(f couchfake.Fault) []couchfake.Fault {
		a, b := f, f
		a.Match.Path, b.Match.Path = "/"+requestDB+"/_design", "/"+wmstatsDB+"/_design"
		return []couchfake.Fault{a, b}
	}
	return map[string][]couchfake.Fault{
		"cut":           feeds(couchfake.Fault{Kind: couchfake.Cut, Bytes: 300, Times: 3}),
		"cut in a row":  feeds(couchfake.Fault{Kind: couchfake.CutInRow, Rows: 1, Times: 3}),
		"frozen":        feeds(couchfake.Fault{Kind: couchfake.Freeze, Times: 2}),
		"frozen later":  feeds(couchfake.Fault{Kind: couchfake.FreezeAfter, Bytes: 200, Times: 2}),
		"frozen in row": feeds(couchfake.Fault{Kind: couchfake.FreezeInRow, Rows: 1, Times: 2}),
		"late":          feeds(couchfake.Fault{Kind: couchfake.Delay, Wait: 50 * time.Millisecond, Times: 5}),
		"slow":          feeds(couchfake.Fault{Kind: couchfake.Slow, Bytes: 200_000, Times: 3}),
		"500":           feeds(couchfake.Fault{Kind: couchfake.FailStatus, Status: 500, Times: 3}),
		"503":           feeds(couchfake.Fault{Kind: couchfake.FailStatus, Status: 503, Times: 3}),
		"401":           {{Kind: couchfake.Deny, Times: 6}},
		"404":           {{Kind: couchfake.NoDatabase, Times: 6}},
		"error row":     feeds(couchfake.Fault{Kind: couchfake.ErrorRow, Rows: 1, Times: 3}),
		"error at end":  feeds(couchfake.Fault{Kind: couchfake.ErrorRow, Rows: 1, Stop: true, Times: 3}),
		"replay":        feeds(couchfake.Fault{Kind: couchfake.Replay, Rows: 50, Times: 5}),
		"reorder":       feeds(couchfake.Fault{Kind: couchfake.Reorder, Times: 5}),
		"feed ends":     feeds(couchfake.Fault{Kind: couchfake.EndFeed, Rows: 1, Times: 5}),
		"seqs unknown":  feeds(couchfake.Fault{Kind: couchfake.ForgetSeqs, Times: 1}),
		"seqs rewound":  feeds(couchfake.Fault{Kind: couchfake.RewindSeqs, Times: 2}),
		// A full read that finds (almost) nothing is held back. The feed itself is
		// complete, since a feed that hides changes can't be distinguished from one
		// without changes.
		"empty":  append(feeds(couchfake.Fault{Kind: couchfake.ForgetSeqs, Times: 1}), reads(couchfake.Fault{Kind: couchfake.EmptyDB, Times: 4})...),
		"halved": append(feeds(couchfake.Fault{Kind: couchfake.ForgetSeqs, Times: 1}), reads(couchfake.Fault{Kind: couchfake.HalveDB, Times: 4})...),
	}
}

// TestFaults: during each fault of the source, while its documents keep changing,
// /fetch answers every time. When the fault ends, the records equal those of a cache
// server that reads everything from scratch.
func TestFaults(t *testing.T) {
	for name, list := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCouch(t, gen.Options{Seed: 6, Workflows: 120, Lean: true, NoEdges: true})
			s.cache = s.startCache(t).url
			served, stop := s.keepAsking(t)
			var active []*couchfake.ActiveFault
			for _, f := range list {
				active = append(active, s.couch.Misbehave(f))
			}
			// An open feed continues without the fault: break it, so that the next one
			// has the fault.
			require.NoError(t, s.endpoint.Refuse())
			require.NoError(t, s.endpoint.Accept())
			for i := range 30 {
				s.change(t, i)
			}
			eventually(t, func() bool { return allHit(active) }, "the fault occurred")
			for i := range 30 {
				s.change(t, 30+i)
			}
			s.couch.Behave()
			s.convergesWithFreshRead(t)
			stop()
			assert.Positive(t, served.ok.Load(), "answered meanwhile")
			assert.Zero(t, served.bad.Load(), "answers other than 200, the last: %s", served.last.Load())
		})
	}
}

func allHit(active []*couchfake.ActiveFault) bool {
	return !slices.ContainsFunc(active, func(a *couchfake.ActiveFault) bool { return a.Hits() == 0 })
}

// change changes the priority of one workflow of the world and the counts of one
// agent report.
func (s *system) change(t *testing.T, i int) {
	t.Helper()
	request, agent := s.editable()
	s.edit(t, requestDB, request[i*7%len(request)].ID, "RequestPriority", 100_000+i)
	s.edit(t, wmstatsDB, agent[i*5%len(agent)].ID, "status", map[string]any{"success": 1_000 + i})
}

// editable returns the documents of the world that can be changed.
func (s *system) editable() (request, agent []gen.Doc) {
	if s.requests == nil {
		for _, d := range s.docs {
			switch {
			case !json.Valid(d.JSON):
			case d.DB == requestDB:
				s.requests = append(s.requests, d)
			case d.DB == wmstatsDB && bytes.Contains(d.JSON, []byte(`"agent_request"`)):
				s.agents = append(s.agents, d)
			}
		}
	}
	return s.requests, s.agents
}

// TestConnectionRefused: the source is unavailable when the server starts and again
// later; the server reports it, serves the known records, and recovers
// automatically.
func TestConnectionRefused(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 7, Workflows: 100, Lean: true, NoEdges: true})
	require.NoError(t, s.endpoint.Refuse())
	s.cache = s.launchCache(t).url
	a := get(t, s.cache+"/fetch")
	assert.Equal(t, http.StatusServiceUnavailable, a.status, "no empty list before the first read")
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, get(t, s.cache+"/livez").status)

	require.NoError(t, s.endpoint.Accept())
	waitStatus(t, s.cache+"/readyz", http.StatusOK)
	total := len(all(t, s.cache))
	assert.Positive(t, total)

	require.NoError(t, s.endpoint.Refuse())
	eventually(t, func() bool { return get(t, s.cache+"/fetch?limit=1").header.Get("X-Stale") == "1" }, "answers are marked stale")
	assert.Len(t, all(t, s.cache), total, "the known records are served")
	reason := get(t, s.cache+"/fetch?limit=1").header.Get("X-Stale-Reason")
	assert.NotEmpty(t, reason)
	assert.NotContains(t, reason, s.endpoint.Addr(), "the reason must not contain the address")

	s.change(t, 1)
	require.NoError(t, s.endpoint.Accept())
	eventually(t, func() bool { return get(t, s.cache+"/fetch?limit=1").header.Get("X-Stale") == "" }, "answers are fresh again")
	s.convergesWithFreshRead(t)
}

// served counts the answers to a reader.
type served struct {
	ok, bad atomic.Int64
	last    atomic.Value // text of the last bad answer
}

// keepAsking reads pages until stop is called.
func (s *system) keepAsking(t *testing.T) (*served, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	counts := &served{}
	counts.last.Store("")
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			a, err := try(ctx, s.cache+"/fetch?limit=20&sort=-Priority")
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				counts.bad.Add(1)
				counts.last.Store(err.Error())
			case a.status != http.StatusOK || len(a.body) < 3:
				counts.bad.Add(1)
				counts.last.Store(fmt.Sprintf("status %d: %s", a.status, a.body))
			default:
				counts.ok.Add(1)
			}
		}
	})
	return counts, func() { cancel(); wg.Wait() }
}

// convergesWithFreshRead waits until the followed records equal those of a newly
// started cache server.
func (s *system) convergesWithFreshRead(t *testing.T) {
	t.Helper()
	fresh := s.startCache(t)
	want := timeless(all(t, fresh.url))
	fresh.stop()
	var got []schema.Workflow
	ok := assert.Eventually(t, func() bool {
		got = timeless(all(t, s.cache))
		return assert.ObjectsAreEqual(want, got)
	}, patience, 50*time.Millisecond, "the followed records equal a fresh read")
	if !ok {
		require.Equal(t, want, got)
	}
}

// timeless clears the fields that depend on when a document arrived and not on its
// content: an unchanged rewrite changes an agent's freshness, not the record.
func timeless(records []schema.Workflow) []schema.Workflow {
	for i := range records {
		w := &records[i]
		w.LastAgentUpdate, w.OldestAgentUpdate, w.SecondsLeft = 0, 0, 0
	}
	return records
}
