package couchfake

import (
	"slices"

	"github.com/klauspost/compress/s2"
)

// packFrom is the least size in bytes that is worth packing.
const packFrom = 128

// codec says how document bytes are held: packed with s2 (about a fifth of the
// size for request documents), or plain, for benchmarks of readers.
type codec struct{ plain bool }

func (c codec) pack(b []byte) []byte {
	if c.plain || len(b) < packFrom {
		return slices.Clone(b)
	}
	return slices.Clone(s2.EncodeBetter(nil, b))
}

// appendUnpacked appends the size bytes that pack was given.
func (c codec) appendUnpacked(dst, packed []byte, size int) ([]byte, error) {
	if c.plain || size < packFrom {
		return append(dst, packed...), nil
	}
	n := len(dst)
	dst = slices.Grow(dst, size)
	out, err := s2.Decode(dst[n:n+size], packed)
	if err != nil {
		return dst, err
	}
	return dst[:n+len(out)], nil
}
