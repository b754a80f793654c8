package block

import (
	"bytes"
	"math"
)

// names are the names of a block for a search that many of them match, with
// ASCII letters in lower case: what all begin with, and what follows in each, in
// a row. To read names where they stand costs a search the wait for memory, once
// a record; here neighbours come along. They ascend, so they have much in common.
type names struct {
	same []byte // room of its own, with rest behind it
	rest []byte
	ends []uint16 // of each name in rest; nil: the names are too long to be kept
}

func namesOf(b *Block, l *Layout) names {
	first, last := b.Name(l, 0), b.Name(l, b.Len()-1)
	same := 0
	for same < min(len(first), len(last)) && first[same] == last[same] {
		same++
	}
	total := same
	for i := range b.Len() {
		total += len(b.Name(l, i)) - same
	}
	if total-same > math.MaxUint16 {
		return names{}
	}
	text := appendFolded(make([]byte, 0, total), first[:same])
	ends := make([]uint16, b.Len())
	for i := range ends {
		text = appendFolded(text, b.Name(l, i)[same:])
		ends[i] = uint16(len(text) - same)
	}
	return names{same: text[:same:same], rest: text[same:], ends: ends}
}

func appendFolded(dst, text []byte) []byte {
	for _, c := range text {
		dst = append(dst, fold[c])
	}
	return dst
}

// NamesHold sets the bits of the records whose name holds text, which is ASCII
// in lower case; bit i of words is record i. It may miss names: of very long ones
// it sets none.
func (b *Block) NamesHold(l *Layout, text []byte, words []uint64) {
	n := &b.sign(l).names
	if n.ends == nil {
		return
	}
	if bytes.Contains(n.same, text) {
		for i := range b.Len() {
			words[i/64] |= 1 << (i % 64)
		}
		return
	}
	cuts := n.cuts(text)
	start, guess := 0, 0
	for i, end := range n.ends {
		rest := n.rest[start:end]
		start = int(end)
		// Neighbours mostly have it at the same place.
		if guess < 0 || guess+len(text) > len(rest) || string(rest[guess:guess+len(text)]) != string(text) {
			if guess = bytes.Index(rest, text); guess < 0 && !beginsWithRest(rest, text, cuts) {
				continue
			}
		}
		words[i/64] |= 1 << (i % 64)
	}
}

// cuts are the places in text where it can be cut so that all names begin with
// something that ends with the first part.
func (n *names) cuts(text []byte) (out []int) {
	for k := 1; k < len(text); k++ {
		if bytes.HasSuffix(n.same, text[:k]) {
			out = append(out, k)
		}
	}
	return out
}

func beginsWithRest(rest, text []byte, cuts []int) bool {
	for _, k := range cuts {
		if bytes.HasPrefix(rest, text[k:]) {
			return true
		}
	}
	return false
}
