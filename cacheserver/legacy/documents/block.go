package documents

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Limits of a block. A block that changes may grow to twice its limit before it is
// split. A block below a quarter of its limit is merged with the next one.
const (
	blockSize = 48        // documents
	blockText = 512 << 10 // bytes of text
)

// packLevel of zstd. Of 4 000 documents, in blocks of 64 it takes 576 bytes each,
// and the default level 649, for a sixth more time of a read; with 48 a block it
// takes 593, and a change costs less than with 64 at the default level.
const packLevel = zstd.SpeedBetterCompression

// Block holds documents in the order of their ids, compressed together. It is
// immutable and shared by snapshots.
type Block struct {
	serial uint64 // unique among all blocks
	ids    string
	idEnds []uint32
	ends   []uint32 // end of each document in the text
	hashes []uint64
	marks  []Mark
	packed []byte
}

// Mark holds facts about a document that need no decompression.
type Mark struct {
	Status uint8 // index in Options.Statuses
	Type   uint8 // see Snapshot.Type
	Flags  uint8
}

// Flags of a Mark. Plain: the property is a text at the top level, and no step has it.
const (
	PlainStatus = 1 << iota
	PlainType
	PlainName // RequestName, and it equals the id
	NoRecord  // no record could be built from the document
)

// Len returns the number of documents.
func (b *Block) Len() int { return len(b.ends) }

// Serial identifies the block. Results computed from it are valid as long as the
// block exists.
func (b *Block) Serial() uint64 { return b.serial }

// ID returns the id of document i.
func (b *Block) ID(i int) string {
	from := uint32(0)
	if i > 0 {
		from = b.idEnds[i-1]
	}
	return b.ids[from:b.idEnds[i]]
}

// Mark returns the mark of document i.
func (b *Block) Mark(i int) Mark { return b.marks[i] }

// TextBytes returns the length of document i in bytes.
func (b *Block) TextBytes(i int) int64 {
	from := uint32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return int64(b.ends[i] - from)
}

// search returns the position of an id, or where it would be inserted.
func (b *Block) search(id string) (at int, found bool) {
	return sort.Find(b.Len(), func(i int) int { return strings.Compare(id, b.ID(i)) })
}

// bytes returns the memory of the block.
func (b *Block) bytes() int64 {
	const head, perDocument = 160, 4 + 4 + 8 + 3
	return head + int64(len(b.ids)+len(b.packed)) + perDocument*int64(b.Len())
}

// entry is one document outside a block. Its text may be in a buffer that is
// reused.
type entry struct {
	id   string
	hash uint64
	mark Mark
	text []byte
}

// textOf joins the texts of entries.
func textOf(entries []entry, room []byte) []byte {
	room = room[:0]
	for i := range entries {
		room = append(room, entries[i].text...)
	}
	return room
}

// pack builds a block from entries that are sorted by id, and their joined texts.
// It compresses into room, and returns that for the next block.
func (c codec) pack(serial uint64, entries []entry, text, room []byte) (*Block, []byte, error) {
	b := &Block{
		serial: serial, idEnds: make([]uint32, len(entries)), ends: make([]uint32, len(entries)),
		hashes: make([]uint64, len(entries)), marks: make([]Mark, len(entries)),
	}
	var ids strings.Builder
	end := 0
	for i := range entries {
		e := &entries[i]
		ids.WriteString(e.id)
		end += len(e.text)
		b.idEnds[i], b.ends[i], b.hashes[i], b.marks[i] = uint32(ids.Len()), uint32(end), e.hash, e.mark //nolint:gosec // documents of a block are far below 4 GiB
	}
	b.ids = strings.Clone(ids.String())
	packed, err := c.encode(room[:0], text)
	b.packed = append(make([]byte, 0, len(packed)), packed...) // without spare capacity
	return b, packed, err
}

// Reader decompresses blocks, one at a time, into one buffer. It is not safe for
// concurrent use.
type Reader struct {
	codec codec
	room  *[]byte // of the text
	text  []byte
	of    *Block
}

func (c codec) reader() *Reader { return &Reader{codec: c, room: c.room()} }

// Close ends the use of the reader and of its documents. The next reader gets its
// memory.
func (r *Reader) Close() {
	if r.room != nil {
		*r.room = r.text[:0]
		r.codec.rooms.Put(r.room)
		r.room, r.text, r.of = nil, nil, nil
	}
}

// Open decompresses a block, unless it is open already.
func (r *Reader) Open(b *Block) error {
	if r.of == b {
		return nil
	}
	r.of = nil
	if r.text == nil && r.room != nil {
		r.text = *r.room
	}
	length := 0
	if len(b.ends) > 0 {
		length = int(b.ends[len(b.ends)-1])
	}
	text, err := r.codec.decode(slices.Grow(r.text[:0], length+decodeRoom), b.packed)
	if err != nil {
		return fmt.Errorf("decompress request documents: %w", err)
	}
	if len(b.ends) == 0 || len(text) != length {
		return fmt.Errorf("decompress request documents: got %d bytes for %d documents", len(text), len(b.ends))
	}
	r.text, r.of = text, b
	return nil
}

// Document returns document i of the open block. It is valid until another block
// is opened, and must not be changed.
func (r *Reader) Document(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = r.of.ends[i-1]
	}
	return r.text[from:r.of.ends[i]:r.of.ends[i]]
}

// entries appends the documents of the open block to a list.
func (r *Reader) entries(to []entry) []entry {
	for i := range r.of.Len() {
		to = append(to, entry{r.of.ID(i), r.of.hashes[i], r.of.marks[i], r.Document(i)})
	}
	return to
}
