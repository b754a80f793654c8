package table

import (
	"slices"
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Pane is one column of a chunk, unpacked: what a scan runs over. It is made
// when first asked for and kept with the chunk, so a scan of a new generation
// unpacks only the chunks that changed.
type Pane struct {
	Ints   []int64   // Int, Bool
	Floats []float64 // Float
	Codes  []uint32  // Code: one for each record; Codes: those of all records
	Ends   []uint32  // Codes: where the codes of each record end
	Empty  int       // Codes: records with an empty list
}

type pane struct{ p atomic.Pointer[Pane] }

// Pane gives a column of the chunk, which must not be a text column. Two
// callers at once may both make it; one of the two, equal, is kept. A retired
// chunk keeps none.
func (c *Chunk) Pane(l *block.Layout, column int) *Pane {
	panes := c.panes.Load()
	if panes == nil {
		if c.retired.Load() {
			return c.unpack(&l.Columns[column])
		}
		all := make([]pane, len(l.Columns))
		if !c.panes.CompareAndSwap(nil, &all) {
			return c.Pane(l, column)
		}
		panes = &all
	}
	kept := &(*panes)[column].p
	p := kept.Load()
	if p == nil {
		p = c.unpack(&l.Columns[column])
		if !kept.CompareAndSwap(nil, p) {
			p = kept.Load()
		}
	}
	if c.retired.Load() { // perhaps in between
		c.panes.Store(nil)
	}
	return p
}

// Retire says that no later table has the chunk: its columns are let go, and
// unpacked for each who asks from now on.
func (c *Chunk) Retire() {
	c.retired.Store(true)
	c.panes.Store(nil)
}

func (c *Chunk) unpack(col *block.Column) *Pane {
	p := &Pane{}
	switch n := c.Len(); col.Kind {
	case block.Int, block.Bool:
		p.Ints = make([]int64, 0, n)
	case block.Float:
		p.Floats = make([]float64, 0, n)
	case block.Code:
		p.Codes = make([]uint32, 0, n)
	case block.Codes:
		p.Ends = make([]uint32, 0, n)
	}
	for _, b := range c.Blocks {
		switch col.Kind {
		case block.Int, block.Bool:
			p.Ints = b.AppendInts(p.Ints, col)
		case block.Float:
			p.Floats = b.AppendFloats(p.Floats, col)
		case block.Code:
			p.Codes = b.AppendCodes(p.Codes, col)
		case block.Codes:
			p.Codes, p.Ends = b.AppendLists(p.Codes, p.Ends, col)
		}
	}
	for i := range p.Ends {
		if len(p.List(i)) == 0 {
			p.Empty++
		}
	}
	if col.Kind == block.Codes { // it grew as it went
		p.Codes = slices.Clone(p.Codes)
	}
	return p
}

// List gives the codes of record i of a Codes column.
func (p *Pane) List(i int) []uint32 {
	if i == 0 {
		return p.Codes[:p.Ends[0]]
	}
	return p.Codes[p.Ends[i-1]:p.Ends[i]]
}
