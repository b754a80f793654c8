package store

import (
	"runtime"
	"slices"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/store/part"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Before the first generation the request's side of each record is kept packed,
// which takes less than the record will: encoding it before its agents are known
// would be done twice.

// build makes the first generation of all that was gathered, on all cores. When
// it is aborted it gives nil, and nothing is gathered any more.
func (s *Store) build(aborted func() bool) *table.Table {
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
			m := blockMaker{s: s, builder: block.NewBuilder(s.layout), mu: &mu}
			for k := range next {
				blocks[k] = m.make(entries[k*block.Size : min((k+1)*block.Size, len(entries))])
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
	return table.New(s.layout, blocks)
}

// blockMaker makes blocks of entries, one after another in the same memory: all
// of a record but its block is garbage at once.
type blockMaker struct {
	s       *Store
	builder *block.Builder
	mu      *sync.Mutex // of sums, recoveries and dues

	records []schema.Workflow
	parts   [][]schema.AgentReport
	dues    []int64
	encoded []byte
	source  sourceMaker
	lists   schema.Unpacker
	room    part.Room
}

func (m *blockMaker) make(entries []*entry) *block.Block {
	m.lists.Recycle()
	m.room.Recycle()
	m.records = slices.Grow(m.records[:0], len(entries))[:len(entries)]
	m.parts = slices.Grow(m.parts[:0], len(entries))[:len(entries)]
	m.dues = slices.Grow(m.dues[:0], len(entries))[:len(entries)]
	for i, e := range entries {
		m.add(e, i)
	}
	m.count(entries)
	return m.builder.Build()
}

// count adds the records to what is made of all of them.
func (m *blockMaker) count(entries []*entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range entries {
		m.s.sums.Add(&m.records[i], m.parts[i])
		m.s.recoveries.move(e.name, "", m.records[i].OriginalRequest)
		m.s.schedule(e, m.dues[i])
	}
}

// add makes record i of the block.
func (m *blockMaker) add(e *entry, i int) {
	s, w := m.s, &m.records[i]
	if err := m.lists.Unpack(e.request, w); err != nil { // memory that is broken
		s.opt.Log.Error("request can't be read back", "workflow", e.name, "err", err)
		*w = schema.Workflow{Workflow: e.name}
	}
	e.request = ""
	docs := s.joined(e, w.Status)
	parts := m.parts[i][:0]
	for _, d := range docs {
		parts = s.appendPart(parts, e, d.packed, d.content, &m.room)
	}
	m.parts[i] = parts
	schema.Join(w, parts)
	m.dues[i] = s.alert(w, docs)
	m.encoded = schema.AppendJSON(m.encoded[:0], w)
	m.builder.Add(w, m.encoded, m.source.of(s, e, docs))
}
