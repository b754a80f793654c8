package couchfake

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

const (
	packFrom   = 128      // least size in bytes that is worth packing
	dictBytes  = 64 << 10 // size of a database's dictionary
	dictPerDoc = 8 << 10  // how much of it one document may fill
)

// codec says how the documents of one database are held: packed with zstd, or
// plain, for benchmarks of readers. Documents of a database resemble each
// other, so the beginnings of the first ones become the dictionary for the
// rest: request documents shrink to a tenth. Until it is there, documents are
// held plain. Safe for concurrent use.
type codec struct {
	plain bool
	ready atomic.Pointer[packer]

	mu     sync.Mutex
	sample []byte
}

// packer packs and unpacks with one dictionary.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// pack gives what to hold in place of b, and what unpacks it; nil if it is
// held plain.
func (c *codec) pack(b []byte) ([]byte, *packer, error) {
	if c.plain || len(b) < packFrom {
		return b, nil, nil
	}
	p := c.ready.Load()
	if p == nil {
		return b, nil, c.learn(b)
	}
	packed := p.enc.EncodeAll(b, nil)
	return append(make([]byte, 0, len(packed)), packed...), p, nil
}

// learn adds to the dictionary and makes the packer when it is full.
func (c *codec) learn(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready.Load() != nil {
		return nil
	}
	c.sample = append(c.sample, b[:min(len(b), dictPerDoc)]...)
	if len(c.sample) < dictBytes {
		return nil
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderDictRaw(1, c.sample), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return fmt.Errorf("packer of documents: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(1, c.sample))
	if err != nil {
		return fmt.Errorf("unpacker of documents: %w", err)
	}
	c.sample = nil
	c.ready.Store(&packer{enc, dec})
	return nil
}

// appendUnpacked appends what pack was given.
func (p *packer) appendUnpacked(dst, packed []byte) ([]byte, error) {
	if p == nil {
		return append(dst, packed...), nil
	}
	return p.dec.DecodeAll(packed, dst)
}
