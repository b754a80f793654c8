package couchfake

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

const (
	packFrom   = 128      // minimum size in bytes that is worth packing
	dictBytes  = 64 << 10 // size of a database's dictionary, the maximum of s2
	dictPerDoc = 8 << 10  // how much of it one document may fill
)

// codec says how the documents of one database are stored: packed with s2, or
// plain, for benchmarks of readers. Documents of a database resemble each
// other, so the beginnings of the first ones become the dictionary for the
// rest: request documents shrink to an eighth, those of agents to a fifth. That
// is a quarter more than zstd needs with the same dictionary, at a quarter of
// the time for packing and half of it for unpacking, which readers wait for.
// Until the dictionary is complete, documents are stored plain. A codec is safe
// for concurrent use.
type codec struct {
	plain bool
	ready atomic.Pointer[packer]

	mu     sync.Mutex
	sample []byte
}

// packer packs and unpacks with one dictionary.
type packer struct {
	dict    *s2.Dict
	scratch sync.Pool // of *[]byte, to pack into
}

// pack returns a packed copy of b that holds no more memory than it needs.
func (p *packer) pack(b []byte) []byte {
	buf, _ := p.scratch.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	if most := s2.MaxEncodedLen(len(b)); cap(*buf) < most {
		*buf = make([]byte, most)
	}
	packed := slices.Clone(p.dict.Encode((*buf)[:cap(*buf)], b))
	p.scratch.Put(buf)
	return packed
}

// pack returns the bytes to store instead of b, and what unpacks them; nil if
// they are stored plain.
func (c *codec) pack(b []byte) ([]byte, *packer) {
	if c.plain || len(b) < packFrom {
		return b, nil
	}
	p := c.ready.Load()
	if p == nil {
		c.learn(b)
		return b, nil
	}
	return p.pack(b), p
}

// learn adds to the dictionary and creates the packer when the dictionary is
// full.
func (c *codec) learn(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready.Load() != nil {
		return
	}
	c.sample = append(c.sample, b[:min(len(b), dictPerDoc)]...)
	if len(c.sample) < dictBytes {
		return
	}
	if dict := s2.MakeDict(c.sample[:dictBytes], nil); dict != nil {
		c.ready.Store(&packer{dict: dict})
	}
	c.sample = nil
}

// appendUnpacked appends the bytes that pack was called with.
func (p *packer) appendUnpacked(dst, packed []byte) ([]byte, error) {
	if p == nil {
		return append(dst, packed...), nil
	}
	size, err := s2.DecodedLen(packed)
	if err != nil {
		return dst, fmt.Errorf("length of a packed document: %w", err)
	}
	end := len(dst) + size
	dst = slices.Grow(dst, size)
	if _, err := p.dict.Decode(dst[len(dst):end:end], packed); err != nil {
		return dst, fmt.Errorf("packed document: %w", err)
	}
	return dst[:end], nil
}
