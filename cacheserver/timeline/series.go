package timeline

import (
	"encoding/binary"
	"errors"
	"slices"
)

// chunkPoints is how many points are packed one after the other: eight hours.
const chunkPoints = 96

// series is one line of counts, packed: each point is the differences to the
// one before it, and a chunk begins from nothing.
type series struct {
	top    int64 // when it was last among the first ones, Unix s
	chunks []chunk
	last   []int64 // values of the newest point
}

// chunk is points one after the other.
type chunk struct {
	first int64 // number of its first point
	count int
	data  []byte
}

// append adds the values of a point. A gap begins a new chunk.
func (s *series) append(number int64, values []int64) {
	n := len(s.chunks)
	if n == 0 || s.chunks[n-1].count == chunkPoints || s.chunks[n-1].first+int64(s.chunks[n-1].count) != number {
		if n > 0 {
			s.chunks[n-1].data = slices.Clip(slices.Clone(s.chunks[n-1].data))
		}
		s.chunks = append(s.chunks, chunk{first: number})
		s.last = make([]int64, len(values))
		n++
	}
	c := &s.chunks[n-1]
	c.data = pack(c.data, s.last, values)
	c.count++
	copy(s.last, values)
}

// trim lets go of chunks that have no point from first on.
func (s *series) trim(first int64) {
	s.chunks = slices.DeleteFunc(s.chunks, func(c chunk) bool { return c.first+int64(c.count) <= first })
}

// row is the values of one point.
type row struct {
	number int64
	values []int64
}

// since unpacks the points from number first on that are wanted.
func (s *series) since(first int64, width int, wanted func(number int64) bool) (rows []row) {
	for _, c := range s.chunks {
		values, data := make([]int64, width), c.data
		for i := range c.count {
			var err error
			if data, err = unpack(data, values); err != nil {
				break // not reached: pack wrote it, or Decode has looked
			}
			if number := c.first + int64(i); number >= first && wanted(number) {
				rows = append(rows, row{number, slices.Clone(values)})
			}
		}
	}
	return rows
}

// pack writes the differences of a point: most are 0, and a run of these is a 0
// and its length.
func pack(dst []byte, old, values []int64) []byte {
	for i := 0; i < len(values); {
		run := 0
		for i+run < len(values) && values[i+run] == old[i+run] {
			run++
		}
		if run > 0 {
			dst = binary.AppendUvarint(append(dst, 0), uint64(run))
			i += run
			continue
		}
		dst = binary.AppendVarint(dst, values[i]-old[i])
		i++
	}
	return dst
}

var errBroken = errors.New("the bytes of a point can't be read")

// unpack adds the differences of a point to values and returns what is left.
func unpack(src []byte, values []int64) ([]byte, error) {
	for i := 0; i < len(values); {
		d, n := binary.Varint(src)
		if n <= 0 {
			return nil, errBroken
		}
		src = src[n:]
		if d != 0 {
			values[i] += d
			i++
			continue
		}
		run, n := binary.Uvarint(src)
		if n <= 0 || run == 0 || run > uint64(len(values)-i) {
			return nil, errBroken
		}
		src = src[n:]
		i += int(run)
	}
	return src, nil
}
