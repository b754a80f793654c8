package table

import (
	"sort"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Edit puts one record into a table or takes it out.
type Edit struct {
	Name    string
	Near    int // place in the table where the record of the name is, if the caller has looked
	Remove  bool
	Record  *schema.Workflow // and its encoded form
	Encoded []byte
	Source  block.Source
}

// Editor applies edits to tables. It keeps working memory; it is not for
// several goroutines.
type Editor struct {
	layout  *block.Layout
	builder *block.Builder
}

// NewEditor makes an Editor for tables of a layout.
func NewEditor(l *block.Layout) *Editor {
	return &Editor{layout: l, builder: block.NewBuilder(l)}
}

// Replace returns the table with the edits made, which are in the order of their
// names, one for each name.
func (e *Editor) Replace(t *Table, edits []Edit) *Table {
	if len(t.chunks) == 0 {
		return New(e.layout, e.blocks(nil, nil, edits))
	}
	if next, ok := e.replaceOne(t, edits); ok {
		return next
	}
	var chunks []*Chunk
	from := 0
	for len(edits) > 0 {
		k := max(from, t.chunkFor(edits[0].Name))
		n := len(edits)
		if k+1 < len(t.chunks) {
			n = sort.Search(n, func(i int) bool { return edits[i].Name >= t.chunks[k+1].first })
		}
		blocks := e.editChunk(t.chunks[k], edits[:n])
		if n == len(edits) && from == 0 && len(blocks) >= minChunk && len(blocks) <= maxChunk {
			return t.withChunk(k, newChunk(e.layout, blocks)) // the usual case: one chunk
		}
		chunks = append(chunks, t.chunks[from:k]...)
		chunks = e.place(chunks, blocks)
		from, edits = k+1, edits[n:]
	}
	return fromChunks(e.layout, append(chunks, t.chunks[from:]...))
}

// replaceOne makes the usual edit: one record takes the place of another one.
func (e *Editor) replaceOne(t *Table, edits []Edit) (next *Table, ok bool) {
	if len(edits) != 1 || edits[0].Remove {
		return nil, false
	}
	ed := &edits[0]
	at := ed.Near
	if old, i, there := t.at(at); !there || string(old.Name(e.layout, i)) != ed.Name {
		if at, there = t.Search(ed.Name); !there {
			return nil, false
		}
	}
	k := t.ChunkOf(at)
	c := t.chunks[k]
	n, i := c.find(at - t.starts[k])
	b := e.builder.Replace(c.Blocks[n], i, ed.Record, ed.Encoded, ed.Source)
	return t.withChunk(k, c.withBlock(n, b)), true
}

// mostReplaced is how many records of a block are replaced one after the other:
// of more, a block made anew takes less.
const mostReplaced = 4

// replaceSome gives the block with edits made, where all of them replace a
// record: the new block shares nearly all of the old one, which generations that
// are kept still hold.
func (e *Editor) replaceSome(b *block.Block, edits []Edit) (next *block.Block, ok bool) {
	var places [mostReplaced]int
	if len(edits) > mostReplaced {
		return nil, false
	}
	for k := range edits {
		i, found := b.Search(e.layout, edits[k].Name)
		if !found || edits[k].Remove {
			return nil, false
		}
		places[k] = i
	}
	for k := range edits {
		b = e.builder.Replace(b, places[k], edits[k].Record, edits[k].Encoded, edits[k].Source)
	}
	return b, true
}

// place appends the blocks of an edited chunk as chunks; a small rest joins
// the chunk before it.
func (e *Editor) place(chunks []*Chunk, blocks []*block.Block) []*Chunk {
	if last := len(chunks) - 1; last >= 0 && len(blocks) < minChunk &&
		len(blocks)+len(chunks[last].Blocks) <= joinChunk {
		if len(blocks) == 0 {
			return chunks
		}
		all := chunks[last].Blocks
		blocks = append(all[:len(all):len(all)], blocks...)
		chunks = chunks[:last]
	}
	if len(blocks) > 0 && len(blocks) <= maxChunk {
		return append(chunks, newChunk(e.layout, blocks))
	}
	return cut(e.layout, chunks, blocks)
}

// editChunk gives the blocks of a chunk with the edits made.
func (e *Editor) editChunk(c *Chunk, edits []Edit) (out []*block.Block) {
	out = make([]*block.Block, 0, len(c.Blocks)+2)
	from := 0
	for len(edits) > 0 {
		k := max(from, c.blockFor(e.layout, edits[0].Name))
		n := len(edits)
		if k+1 < len(c.Blocks) {
			next := c.Blocks[k+1].Name(e.layout, 0)
			n = sort.Search(n, func(i int) bool { return edits[i].Name >= string(next) })
		}
		out = append(out, c.Blocks[from:k]...)
		if b, ok := e.replaceSome(c.Blocks[k], edits[:n]); ok {
			out = append(out, b)
		} else {
			out = e.blocks(out, c.Blocks[k], edits[:n])
		}
		from, edits = k+1, edits[n:]
		e.joinLast(&out)
		if last := len(out) - 1; last >= 0 && from < len(c.Blocks) &&
			out[last].Len() < minBlock && out[last].Len()+c.Blocks[from].Len() <= joinBlock &&
			(len(edits) == 0 || c.blockFor(e.layout, edits[0].Name) > from) {
			out[last] = e.join(out[last], c.Blocks[from])
			from++
		}
	}
	return append(out, c.Blocks[from:]...)
}

// joinLast joins the last two blocks when the last one is small.
func (e *Editor) joinLast(blocks *[]*block.Block) {
	out := *blocks
	last := len(out) - 1
	if last < 1 || out[last].Len() >= minBlock || out[last-1].Len()+out[last].Len() > joinBlock {
		return
	}
	out[last-1] = e.join(out[last-1], out[last])
	*blocks = out[:last]
}

func (e *Editor) join(a, b *block.Block) *block.Block {
	e.builder.Copy(a, 0, a.Len())
	e.builder.Copy(b, 0, b.Len())
	return e.builder.Build()
}

// step is a run of records i..j of the old block, or one edit.
type step struct {
	i, j int
	edit *Edit
}

// blocks appends the records of old, which may be nil, with the edits made, as
// one block or, when there are too many records, as several of equal length.
func (e *Editor) blocks(out []*block.Block, old *block.Block, edits []Edit) []*block.Block {
	steps, total := e.plan(old, edits)
	parts := 1
	if total > maxBlock || old == nil {
		parts = (total + block.Size - 1) / block.Size
	}
	if total == 0 {
		return out
	}
	size := block.Size // exact where there was nothing before
	if old != nil {
		size = (total + parts - 1) / parts
		if parts == 1 {
			e.builder.Change(old)
		}
	}
	for _, s := range steps {
		if s.edit != nil {
			e.builder.Add(s.edit.Record, s.edit.Encoded, s.edit.Source)
			out = e.flush(out, size)
			continue
		}
		for s.i < s.j {
			n := min(s.j-s.i, size-e.builder.Len())
			e.builder.Copy(old, s.i, s.i+n)
			s.i += n
			out = e.flush(out, size)
		}
	}
	return e.flush(out, 1)
}

// flush builds a block when the builder holds at least size records.
func (e *Editor) flush(out []*block.Block, size int) []*block.Block {
	if e.builder.Len() == 0 || e.builder.Len() < size {
		return out
	}
	return append(out, e.builder.Build())
}

// plan gives what the new records are made of, in order, and their number.
func (e *Editor) plan(old *block.Block, edits []Edit) (steps []step, total int) {
	from := 0
	run := func(to int) {
		if from < to {
			steps, total = append(steps, step{i: from, j: to}), total+to-from
		}
	}
	for k := range edits {
		ed := &edits[k]
		at, found := from, false
		if old != nil {
			at, found = old.Search(e.layout, ed.Name)
		}
		run(at)
		from = at
		if found {
			from++
		}
		if !ed.Remove {
			steps, total = append(steps, step{edit: ed}), total+1
		}
	}
	if old != nil {
		run(old.Len())
	}
	return steps, total
}
