package documents

import (
	"fmt"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Bounds of a block. One that changes may grow to twice as much before it is
// split, and one of less than a quarter takes its neighbour in.
const (
	blockSize = 64        // documents
	blockText = 512 << 10 // bytes of their texts
)

// Block is some documents, in the order of their ids, packed together. It is
// immutable and shared between snapshots.
type Block struct {
	serial uint64 // no other block ever has it
	ids    string
	idEnds []uint32
	ends   []uint32 // of the documents in the text
	hashes []uint64
	marks  []Mark
	packed []byte
}

// Mark is what is known of a document without unpacking it.
type Mark struct {
	Status uint8 // index in Options.Statuses
	Type   uint8 // see Snapshot.Type
	Flags  uint8
}

// Flags of a Mark: the property of that name is the text of the top level, and
// nothing of a step.
const (
	PlainStatus = 1 << iota
	PlainType
	PlainName // RequestName, and it is the id
)

// Len is the number of documents.
func (b *Block) Len() int { return len(b.ends) }

// Serial names the block: what was made of it is good for as long as it is there.
func (b *Block) Serial() uint64 { return b.serial }

// ID is the id of document i.
func (b *Block) ID(i int) string {
	from := uint32(0)
	if i > 0 {
		from = b.idEnds[i-1]
	}
	return b.ids[from:b.idEnds[i]]
}

// Mark is what is known of document i.
func (b *Block) Mark(i int) Mark { return b.marks[i] }

// TextBytes is the length of document i, in bytes.
func (b *Block) TextBytes(i int) int64 {
	from := uint32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return int64(b.ends[i] - from)
}

// search finds the place of an id, or where it would be.
func (b *Block) search(id string) (at int, found bool) {
	return sort.Find(b.Len(), func(i int) int { return strings.Compare(id, b.ID(i)) })
}

// bytes is the memory that the block takes.
func (b *Block) bytes() int64 {
	const head, perDocument = 160, 4 + 4 + 8 + 3
	return head + int64(len(b.ids)+len(b.packed)) + perDocument*int64(b.Len())
}

// entry is one document outside of a block. Its text may be in memory that is
// used again.
type entry struct {
	id   string
	hash uint64
	mark Mark
	text []byte
}

// codec packs and unpacks. It is safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// newEncoder makes what packs with n goroutines at once: each has some MB.
func newEncoder(level zstd.EncoderLevel, n int) (*zstd.Encoder, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(n), zstd.WithWindowSize(blockText), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("set up the packing of documents: %w", err)
	}
	return enc, nil
}

func newCodec() (codec, error) {
	enc, err := newEncoder(zstd.SpeedDefault, 1)
	if err != nil {
		return codec{}, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
	if err != nil {
		return codec{}, fmt.Errorf("set up the unpacking of documents: %w", err)
	}
	return codec{enc, dec}, nil
}

// pack makes a block of entries, which are in the order of their ids.
func (c codec) pack(serial uint64, entries []entry, room []byte) (b *Block, text []byte) {
	return pack(c.enc, serial, entries, room)
}

func pack(enc *zstd.Encoder, serial uint64, entries []entry, room []byte) (b *Block, text []byte) {
	b = &Block{
		serial: serial, idEnds: make([]uint32, len(entries)), ends: make([]uint32, len(entries)),
		hashes: make([]uint64, len(entries)), marks: make([]Mark, len(entries)),
	}
	text = room[:0]
	var ids strings.Builder
	for i := range entries {
		e := &entries[i]
		ids.WriteString(e.id)
		text = append(text, e.text...)
		b.idEnds[i], b.ends[i], b.hashes[i], b.marks[i] = uint32(ids.Len()), uint32(len(text)), e.hash, e.mark //nolint:gosec // documents of a block are far below 4 GiB
	}
	b.ids = strings.Clone(ids.String())
	packed := enc.EncodeAll(text, nil)
	b.packed = append(make([]byte, 0, len(packed)), packed...) // no more than it takes
	return b, text
}

// Reader unpacks blocks, one after another in the same memory. It is not safe
// for concurrent use.
type Reader struct {
	dec  *zstd.Decoder
	text []byte
	of   *Block
}

// Open unpacks a block, unless it is the one that is open.
func (r *Reader) Open(b *Block) error {
	if r.of == b {
		return nil
	}
	r.of = nil
	text, err := r.dec.DecodeAll(b.packed, r.text[:0])
	if err != nil {
		return fmt.Errorf("unpack request documents: %w", err)
	}
	if len(b.ends) == 0 || len(text) != int(b.ends[len(b.ends)-1]) {
		return fmt.Errorf("unpack request documents: %d bytes came, want those of %d documents", len(text), len(b.ends))
	}
	r.text, r.of = text, b
	return nil
}

// Document is the text of document i of the open block. It is valid until
// another block is opened, and must not be changed.
func (r *Reader) Document(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = r.of.ends[i-1]
	}
	return r.text[from:r.of.ends[i]:r.of.ends[i]]
}

// entries appends the documents of the open block.
func (r *Reader) entries(to []entry) []entry {
	for i := range r.of.Len() {
		to = append(to, entry{r.of.ID(i), r.of.hashes[i], r.of.marks[i], r.Document(i)})
	}
	return to
}
