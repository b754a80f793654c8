package table

import (
	"sort"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Lengths of blocks after an edit, in records.
const (
	maxBlock = 2 * block.Size // a longer block is split
	minBlock = block.Size / 2 // a shorter block is merged with a neighbour
)

// Edit adds, replaces or removes one record of a table.
type Edit struct {
	Name    string
	Remove  bool
	Record  *schema.Workflow // with its encoded form, which is copied
	Encoded []byte
	Source  block.Source
}

// Editor computes new tables from others. It reuses working memory and is not
// safe for concurrent use.
type Editor struct {
	layout  *block.Layout
	builder *block.Builder
}

// NewEditor returns an Editor for tables of a layout.
func NewEditor(l *block.Layout) *Editor {
	return &Editor{layout: l, builder: block.NewBuilder(l)}
}

// Replace returns the table with the edits applied. They are in the order of
// their names, one per name.
func (e *Editor) Replace(t *Table, edits []Edit) *Table {
	if len(t.blocks) == 0 {
		added := 0
		for i := range edits {
			added += recordsOf(&edits[i])
		}
		return New(e.layout, e.rebuild(nil, edits, added))
	}
	var patches []patch
	done := 0 // number of finished blocks
	for len(edits) > 0 {
		from := t.blockFor(edits[0].Name)
		to, n, total := from, 0, 0
		// A block that gets too short is merged with the next one.
		for to == from || to < len(t.blocks) && total < minBlock {
			more := t.editsBefore(to+1, edits[n:])
			total += e.recordsWith(t.blocks[to], edits[n:n+more])
			n, to = n+more, to+1
		}
		if from > done && total < minBlock { // the last one is merged with the previous one
			from--
			total += t.blocks[from].Len()
		}
		patches = append(patches, patch{from, to, e.rebuild(t.blocks[from:to], edits[:n], total)})
		done, edits = to, edits[n:]
	}
	return t.with(patches)
}

// editsBefore returns how many of the edits come before block k.
func (t *Table) editsBefore(k int, edits []Edit) int {
	if k >= len(t.blocks) {
		return len(edits)
	}
	first := t.blocks[k].Name(t.Layout, 0)
	return sort.Search(len(edits), func(i int) bool { return edits[i].Name >= string(first) })
}

// recordsOf returns how many records an edit adds.
func recordsOf(ed *Edit) int {
	if ed.Remove {
		return 0
	}
	return 1
}

// recordsWith returns the number of records of a block after the edits.
func (e *Editor) recordsWith(b *block.Block, edits []Edit) int {
	n := b.Len()
	for i := range edits {
		n += recordsOf(&edits[i])
		if _, there := b.Search(e.layout, edits[i].Name); there {
			n--
		}
	}
	return n
}

// rebuild returns the blocks that replace old ones, of which there may be none;
// total is the number of their records.
func (e *Editor) rebuild(old []*block.Block, edits []Edit, total int) (out []*block.Block) {
	if len(old) == 1 && total == old[0].Len() {
		if b, ok := e.replaceSome(old[0], edits); ok {
			return append(out, b)
		}
	}
	size := block.Size // exact if there were no blocks before
	if len(old) > 0 {
		blocks := 1
		if total > maxBlock {
			blocks = (total + block.Size - 1) / block.Size
		}
		size = (total + blocks - 1) / blocks
	}
	flush := func(least int) {
		if e.builder.Len() >= least {
			out = append(out, e.builder.Build())
		}
	}
	keep := func(b *block.Block, i, j int) {
		for i < j {
			n := min(j-i, size-e.builder.Len())
			e.builder.Copy(b, i, i+n)
			flush(size)
			i += n
		}
	}
	add := func(ed *Edit) {
		if !ed.Remove {
			e.builder.Add(ed.Record, ed.Encoded, ed.Source)
			flush(size)
		}
	}
	for k, b := range old {
		n, i := len(edits), 0
		if k+1 < len(old) {
			next := old[k+1].Name(e.layout, 0)
			n = sort.Search(n, func(i int) bool { return edits[i].Name >= string(next) })
		}
		for k := range edits[:n] {
			at, there := b.Search(e.layout, edits[k].Name)
			keep(b, i, at)
			if i = at; there {
				i++
			}
			add(&edits[k])
		}
		keep(b, i, b.Len())
		edits = edits[n:]
	}
	for k := range edits { // no old blocks
		add(&edits[k])
	}
	flush(1)
	return out
}

// mostReplaced is how many records of a block are replaced one by one: for more,
// a new block takes less memory.
const mostReplaced = 4

// replaceSome returns the block with edits applied, if all of them replace a
// record: the new block shares nearly all of the old one, which kept generations
// still hold.
func (e *Editor) replaceSome(b *block.Block, edits []Edit) (next *block.Block, ok bool) {
	if len(edits) > mostReplaced {
		return nil, false
	}
	for k := range edits {
		i, found := b.Search(e.layout, edits[k].Name)
		if !found || edits[k].Remove {
			return nil, false
		}
		b = e.builder.Replace(b, i, edits[k].Record, edits[k].Encoded, edits[k].Source)
	}
	return b, true
}
