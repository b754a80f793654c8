package store

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// BenchmarkCheckpointCoding packs and unpacks the frames of a store's section
// with zstd's fastest level, which checkpoints use, and with s2.
func BenchmarkCheckpointCoding(b *testing.B) {
	s, _, _ := benchStore(b)
	write, err := s.Section().Capture()
	require.NoError(b, err)
	var frames [][]byte
	raw := int64(0)
	require.NoError(b, write(func(data []byte) error {
		frames = append(frames, bytes.Clone(data))
		raw += int64(len(data))
		return nil
	}))
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
	require.NoError(b, err)
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	require.NoError(b, err)
	defer unpacker.Close()
	for _, coding := range []struct {
		name         string
		pack, unpack func(dst, data []byte) ([]byte, error)
	}{
		{"zstd", func(dst, data []byte) ([]byte, error) { return packer.EncodeAll(data, dst[:0]), nil },
			func(dst, data []byte) ([]byte, error) { return unpacker.DecodeAll(data, dst[:0]) }},
		{"s2", func(dst, data []byte) ([]byte, error) { return s2.Encode(dst[:cap(dst)], data), nil },
			func(dst, data []byte) ([]byte, error) { return s2.Decode(dst[:cap(dst)], data) }},
		{"s2better", func(dst, data []byte) ([]byte, error) { return s2.EncodeBetter(dst[:cap(dst)], data), nil },
			func(dst, data []byte) ([]byte, error) { return s2.Decode(dst[:cap(dst)], data) }},
	} {
		packed := make([][]byte, len(frames))
		b.Run(coding.name+"/pack", func(b *testing.B) {
			defer cpu(b)()
			size := 0
			for b.Loop() {
				size = 0
				for i, f := range frames {
					packed[i], _ = coding.pack(packed[i], f)
					size += len(packed[i])
				}
			}
			b.SetBytes(raw)
			b.ReportMetric(float64(size), "file-B")
			b.ReportMetric(100*float64(size)/float64(raw), "%-of-raw")
		})
		b.Run(coding.name+"/unpack", func(b *testing.B) {
			defer cpu(b)()
			b.SetBytes(raw)
			var out []byte
			for b.Loop() {
				for i, p := range packed {
					out, err = coding.unpack(out, p)
					if err != nil || len(out) != len(frames[i]) {
						b.Fatalf("frame %d: %d bytes, %v", i, len(out), err)
					}
				}
			}
		})
	}
}
