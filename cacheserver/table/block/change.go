package block

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/dmwm/wmstats/schema"
)

// Nearly all changes of a store replace one record of a block by another one of
// the same name. Replace makes the new block with the old one's packed columns,
// the new record aside, and shares the bytes of the other records.

// patchStart is the first room for replaced records, in bytes.
const patchStart = 4096

// Replace gives old with record i replaced. The builder must be empty, and is
// empty again after.
func (b *Builder) Replace(old *Block, i int, w *schema.Workflow, encoded []byte, src Source) *Block {
	b.Add(w, encoded, src)
	out := &Block{
		hashes: slices.Clone(old.hashes),
	}
	copy(out.hashes[2*i:], b.hashes)
	b.replaceBytes(out, old, i, encoded)
	out.packed.Store(old.packed.Load().with(b.l, b.lateOf(i), b.untidy, old.Len()))
	if sameTexts(b.l, old, out, i) {
		out.signed.Store(old.signed.Load())
	}
	b.reset()
	return out
}

// sameTexts says that a search finds the same in record i of two blocks.
func sameTexts(l *Layout, a, b *Block, i int) bool {
	for _, k := range l.Searched {
		c := &l.Columns[k]
		if c.Kind == Text {
			if !bytes.Equal(a.Text(c, i), b.Text(c, i)) {
				return false
			}
			continue
		}
		if !bytes.Equal(listText(a.raw(c, i)), listText(b.raw(c, i))) {
			return false
		}
	}
	return true
}

// replaceBytes gives out the records of old but for record i.
func (b *Builder) replaceBytes(out, old *Block, i int, encoded []byte) {
	base := len(old.enc)
	unused, patched := base, len(encoded) // of the bytes in enc; live ones in the patch
	for k, end := range old.ends {
		switch start := old.start(k); {
		case k == i:
		case int(start) >= base:
			patched += int(end - start)
		default:
			unused -= int(end - start)
		}
	}
	limit := base / maxPatch
	if unused > base/maxDead || patched > limit {
		out.enc = make([]byte, 0, base-unused+patched)
		out.ends = make([]uint32, 0, len(old.ends))
		for k := range old.ends {
			if k == i {
				out.enc = append(out.enc, encoded...)
			} else {
				out.enc = append(out.enc, old.Record(k)...)
			}
			out.ends = append(out.ends, uint32(len(out.enc)))
		}
		return
	}
	out.enc, out.ends = old.enc, slices.Clone(old.ends)
	out.starts = make([]uint32, len(old.ends))
	for k := range out.starts {
		out.starts[k] = old.start(k)
	}
	out.patch, out.room = old.patch, old.room
	end := len(old.patch) + len(encoded)
	switch {
	case old.room != nil && end <= cap(old.patch) && old.room.CompareAndSwap(int64(len(old.patch)), int64(end)):
		out.patch = old.patch[:end] // nobody else writes behind what old has
		copy(out.patch[len(old.patch):], encoded)
	default:
		// What is out of use in the old patch is left behind.
		out.patch = make([]byte, 0, max(min(2*patched, limit), patched, min(patchStart, limit)))
		for k := range out.starts {
			if n := out.starts[k]; int(n) >= base && k != i {
				text := old.patch[int(n)-base : int(out.ends[k])-base]
				out.starts[k] = uint32(base + len(out.patch))
				out.patch = append(out.patch, text...)
				out.ends[k] = uint32(base + len(out.patch))
			}
		}
		out.patch = append(out.patch, encoded...)
		out.room = new(atomic.Int64)
		out.room.Store(int64(len(out.patch)))
	}
	out.starts[i], out.ends[i] = uint32(base+len(out.patch)-len(encoded)), uint32(base+len(out.patch))
}
