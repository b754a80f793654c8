package couchfake

import "bytes"

// maxDepth is how deep a document may nest; encoding/json has the same limit.
const maxDepth = 10_000

// squeeze removes the white space between the tokens of a JSON text and refuses
// one that nests too deep for a recursive reader. It does not check the text
// otherwise. The result may share src when there is nothing to remove.
func squeeze(src []byte) ([]byte, error) {
	var out []byte
	depth, run := 0, 0 // run: where the bytes not yet in out begin
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"':
			i = stringEnd(src, i)
		case '{', '[':
			if depth++; depth > maxDepth {
				return nil, badRequest("JSON nests too deep")
			}
		case '}', ']':
			depth--
		case ' ', '\t', '\n', '\r':
			if out == nil {
				out = make([]byte, 0, len(src))
			}
			out = append(out, src[run:i]...)
			run = i + 1
		}
	}
	if out == nil {
		return src, nil
	}
	return append(out, src[run:]...), nil
}

// stringEnd returns the index of the quote that ends the string at i, or of the
// last byte if the string does not end.
func stringEnd(src []byte, i int) int {
	for j := i + 1; ; j++ {
		n := bytes.IndexByte(src[j:], '"')
		if n < 0 {
			return len(src) - 1
		}
		j += n
		slashes := 0
		for src[j-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return j
		}
	}
}
