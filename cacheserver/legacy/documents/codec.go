package documents

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// decodeRoom is the space that a decoder needs beyond the text.
const decodeRoom = 64

// codec compresses and decompresses. It is safe for concurrent use. Encoders,
// decoders and buffers need as much memory as some thousand documents: unused ones
// are left to the garbage collector.
type codec struct {
	encode func(to, text []byte) ([]byte, error)
	decode func(to, packed []byte) ([]byte, error)
	rooms  *sync.Pool // of *[]byte
}

// room returns a buffer, new or used before.
func (c codec) room() *[]byte {
	if room, ok := c.rooms.Get().(*[]byte); ok {
		return room
	}
	return new([]byte)
}

// newCodec returns the codec of blocks that stay.
func newCodec() (codec, error) {
	encoder := func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(packLevel), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockText), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	}
	decoder := func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	}
	_, err := encoder()
	_, err2 := decoder()
	if err := errors.Join(err, err2); err != nil {
		return codec{}, fmt.Errorf("set up the compression of documents: %w", err)
	}
	var encoders, decoders, rooms sync.Pool
	return codec{
		rooms: &rooms,
		encode: func(to, text []byte) ([]byte, error) {
			enc, ok := encoders.Get().(*zstd.Encoder)
			if !ok {
				var err error
				if enc, err = encoder(); err != nil {
					return nil, fmt.Errorf("set up an encoder: %w", err)
				}
			}
			defer encoders.Put(enc)
			return enc.EncodeAll(text, to), nil
		},
		decode: func(to, packed []byte) ([]byte, error) {
			dec, ok := decoders.Get().(*zstd.Decoder)
			if !ok {
				var err error
				if dec, err = decoder(); err != nil {
					return nil, fmt.Errorf("set up a decoder: %w", err)
				}
			}
			defer decoders.Put(dec)
			return dec.DecodeAll(packed, to)
		},
	}, nil
}

// quickCodec returns the codec of blocks that are compressed again within seconds.
func quickCodec() codec {
	return codec{
		rooms:  new(sync.Pool),
		encode: func(to, text []byte) ([]byte, error) { return s2.Encode(to[:cap(to)], text), nil },
		decode: func(to, packed []byte) ([]byte, error) { return s2.Decode(to[:cap(to)], packed) },
	}
}
