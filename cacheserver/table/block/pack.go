package block

import (
	"encoding/binary"
	"math"
	"slices"
)

// vec is the location of a column's integers in a block: differences to the
// smallest one, in as few bytes as the largest difference needs; none if all are
// equal.
type vec struct {
	min   int64
	at    uint32
	width uint8 // 0, 1, 2, 4 or 8 bytes
	cents bool  // floats that are whole hundredths, stored as such
}

func pack(dst []byte, values []int64) ([]byte, vec) {
	if len(values) == 0 {
		return dst, vec{}
	}
	v, most := vec{min: values[0], at: uint32(len(dst))}, values[0]
	for _, x := range values {
		v.min, most = min(v.min, x), max(most, x)
	}
	switch span := uint64(most) - uint64(v.min); {
	case span == 0:
	case span <= math.MaxUint8:
		v.width = 1
		for _, x := range values {
			dst = append(dst, byte(x-v.min))
		}
	case span <= math.MaxUint16:
		v.width = 2
		for _, x := range values {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(x-v.min))
		}
	case span <= math.MaxUint32:
		v.width = 4
		for _, x := range values {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(x-v.min))
		}
	default:
		v.width = 8
		for _, x := range values {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(x)-uint64(v.min))
		}
	}
	return dst, v
}

func (v *vec) value(data []byte, i int) int64 {
	data = data[v.at:]
	switch v.width {
	case 1:
		return v.min + int64(data[i])
	case 2:
		return v.min + int64(binary.LittleEndian.Uint16(data[2*i:]))
	case 4:
		return v.min + int64(binary.LittleEndian.Uint32(data[4*i:]))
	case 8:
		return int64(uint64(v.min) + binary.LittleEndian.Uint64(data[8*i:]))
	}
	return v.min
}

// appendTo appends values i..j as T, which must be wide enough for them.
func appendTo[T int64 | uint32](dst []T, v *vec, data []byte, i, j int) []T {
	n, least := len(dst), T(v.min)
	dst = slices.Grow(dst, j-i)[:n+j-i]
	out, data := dst[n:], data[v.at:]
	switch v.width {
	case 0:
		for k := range out {
			out[k] = least
		}
	case 1:
		for k, b := range data[i:j] {
			out[k] = least + T(b)
		}
	case 2:
		for k := range out {
			out[k] = least + T(binary.LittleEndian.Uint16(data[2*(i+k):]))
		}
	case 4:
		for k := range out {
			out[k] = least + T(binary.LittleEndian.Uint32(data[4*(i+k):]))
		}
	case 8:
		for k := range out {
			out[k] = least + T(binary.LittleEndian.Uint64(data[8*(i+k):]))
		}
	}
	return dst
}

// Floats are stored as integers in the same order. Percentages and averages are
// whole hundredths and then small; a block with any other value stores bits.

func bitsOf(f float64) int64 {
	b := int64(math.Float64bits(f))
	return b ^ (b>>63)&math.MaxInt64
}

func floatOf(b int64) float64 { return math.Float64frombits(uint64(b ^ (b>>63)&math.MaxInt64)) }

// bitsOfCents converts the values of a column from hundredths to bits.
func bitsOfCents(values []int64) {
	for i, cents := range values {
		values[i] = bitsOf(float64(cents) / 100)
	}
}

// centsOf converts the values of a column from bits to hundredths, if all of
// them allow it without loss.
func centsOf(values []int64) bool {
	const exact = 1 << 50
	for _, b := range values {
		f := floatOf(b)
		if c := math.Round(f * 100); !(math.Abs(c) < exact) || c/100 != f || b == bitsOf(math.Copysign(0, -1)) {
			return false
		}
	}
	for i, b := range values {
		values[i] = int64(math.Round(floatOf(b) * 100))
	}
	return true
}
