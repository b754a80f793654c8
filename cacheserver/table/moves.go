package table

import (
	"math"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Gone marks a record of an older table whose block is not in the newer one.
const Gone = math.MaxUint32

// Moves tells where the records of an older table are in t: moved has the new
// place of each, or Gone; fresh are the places in t of records whose block is
// not in the older table, ascending.
func (t *Table) Moves(old *Table) (moved, fresh []uint32) {
	before := make(map[*Chunk]bool, len(old.chunks))
	for _, c := range old.chunks {
		before[c] = true
	}
	chunks := map[*Chunk]int{}
	blocks := map[*block.Block]int{} // of the chunks that the old table has not
	for k, c := range t.chunks {
		if before[c] {
			chunks[c] = t.starts[k]
			continue
		}
		for n, b := range c.Blocks {
			blocks[b] = t.starts[k] + c.Starts[n]
		}
	}
	moved = make([]uint32, old.Len())
	for k, c := range old.chunks {
		if to, ok := chunks[c]; ok {
			run(moved[old.starts[k]:old.starts[k+1]], to)
			continue
		}
		for n, b := range c.Blocks {
			from := old.starts[k] + c.Starts[n]
			to, ok := blocks[b]
			if !ok {
				to = Gone
			}
			delete(blocks, b)
			run(moved[from:from+b.Len()], to)
		}
	}
	for k, c := range t.chunks {
		if before[c] {
			continue
		}
		for n, b := range c.Blocks {
			if _, left := blocks[b]; left {
				for i := range b.Len() {
					fresh = append(fresh, uint32(t.starts[k]+c.Starts[n]+i))
				}
			}
		}
	}
	return moved, fresh
}

// run fills places with to, to+1, ... or with Gone.
func run(places []uint32, to int) {
	for i := range places {
		places[i] = uint32(to)
		if to != Gone {
			to++
		}
	}
}
