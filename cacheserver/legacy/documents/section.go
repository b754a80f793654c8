package documents

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
)

// savedVersion is the format version of the section.
const savedVersion = 1

// frameBytes is the approximate length of a frame.
const frameBytes = 256 << 10

// Section returns the part of a checkpoint that contains the documents. If a
// checkpoint lacks it, or was written before all documents were read, Documents
// remains empty, and a full read is needed.
func (d *Documents) Section() checkpoint.Section {
	return checkpoint.Section{Name: "documents", Optional: true, Capture: d.capture, Restore: d.restore}
}

func (d *Documents) capture() (checkpoint.Write, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.current.Load()
	alone := make([]string, 0, len(d.alone))
	for id := range d.alone {
		alone = append(alone, id)
	}
	return func(put func([]byte) error) error {
		if s == nil {
			return put(binary.AppendUvarint(binary.AppendUvarint(nil, savedVersion), 0))
		}
		return s.write(alone, put)
	}, nil
}

// write writes a snapshot: a head, the unusable documents, and the blocks as they
// are in memory.
func (s *Snapshot) write(alone []string, put func([]byte) error) error {
	dst := binary.AppendUvarint(binary.AppendUvarint(nil, savedVersion), 1)
	s.shared.mu.RLock()
	types := slices.Clone(s.shared.types)
	s.shared.mu.RUnlock()
	for _, list := range [][]string{s.shared.statuses, types, alone} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, text := range list {
			dst = checkpoint.AppendText(dst, text)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Blocks)))
	dst = binary.AppendUvarint(dst, uint64(len(s.unusable)))
	if err := put(dst); err != nil {
		return err
	}
	for _, u := range s.unusable {
		flags := byte(0)
		if u.Whole {
			flags |= 1
		}
		if u.Known {
			flags |= 2
		}
		dst = checkpoint.AppendText(append(dst[:0], 'u', flags), u.ID)
		if err := put(checkpoint.AppendText(dst, u.Doc)); err != nil {
			return err
		}
	}
	dst = dst[:0]
	for i, b := range s.Blocks {
		if len(dst) == 0 {
			dst = append(dst, 'b')
		}
		dst = b.appendTo(binary.AppendUvarint(dst, uint64(i)))
		if len(dst) > frameBytes {
			if err := put(dst); err != nil {
				return err
			}
			dst = dst[:0]
		}
	}
	if len(dst) > 0 {
		return put(dst)
	}
	return nil
}

func (b *Block) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.Len()))
	dst = checkpoint.AppendText(dst, b.ids)
	for i := range b.Len() {
		dst = binary.AppendUvarint(dst, uint64(b.idEnds[i]))
		dst = binary.AppendUvarint(dst, uint64(b.ends[i]))
		dst = binary.LittleEndian.AppendUint64(dst, b.hashes[i])
		dst = append(dst, b.marks[i].Status, b.marks[i].Type, b.marks[i].Flags)
	}
	return checkpoint.AppendText(dst, b.packed)
}

// restored is the content of a section.
type restored struct {
	types, alone []string
	blocks       []*Block
	unusable     []Unusable
}

// restore reads the section. It changes nothing until commit.
func (d *Documents) restore(frames *checkpoint.Frames) (commit func(), err error) {
	head, err := frames.One(0)
	if err != nil {
		return nil, err
	}
	c := checkpoint.NewCursor(head)
	if v := c.Uint(); v != savedVersion {
		return func() {}, nil // another version: as if there were none
	}
	if c.Uint() == 0 {
		return func() {}, c.Err()
	}
	var r restored
	var statuses []string
	for _, list := range []*[]string{&statuses, &r.types, &r.alone} {
		*list = make([]string, c.Count(1))
		for i := range *list {
			(*list)[i] = c.Text()
		}
	}
	blocks := c.Uint()
	unusable := c.Uint()
	switch {
	case c.Err() != nil:
		return nil, c.Err()
	case !slices.Equal(statuses, d.shared.statuses) || len(r.types) > otherType:
		return func() {}, nil
	case blocks > uint64(frames.Len())*frameBytes || unusable > uint64(frames.Len()):
		return nil, checkpoint.Broken("more blocks of request documents than the file can contain")
	}
	r.blocks, r.unusable = make([]*Block, blocks), make([]Unusable, 0, unusable)
	for i := 1; i < frames.Len(); i++ {
		data, err := frames.One(i)
		if err == nil {
			err = d.frame(&r, data)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := r.check(len(d.shared.statuses)); err != nil {
		return nil, err
	}
	return func() { d.resume(r) }, nil
}

func (d *Documents) frame(r *restored, data []byte) error {
	if len(data) == 0 {
		return checkpoint.Broken("a frame is empty")
	}
	c := checkpoint.NewCursor(data[1:])
	switch data[0] {
	case 'u':
		flags := c.Bytes(1)
		u := Unusable{ID: c.Text(), Doc: slices.Clone(c.Bytes(c.Count(1)))}
		if flags != nil {
			u.Whole, u.Known = flags[0]&1 != 0, flags[0]&2 != 0
		}
		r.unusable = append(r.unusable, u)
	case 'b':
		for c.Len() > 0 {
			place := c.Uint()
			b := readBlock(c)
			if c.Err() != nil || place >= uint64(len(r.blocks)) || r.blocks[place] != nil {
				return checkpoint.Broken("a block of request documents is invalid or duplicated")
			}
			r.blocks[place] = b
		}
	default:
		return checkpoint.Broken("a frame has the unknown kind %q", data[0])
	}
	return c.Err()
}

func readBlock(c *checkpoint.Cursor) *Block {
	const least = 1 + 1 + 8 + 3 // bytes of a document
	n := c.Count(least)
	b := &Block{ids: c.Text(), idEnds: make([]uint32, n), ends: make([]uint32, n), hashes: make([]uint64, n), marks: make([]Mark, n)}
	for i := range n {
		b.idEnds[i], b.ends[i], b.hashes[i] = uint32(c.Uint()), uint32(c.Uint()), c.Uint64() //nolint:gosec // check validates them
		if m := c.Bytes(3); m != nil {
			b.marks[i] = Mark{m[0], m[1], m[2]}
		}
	}
	b.packed = slices.Clone(c.Bytes(c.Count(1)))
	return b
}

// check validates what searching and reading blocks depend on. The hashes of the
// file protect the rest.
func (r *restored) check(statuses int) error {
	last := ""
	for n, b := range r.blocks {
		if b == nil || b.Len() == 0 || int(b.idEnds[b.Len()-1]) != len(b.ids) {
			return checkpoint.Broken("request documents are missing")
		}
		for i := range b.Len() {
			if i > 0 && (b.idEnds[i] < b.idEnds[i-1] || b.ends[i] < b.ends[i-1]) || int(b.idEnds[i]) > len(b.ids) || int(b.marks[i].Status) >= statuses {
				return checkpoint.Broken("a block of request documents is inconsistent")
			}
		}
		for i := range b.Len() {
			if id := b.ID(i); id <= last && (n > 0 || i > 0) {
				return checkpoint.Broken("request documents are not sorted")
			}
			last = b.ID(i)
		}
	}
	return nil
}

// resume publishes restored documents, unless a full read has already.
func (d *Documents) resume(r restored) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gather == nil {
		return
	}
	d.shared.mu.Lock()
	d.shared.types = r.types
	d.shared.mu.Unlock()
	for _, b := range r.blocks {
		d.serial++
		b.serial = d.serial
	}
	for _, id := range r.alone {
		d.alone[strings.Clone(id)] = d.epoch
	}
	for _, u := range r.unusable {
		d.bad.add(u, d.epoch)
	}
	d.gather = nil
	d.publish(r.blocks)
}
