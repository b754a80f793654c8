package store

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Scanners read a generation page by page while others are published, like
// clients that follow links: each gets every workflow of its generation once.
func TestScannersSeeOneGeneration(t *testing.T) {
	eachCache(t, func(t *testing.T, o Options) {
		m := newMaker(41)
		s := loaded(t, o, someChanges(m, 400))
		stop := make(chan struct{})
		var scans atomic.Int64
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(n), 1))
				for {
					select {
					case <-stop:
						return
					default:
					}
					scanOnce(t, s, rng)
					scans.Add(1)
				}
			})
		}
		for i := 0; i < 150 || scans.Load() < 50; i++ {
			s.Apply([]join.Change{
				m.requestChange(nameOf(m.rng.IntN(500))),
				m.partChange(nameOf(m.rng.IntN(500)), m.rng.IntN(9), start),
				{Kind: join.Request, ID: nameOf(m.rng.IntN(500)), Deleted: true},
				m.infoChange(m.rng.IntN(9), start),
			})
			if i%50 == 0 {
				s.Tick()
			}
		}
		close(stop)
		wg.Wait()
	})
}

func scanOnce(t *testing.T, s *Store, rng *rand.Rand) {
	g, ok := s.Newest()
	if !ok {
		t.Error("no generation")
		return
	}
	q := []wire.Query{
		{},
		{Terms: []wire.Term{{Field: "Sites", Op: wire.Has}}, Sort: []wire.SortKey{{Field: "Priority", Desc: true}}},
		{Sort: []wire.SortKey{{Field: "PrepID"}}, Text: "exo"},
	}[rng.IntN(3)]
	q.Facets = []wire.Facet{{Field: "Status"}, {Field: "Sites"}, {Field: "PrepID"}}
	id, total := g.ID(), -1
	seen := map[string]bool{}
	for idx := 0; ; idx += 37 {
		g, ok := s.Generation(id)
		if !ok {
			return // dropped: the memory is limited
		}
		l, err := g.Select(t.Context(), q)
		if err != nil {
			t.Error(err)
			return
		}
		if total < 0 {
			total = l.Total()
		}
		page := l.Page(idx, 37)
		if len(page) == 0 {
			break
		}
		if parts, size, ok := l.Stitched(idx, 37, wire.JSON); ok && string(gunzip(t, parts, size)) != string(appendPage(nil, page, wire.JSON)) {
			t.Error("stitched page differs")
		}
		for _, r := range page {
			var w schema.Workflow
			if err := schema.DecodeWorkflow(r, &w); err != nil || seen[w.Workflow] {
				t.Errorf("%s twice, or %v", w.Workflow, err)
			}
			seen[w.Workflow] = true
		}
	}
	if len(seen) != total {
		t.Errorf("scan of %s has %d of %d workflows", id, len(seen), total)
	}
	if _, err := g.Facets(t.Context(), q); err != nil {
		t.Error(err)
	}
	_, _ = s.Agents(g), g.Sites()
}
