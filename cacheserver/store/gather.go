package store

import (
	"runtime"
	"slices"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/store/block"
	"github.com/dmwm/wmstats/cacheserver/store/tree"
	"github.com/dmwm/wmstats/schema"
)

// Before the first generation records are kept in blocks in the order they
// came, which takes no more memory than the generation will.

// gathered is the place of a request's side before the first generation.
type gathered struct {
	block *block.Block
	at    int // less than block.Size
}

// gather packs the requests of a batch, outside of the lock. The result is by
// number of the change; nil when there is a generation.
func (s *Store) gather(changes []Change) map[int]gathered {
	if s.current.Load() != nil {
		return nil
	}
	places := make(map[int]gathered, len(changes))
	b := block.NewBuilder(s.layout)
	var numbers []int
	flush := func() {
		if len(numbers) == 0 {
			return
		}
		blk := b.Build()
		for at, number := range numbers {
			places[number] = gathered{blk, at}
		}
		numbers = numbers[:0]
	}
	var buf []byte
	for i := range changes {
		c := &changes[i]
		if c.Kind != ReqMgr || c.Deleted || c.Workflow == nil {
			continue
		}
		if hash, ok := s.known.get(ReqMgr, c.ID); ok && hash == c.Hash {
			continue
		}
		w := *c.Workflow
		buf = schema.AppendJSON(buf[:0], &w)
		b.Add(&w, buf, block.Source{})
		if numbers = append(numbers, i); len(numbers) == block.Size {
			flush()
		}
	}
	flush()
	return places
}

func (s *Store) gatherOne(w *schema.Workflow) gathered {
	b := block.NewBuilder(s.layout)
	b.Add(w, schema.AppendJSON(nil, w), block.Source{})
	return gathered{block: b.Build()}
}

// build makes the first generation of all that was gathered, on all cores.
func (s *Store) build() *tree.Tree {
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
		next <- k
	}
	close(next)
	wg.Wait()
	return tree.New(s.layout, blocks)
}

func (s *Store) buildBlock(builder *block.Builder, entries []*entry, mu *sync.Mutex) *block.Block {
	records := make([]*schema.Workflow, len(entries))
	parts := make([][]schema.AgentPart, len(entries))
	dues := make([]int64, len(entries))
	var buf []byte
	for i, e := range entries {
		w := e.gathered.Workflow(s.layout, int(e.at))
		e.gathered = nil
		docs := s.joined(e, w.Status)
		parts[i] = s.unpack(e, partsOf(docs))
		schema.Join(w, parts[i])
		dues[i] = s.alert(e, w, docs)
		buf = schema.AppendJSON(buf[:0], w)
		builder.Add(w, buf, e.sourceOf(docs))
		records[i] = w
	}
	mu.Lock()
	defer mu.Unlock()
	for i, e := range entries {
		s.sums.Add(records[i], parts[i])
		s.recoveries.move(e.name, "", records[i].OriginalRequest)
		s.schedule(e, dues[i])
	}
	return builder.Build()
}
