package legacy

import "slices"

// chunkBytes is the usual length of a chunk of an arena.
const chunkBytes = 256 << 10

// arena copies texts into memory that is used again after empty. It grows by
// chunks: an array that doubled would stay as long as one of the texts in it. The
// zero value is empty.
type arena struct {
	chunks [][]byte
	full   int // of chunks
}

// keep copies a text.
func (a *arena) keep(text []byte) []byte {
	for a.full < len(a.chunks) && cap(a.chunks[a.full])-len(a.chunks[a.full]) < len(text) {
		a.full++
	}
	if a.full == len(a.chunks) {
		a.chunks = append(a.chunks, make([]byte, 0, max(chunkBytes, len(text))))
	}
	chunk := &a.chunks[a.full]
	from := len(*chunk)
	*chunk = append(*chunk, text...)
	return slices.Clip((*chunk)[from:])
}

// empty drops all texts, and chunks longer than usual.
func (a *arena) empty() {
	a.chunks = slices.DeleteFunc(a.chunks, func(chunk []byte) bool { return cap(chunk) > chunkBytes })
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.full = 0
}
