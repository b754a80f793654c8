package documents

import (
	"cmp"
	"container/heap"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// runBytes is how many bytes a full read gathers before they are sorted and
// compressed.
const runBytes = 24 << 20

// gathering holds the documents of a first full read in the order of arrival: runs
// of compressed blocks, each sorted by id, and the documents since the last run.
type gathering struct {
	quick codec  // of the runs
	runs  []*run // for equal ids, a later run has the newer document
	loose map[string]*entry
	size  int
	known map[string]struct{} // ids in runs; nil until needed
}

// run is one sorted part of the gathered documents.
type run struct {
	ready   chan struct{} // closed when blocks is set
	blocks  []*Block
	removed []string // sorted
	err     error
}

func newGathering() *gathering { return &gathering{quick: quickCodec(), loose: map[string]*entry{}} }

// add adds documents. The lock of d is held; runs are compressed without it.
func (g *gathering) add(d *Documents, edits map[string]*entry) {
	for id, e := range edits {
		if old := g.loose[id]; old != nil {
			g.size -= len(old.text)
		}
		g.loose[id] = e
		if e != nil {
			g.size += len(e.text)
		}
	}
	if g.size >= d.runBytes {
		r := &run{ready: make(chan struct{})}
		loose := g.loose
		g.runs, g.loose, g.size, g.known = append(g.runs, r), map[string]*entry{}, 0, nil
		go r.make(g.quick, loose)
	}
	d.bytes.Store(int64(g.size))
}

// has reports whether a document was gathered.
func (g *gathering) has(id string) bool {
	if e, ok := g.loose[id]; ok {
		return e != nil
	}
	if g.known == nil {
		g.known = map[string]struct{}{}
		for _, r := range g.runs {
			<-r.ready
			for _, id := range r.removed {
				delete(g.known, id)
			}
			for _, b := range r.blocks {
				for i := range b.Len() {
					g.known[b.ID(i)] = struct{}{}
				}
			}
		}
	}
	_, ok := g.known[id]
	return ok
}

// make compresses gathered documents.
func (r *run) make(quick codec, loose map[string]*entry) {
	defer close(r.ready)
	var list []entry
	for _, id := range slices.Sorted(maps.Keys(loose)) {
		if e := loose[id]; e != nil {
			list = append(list, *e)
		} else {
			r.removed = append(r.removed, id)
		}
	}
	var text, room []byte
	for _, part := range cut(list) {
		text = textOf(part, text)
		var b *Block
		if b, room, r.err = quick.pack(0, part, text, room); r.err != nil {
			return
		}
		r.blocks = append(r.blocks, b)
	}
}

// cut splits a list into blocks.
func cut(list []entry) (out [][]entry) {
	from, size := 0, 0
	for i := range list {
		if i > from && (i-from == blockSize || size+len(list[i].text) > blockText) {
			out, from, size = append(out, list[from:i]), i, 0
		}
		size += len(list[i].text)
	}
	if from < len(list) {
		out = append(out, list[from:])
	}
	return out
}

// cursor iterates over one run.
type cursor struct {
	age    int // of the run; for equal ids the youngest counts
	run    *run
	reader *Reader
	block  int
	at     int
	gone   int // index in removed
	now    entry
	is     bool // now is a document; false: its id was removed
}

// next advances to the next id of the run; false at its end.
func (c *cursor) next() (bool, error) {
	has := c.block < len(c.run.blocks)
	id := ""
	if has {
		id = c.run.blocks[c.block].ID(c.at)
	}
	if c.gone < len(c.run.removed) && (!has || c.run.removed[c.gone] < id) {
		c.now, c.is = entry{id: c.run.removed[c.gone]}, false
		c.gone++
		return true, nil
	}
	if !has {
		return false, nil
	}
	b := c.run.blocks[c.block]
	if err := c.reader.Open(b); err != nil {
		return false, err
	}
	c.now, c.is = entry{id, b.hashes[c.at], b.marks[c.at], c.reader.Document(c.at)}, true
	if c.at++; c.at == b.Len() {
		c.run.blocks[c.block] = nil // frees memory for the new blocks
		c.block, c.at = c.block+1, 0
	}
	return true, nil
}

// cursors is a heap with the least id first, and of equal ids the youngest.
type cursors []*cursor

func (h cursors) Len() int { return len(h) }
func (h cursors) Less(i, j int) bool {
	if c := strings.Compare(h[i].now.id, h[j].now.id); c != 0 {
		return c < 0
	}
	return h[i].age > h[j].age
}
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any) {
	if c, ok := x.(*cursor); ok {
		*h = append(*h, c)
	}
}
func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// build merges everything into the first blocks, except some ids. It returns early,
// not ok, when stop returns true.
func (g *gathering) build(d *Documents, without map[string]bool, stop func() bool) (blocks []*Block, ok bool, err error) {
	last := &run{ready: make(chan struct{})}
	last.make(g.quick, g.loose)
	g.loose = nil
	var order cursors
	for age, r := range append(g.runs, last) {
		<-r.ready
		if r.err != nil {
			return nil, false, r.err
		}
		c := &cursor{age: age, run: r, reader: g.quick.reader()}
		more, err := c.next()
		if err != nil {
			return nil, false, err
		}
		if more {
			order = append(order, c)
		}
	}
	g.runs = nil
	heap.Init(&order)
	p := newPacker(d)
	defer func() {
		made, broken := p.end()
		if blocks = made; err == nil && broken != nil {
			ok, err = false, broken
		}
	}()
	for previous, begun := "", false; len(order) > 0; {
		c := order[0]
		if fresh := !begun || c.now.id != previous; fresh && c.is && !without[c.now.id] {
			if p.add(c.now); p.count%blockSize == 0 && stop() {
				return nil, false, nil
			}
		}
		previous, begun = c.now.id, true
		more, err := c.next()
		switch {
		case err != nil:
			return nil, false, err
		case more:
			heap.Fix(&order, 0)
		default:
			heap.Pop(&order)
		}
	}
	return nil, !stop(), nil
}

// packer compresses sorted entries into blocks, on all cores.
type packer struct {
	d      *Documents
	count  int
	now    job
	jobs   chan job
	free   chan job // with memory to reuse
	wg     sync.WaitGroup
	mu     sync.Mutex
	blocks []*Block
	err    error
}

// job is a block to compress.
type job struct {
	place int
	list  []entry
	text  []byte // of list
}

func newPacker(d *Documents) *packer {
	workers := runtime.GOMAXPROCS(0)
	p := &packer{d: d, jobs: make(chan job), free: make(chan job, workers+1)}
	for range workers {
		p.wg.Go(func() {
			var room []byte
			for j := range p.jobs {
				var b *Block
				var err error
				b, room, err = d.shared.codec.pack(d.serial+1+uint64(j.place), j.list, j.text, room) //nolint:gosec // an index
				p.mu.Lock()
				p.blocks[j.place] = b
				p.err = cmp.Or(p.err, err)
				p.mu.Unlock()
				p.free <- j
			}
		})
	}
	for range workers + 1 {
		p.free <- job{}
	}
	p.now = <-p.free
	return p
}

// add copies an entry. Its text need not remain valid.
func (p *packer) add(e entry) {
	if n := len(p.now.list); n == blockSize || n > 0 && len(p.now.text)+len(e.text) > blockText {
		p.flush()
	}
	p.count++
	p.now.text = append(p.now.text, e.text...)
	p.now.list = append(p.now.list, e) // from now on only the length of its text counts
}

func (p *packer) flush() {
	p.mu.Lock()
	p.now.place = len(p.blocks)
	p.blocks = append(p.blocks, nil)
	p.mu.Unlock()
	p.jobs <- p.now
	next := <-p.free
	p.now = job{list: next.list[:0], text: next.text[:0]}
}

// end returns the blocks, and advances the serial of d.
func (p *packer) end() ([]*Block, error) {
	if len(p.now.list) > 0 {
		p.flush()
	}
	close(p.jobs)
	p.wg.Wait()
	p.d.serial += uint64(len(p.blocks))
	return p.blocks, p.err
}
