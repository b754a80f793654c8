package store

import (
	"runtime"
	"slices"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/store/block"
	"github.com/dmwm/wmstats/cacheserver/store/tree"
	"github.com/dmwm/wmstats/schema"
)

// Before the first generation the request's side of each record is kept as the
// decoder made it, which takes less than the record will: encoding it before
// its agents are known would be done twice.

// build makes the first generation of all that was gathered, on all cores. When
// it is aborted it gives nil, and nothing is gathered any more.
func (s *Store) build(aborted func() bool) *tree.Tree {
	entries := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		if e.has {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	blocks := make([]*block.Block, (len(entries)+block.Size-1)/block.Size)
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex // of sums, recoveries and dues
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			builder := block.NewBuilder(s.layout)
			for k := range next {
				blocks[k] = s.buildBlock(builder, entries[k*block.Size:min((k+1)*block.Size, len(entries))], &mu)
			}
		})
	}
	for k := range blocks {
		if aborted() {
			break
		}
		next <- k
	}
	close(next)
	wg.Wait()
	if aborted() {
		s.empty()
		return nil
	}
	return tree.New(s.layout, blocks)
}

func (s *Store) buildBlock(builder *block.Builder, entries []*entry, mu *sync.Mutex) *block.Block {
	records := make([]schema.Workflow, len(entries))
	parts := make([][]schema.AgentPart, len(entries))
	dues := make([]int64, len(entries))
	var buf []byte
	for i, e := range entries {
		w := &records[i]
		*w, e.request = *e.request, nil // Join must not write to what a caller has
		docs := s.joined(e, w.Status)
		parts[i] = s.unpack(e, partsOf(docs))
		schema.Join(w, parts[i])
		dues[i] = s.alert(e, w, docs)
		buf = schema.AppendJSON(buf[:0], w)
		builder.Add(w, buf, s.sourceOf(e, docs))
	}
	mu.Lock()
	defer mu.Unlock()
	for i, e := range entries {
		s.sums.Add(&records[i], parts[i])
		s.recoveries.move(e.name, "", records[i].OriginalRequest)
		s.schedule(e, dues[i])
	}
	return builder.Build()
}
