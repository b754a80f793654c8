package block

import (
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Source identifies the documents behind a record.
type Source struct {
	IDs     []byte // packed by the writer, not read here
	Version uint64 // hash of the content of all documents
}

// record is one record in memory of its own, shared by all blocks that have it.
// A block is a list of pointers to records: each kept generation has a copy of
// the list of each changed block, 8 bytes a record. Slices with the hashes
// besides them would take 32 bytes a record, another 1.2 KB for each change in a
// kept generation.
type record = *recordHeader

// recordHeader is followed, in the same allocation, by the encoded record and
// then by Source.IDs.
type recordHeader struct {
	hash    uint64 // of the encoded record
	version uint64 // Source.Version
	length  uint32 // of the encoded record
	ids     uint32 // length of Source.IDs
}

const headerBytes = int64(unsafe.Sizeof(recordHeader{}))

// newRecord copies encoded and src.
func newRecord(encoded []byte, src Source) record {
	// An allocation of this length is aligned for a uint64, and has no
	// pointers.
	memory := make([]byte, int(headerBytes)+len(encoded)+len(src.IDs))
	r := (record)(unsafe.Pointer(unsafe.SliceData(memory)))
	r.hash, r.version = xxhash.Sum64(encoded), src.Version
	r.length, r.ids = uint32(len(encoded)), uint32(len(src.IDs)) //nolint:gosec // documents are at most some MB
	copy(memory[headerBytes:], encoded)
	copy(memory[int(headerBytes)+len(encoded):], src.IDs)
	return r
}

// encoded returns the encoded record. It must not be changed.
func (r *recordHeader) encoded() []byte { return r.behind(0, r.length) }

func (r *recordHeader) source() Source {
	return Source{IDs: r.behind(r.length, r.ids), Version: r.version}
}

// behind returns n bytes after the header, starting at from.
func (r *recordHeader) behind(from, n uint32) []byte {
	if n == 0 { // the address may be after the allocation
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), headerBytes+int64(from))), n)
}
