package table

import (
	"bytes"
	"cmp"
	"math"
)

// Missing values (schema.Field.Missing, the empty text and the empty list) come
// last in both sort directions. Values are compared as words, called heads; no
// present value has lastHead.

// lastHead is the head of a missing value.
const lastHead = math.MaxUint64

// intHeads computes the heads of an Int or Bool column in the direction of the
// sort.
type intHeads struct {
	missing func(float64) bool
	desc    bool
}

// of returns the head of a value. -1 is missing, which frees one word: values
// after it move up by one, so that none has lastHead.
func (h intHeads) of(v int64) uint64 {
	head := uint64(v) ^ 1<<63
	switch {
	case (v == -1 || v == 0) && h.missing(float64(v)):
		return lastHead
	case h.desc && v < -1:
		return ^head - 1
	case h.desc:
		return ^head
	case v > -1:
		return head - 1
	}
	return head
}

// floatHead returns the head of a number; only NaNs have the words at both ends.
func floatHead(v float64, missing func(float64) bool) uint64 {
	if missing(v) {
		return lastHead
	}
	return orderedBits(v)
}

// orderedBits returns bits that sort like the numbers.
func orderedBits(f float64) uint64 {
	b := math.Float64bits(f)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// codeHead returns the head of a frequent text; the empty one has code and rank
// 0.
func codeHead(code uint32, ranks []uint32) uint64 {
	if code == 0 {
		return lastHead
	}
	return uint64(ranks[code])
}

// orderTexts compares texts, or lists joined to texts, with the empty one last.
func orderTexts(a, b []byte, desc bool) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(gone(len(a) == 0), gone(len(b) == 0))
	}
	if desc {
		return bytes.Compare(b, a)
	}
	return bytes.Compare(a, b)
}

func gone(missing bool) int {
	if missing {
		return 1
	}
	return 0
}
