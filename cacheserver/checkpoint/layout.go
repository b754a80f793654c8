package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	magicStart = "WMSTATcp"
	magicEnd   = "cpWMSTAT"

	headLength = len(magicStart) + 4 + 4         // magic, format, length of the header
	footLength = 8 + 4 + 8 + 8 + len(magicEnd)   // offset, length and hash of the table, hash of these, magic
	maxHeader  = 64 << 10                        // bytes
	maxTable   = 64 << 20                        // bytes
	maxPacked  = MaxFrame + MaxFrame/64 + 64<<10 // a frame that compression does not shorten
)

// header is the Header in a file, as JSON.
type header struct {
	Header
	Written int64 // Unix ns
}

// table lists the sections in the order of the file, as JSON.
type table struct{ Sections []entry }

type entry struct {
	Name   string
	Frames []frame
}

// frame is packed length, length, and hash of the packed bytes.
type frame [3]uint64

func (f frame) packed() int64 { return int64(f[0]) }
func (f frame) raw() int64    { return int64(f[1]) }
func (f frame) hash() uint64  { return f[2] }

// appendHeader appends the start of a file.
func appendHeader(dst []byte, h Header, written time.Time) ([]byte, error) {
	encoded, err := json.Marshal(header{h, written.UnixNano()})
	if err != nil {
		return nil, fmt.Errorf("encode the header: %w", err)
	}
	if len(encoded) > maxHeader {
		return nil, fmt.Errorf("header of %d bytes: at most %d", len(encoded), maxHeader)
	}
	dst = append(dst, magicStart...)
	dst = binary.LittleEndian.AppendUint32(dst, Format)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(encoded)))
	dst = append(dst, encoded...)
	return binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(dst)), nil
}

// readHeader reads the start of a file of size bytes and returns where it
// ends.
func readHeader(r io.ReaderAt, size int64) (h header, end int64, err error) {
	if size < int64(headLength+8+footLength) {
		return h, 0, broken("%d bytes are too few for a checkpoint", size)
	}
	head := make([]byte, headLength)
	if err := readAt(r, head, 0); err != nil {
		return h, 0, err
	}
	if string(head[:len(magicStart)]) != magicStart {
		return h, 0, broken("it is not a checkpoint")
	}
	if v := binary.LittleEndian.Uint32(head[len(magicStart):]); v != Format {
		return h, 0, foreign("it has format %d, this program reads %d", v, Format)
	}
	length := binary.LittleEndian.Uint32(head[len(magicStart)+4:])
	end = int64(headLength) + int64(length) + 8
	if length > maxHeader || end > size-int64(footLength) {
		return h, 0, broken("its header can't have %d bytes", length)
	}
	all := make([]byte, end)
	if err := readAt(r, all, 0); err != nil {
		return h, 0, err
	}
	if xxhash.Sum64(all[:end-8]) != binary.LittleEndian.Uint64(all[end-8:]) {
		return h, 0, broken("the hash of its header is wrong")
	}
	if err := json.Unmarshal(all[headLength:end-8], &h); err != nil {
		return h, 0, broken("its header is invalid")
	}
	return h, end, nil
}

// appendTable appends the end of the file after the last frame, which ends at
// at.
func appendTable(dst []byte, t table, at int64) ([]byte, error) {
	encoded, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode the table: %w", err)
	}
	if len(encoded) > maxTable {
		return nil, fmt.Errorf("table of %d bytes: at most %d", len(encoded), maxTable)
	}
	return append(dst, endOf(encoded, at)...), nil
}

// endOf returns the table, which starts at at, and its locator.
func endOf(encoded []byte, at int64) []byte {
	foot := binary.LittleEndian.AppendUint64(nil, uint64(at))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(encoded)))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(encoded))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))
	return slices.Concat(encoded, foot, []byte(magicEnd))
}

// readTable reads the end of a file whose frames begin at start.
func readTable(r io.ReaderAt, start, size int64) (t table, err error) {
	foot := make([]byte, footLength)
	if err := readAt(r, foot, size-int64(footLength)); err != nil {
		return t, err
	}
	sum := footLength - len(magicEnd) - 8
	if string(foot[sum+8:]) != magicEnd {
		return t, broken("its end is missing")
	}
	if xxhash.Sum64(foot[:sum]) != binary.LittleEndian.Uint64(foot[sum:]) {
		return t, broken("the hash of its end is wrong")
	}
	at, length := binary.LittleEndian.Uint64(foot), binary.LittleEndian.Uint32(foot[8:])
	if length > maxTable || at < uint64(start) || at > uint64(size) || int64(at)+int64(length)+int64(footLength) != size {
		return t, broken("its table is not at the expected offset")
	}
	encoded := make([]byte, length)
	if err := readAt(r, encoded, int64(at)); err != nil {
		return t, err
	}
	if xxhash.Sum64(encoded) != binary.LittleEndian.Uint64(foot[12:]) {
		return t, broken("the hash of its table is wrong")
	}
	if err := json.Unmarshal(encoded, &t); err != nil {
		return t, broken("its table is invalid")
	}
	return t, t.check(start, int64(at))
}

// check compares the frames of all sections with the space that they must
// fill.
func (t *table) check(from, to int64) error {
	seen := map[string]bool{}
	for _, s := range t.Sections {
		if seen[s.Name] {
			return broken("it has section %q twice", s.Name)
		}
		seen[s.Name] = true
		for _, f := range s.Frames {
			if f[0] > maxPacked || f[1] > MaxFrame || f.packed() > to-from {
				return broken("a frame of section %q can't have %d bytes", s.Name, f[0])
			}
			from += f.packed()
		}
	}
	if from != to {
		return broken("%d bytes of it belong to no section", to-from)
	}
	return nil
}

func readAt(r io.ReaderAt, into []byte, at int64) error {
	n, err := r.ReadAt(into, at)
	if n == len(into) {
		return nil
	}
	if err == nil || err == io.EOF {
		return broken("it ends too early")
	}
	return fmt.Errorf("read the checkpoint: %w", err)
}
