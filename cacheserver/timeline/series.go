package timeline

import (
	"encoding/binary"
	"errors"
	"slices"
)

// chunkPoints is the number of consecutive points in a chunk: eight hours.
const chunkPoints = 96

// series is one line of counts, packed: each point is the difference to the
// one before it, and a chunk starts from zero.
type series struct {
	used   int64 // when it last had workflows, or jobs that wait or run, Unix s; 0: never
	seen   int64 // when a generation last had its name, Unix s
	chunks []chunk
	last   []int64 // values of the newest point
}

// chunk is a run of consecutive points.
type chunk struct {
	first int64 // number of its first point
	count int
	data  []byte
}

// append adds the values of a point. A gap starts a new chunk.
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

// trim drops chunks that end before point number first.
func (s *series) trim(first int64) {
	s.chunks = slices.DeleteFunc(s.chunks, func(c chunk) bool { return c.first+int64(c.count) <= first })
}

// cut drops the points from number first on; width is the number of values.
func (s *series) cut(first int64, width int) {
	s.chunks = slices.DeleteFunc(s.chunks, func(c chunk) bool { return c.first >= first })
	n := len(s.chunks)
	if n == 0 {
		return
	}
	last := s.chunks[n-1]
	rows := (&series{chunks: s.chunks[n-1:]}).between(last.first, first, width)
	s.chunks = s.chunks[:n-1]
	for _, r := range rows {
		s.append(r.number, r.values)
	}
}

// long reports whether it has more than one point.
func (s *series) long() bool {
	return len(s.chunks) > 1 || len(s.chunks) == 1 && s.chunks[0].count > 1
}

// start returns the number of its first point that is kept.
func (s *series) start(first int64) int64 {
	if len(s.chunks) == 0 {
		return first
	}
	return max(first, s.chunks[0].first)
}

// row is the values of one point.
type row struct {
	number int64
	values []int64
}

// between unpacks the points from number first on, before number end.
func (s *series) between(first, end int64, width int) (rows []row) {
	for _, c := range s.chunks {
		if c.first+int64(c.count) <= first || c.first >= end {
			continue
		}
		values, data := make([]int64, width), c.data
		for i := range c.count {
			var err error
			if data, err = unpack(data, values); err != nil {
				break // not reached: pack wrote the bytes, or Decode has checked them
			}
			if number := c.first + int64(i); number >= first && number < end {
				rows = append(rows, row{number, slices.Clone(values)})
			}
		}
	}
	return rows
}

// pack writes the differences of a point. Most are 0; a run of these is a 0
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

var errBroken = errors.New("invalid bytes of a point")

// unpack adds the differences of a point to values and returns the remaining
// bytes.
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
