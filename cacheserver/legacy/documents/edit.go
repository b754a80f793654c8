package documents

import (
	"cmp"
	"maps"
	"slices"
)

// edit rebuilds the blocks with changed documents, and publishes the result. The
// lock is held, and a snapshot exists.
func (d *Documents) edit(edits map[string]*entry) {
	old := d.current.Load()
	d.drop(edits, old)
	if len(edits) == 0 {
		if d.bad.changed {
			d.publish(old.Blocks)
		}
		return
	}
	ids := slices.Sorted(maps.Keys(edits))
	codec := d.shared.codec
	text, room := codec.room(), codec.room()
	e := editor{d: d, old: old.Blocks, blocks: make([]*Block, 0, len(old.Blocks)+1), reader: codec.reader(), text: *text, room: *room}
	defer func() {
		*text, *room = e.text, e.room
		codec.rooms.Put(text)
		codec.rooms.Put(room)
		e.reader.Close()
	}()
	for at := 0; at < len(ids); {
		k := max(blockOf(e.old, ids[at]), 0)
		end := len(ids) // of the ids that belong to this block
		if k+1 < len(e.old) {
			end, _ = slices.BinarySearch(ids, e.old[k+1].ID(0))
		}
		if err := e.block(k, ids[at:end], edits); err != nil {
			d.lost(err)
			return
		}
		at = end
	}
	d.publish(append(e.blocks, e.old[e.next:]...))
}

// drop removes edits that change nothing.
func (d *Documents) drop(edits map[string]*entry, s *Snapshot) {
	for id, e := range edits {
		b, i, ok := s.Find(id)
		if e == nil && !ok || e != nil && ok && b.hashes[i] == e.hash {
			delete(edits, id)
		}
	}
}

// editor builds the blocks of the next snapshot.
type editor struct {
	d      *Documents
	old    []*Block
	next   int // index of the first block of old that is not yet in blocks
	blocks []*Block
	reader *Reader
	text   []byte
	room   []byte
}

// block rebuilds block k with the edits of some ids. Without any block, it builds
// the first one.
func (e *editor) block(k int, ids []string, edits map[string]*entry) error {
	from, to := k, min(k+1, len(e.old))
	var list []entry
	if from < to {
		if err := e.reader.Open(e.old[k]); err != nil {
			return err
		}
		list = e.reader.entries(list)
	}
	list = merged(list, ids, edits)
	if len(list) < blockSize/4 && to < len(e.old) && e.old[to].Len() <= blockSize && !e.holds(to, ids, edits) {
		// Too few documents are left: merge with the next block.
		next := e.reader.codec.reader()
		defer next.Close()
		if err := next.Open(e.old[to]); err != nil {
			return err
		}
		list = next.entries(list)
		to++
	}
	e.blocks = append(e.blocks, e.old[e.next:from]...)
	e.next = to
	for _, part := range parts(list) {
		e.d.serial++
		e.text = textOf(part, e.text)
		var b *Block
		var err error
		if b, e.room, err = e.d.shared.codec.pack(e.d.serial, part, e.text, e.room); err != nil {
			return err
		}
		e.blocks = append(e.blocks, b)
	}
	return nil
}

// holds reports whether any edit besides those of ids belongs to block k. Then that
// block is rebuilt separately.
func (e *editor) holds(k int, ids []string, edits map[string]*entry) bool {
	if len(ids) == len(edits) {
		return false
	}
	first, last := e.old[k].ID(0), ""
	if k+1 < len(e.old) {
		last = e.old[k+1].ID(0)
	}
	for id := range edits {
		if id >= first && (last == "" || id < last) {
			return true
		}
	}
	return false
}

// merged applies the edits of some sorted ids to a sorted list.
func merged(list []entry, ids []string, edits map[string]*entry) []entry {
	for _, id := range ids {
		at, found := slices.BinarySearchFunc(list, id, func(e entry, id string) int { return cmp.Compare(e.id, id) })
		edit := edits[id]
		switch {
		case edit == nil && found:
			list = slices.Delete(list, at, at+1)
		case edit == nil:
		case found:
			list[at] = *edit
		default:
			list = slices.Insert(list, at, *edit)
		}
	}
	return list
}

// parts splits the entries of a block that is too long.
func parts(list []entry) (out [][]entry) {
	if len(list) == 0 {
		return nil
	}
	bytes := 0
	for i := range list {
		bytes += len(list[i].text)
	}
	if len(list) <= 2*blockSize && bytes <= 2*blockText {
		return [][]entry{list}
	}
	from, size := 0, 0
	for i := range list {
		if i > from && (i-from >= blockSize || size+len(list[i].text) > blockText) {
			out, from, size = append(out, list[from:i]), i, 0
		}
		size += len(list[i].text)
	}
	return append(out, list[from:])
}
