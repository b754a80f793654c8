package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of w that end a plain run of text: a quote, a
// backslash or a control character. Only the lowest mark is exact, which is
// the one that is used.
func special(w uint64) uint64 {
	low := w ^ ('"'^' ')*ones // makes the quote a space, and leaves what is below a space there
	slash := w ^ '\\'*ones
	return ((low-(' '+1)*ones)&^low | (slash-ones)&^slash) & highs
}

// run returns the index of the first special byte from i on, len(data) if
// there is none, and whether a byte before it is perhaps not ASCII.
func run(data []byte, i int) (end int, wide bool) {
	var seen uint64
	for i+8 <= len(data) {
		w := binary.LittleEndian.Uint64(data[i:])
		seen |= w
		if m := special(w); m != 0 {
			return i + bits.TrailingZeros64(m)/8, seen&highs != 0
		}
		i += 8
	}
	for ; i < len(data); i++ {
		c := data[i]
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		seen |= uint64(c)
	}
	return i, seen&highs != 0
}

// Plain reports whether a text can stand between quotes unchanged: it has only
// ASCII characters, none of which needs an escape.
func Plain(s string) bool {
	end, wide := run(unsafe.Slice(unsafe.StringData(s), len(s)), 0) // read only
	return end == len(s) && !wide
}

// Text reads the text that Kind has found, with its escapes resolved and bad
// bytes replaced by U+FFFD. The slice is valid until the next text is read.
func (s *Scanner) Text() []byte {
	start := s.pos + 1
	end, wide := run(s.data, start)
	if end < len(s.data) && s.data[end] == '"' && (!wide || utf8.Valid(s.data[start:end])) {
		s.pos, s.from = end+1, start
		return s.data[start:end]
	}
	return s.unquote(start)
}

// TextAt reads the text whose quote is at data[i], as Scanner.Text does; end is
// the index after it, -1 when there is no text. A text without escapes is
// returned as written, without a check of its bytes: use TextAt only on JSON
// that this program wrote.
func TextAt(data []byte, i int) (text []byte, end int) {
	if i >= len(data) || data[i] != '"' {
		return nil, -1
	}
	n := bytes.IndexByte(data[i+1:], '"')
	if n < 0 {
		return nil, -1
	}
	if text = data[i+1 : i+1+n]; bytes.IndexByte(text, '\\') < 0 {
		return text, i + 2 + n
	}
	var s Scanner
	s.Reset(data)
	if text = s.unquote(i + 1); s.err != nil {
		return nil, -1
	}
	return text, s.pos
}

// TextStart returns where the last Text starts in the document, or -1 when the
// text had to be rewritten.
func (s *Scanner) TextStart() int { return s.from }

// unquote is the slow path of Text: it copies.
func (s *Scanner) unquote(i int) []byte {
	s.from = -1
	out := s.buf[:0]
	for {
		end, _ := run(s.data, i)
		out = appendValid(out, s.data[i:end])
		if end == len(s.data) {
			s.fail(end, "the end of a text")
			return nil
		}
		switch s.data[end] {
		case '"':
			s.pos, s.buf = end+1, out
			return out
		case '\\':
			n := escape(s.data[end:])
			if n == 0 {
				s.fail(end, "an escape such as \\n or \\u0041")
				return nil
			}
			r, n := s.resolve(end, n)
			out = utf8.AppendRune(out, r)
			i = end + n
		default:
			s.fail(end, "an escaped control character")
			return nil
		}
	}
}

// resolve returns the character of the escape of n bytes at i, and the number
// of bytes that it takes: 12 for two halves of a surrogate pair.
func (s *Scanner) resolve(i, n int) (rune, int) {
	if n == 2 {
		switch c := s.data[i+1]; c {
		case 'b':
			return '\b', 2
		case 'f':
			return '\f', 2
		case 'n':
			return '\n', 2
		case 'r':
			return '\r', 2
		case 't':
			return '\t', 2
		default:
			return rune(c), 2
		}
	}
	r := hex4(s.data[i+2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if i+6 < len(s.data) && s.data[i+6] == '\\' && escape(s.data[i+6:]) == 6 {
		if both := utf16.DecodeRune(r, hex4(s.data[i+8:])); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

// escape returns the length of the escape at the start of b, 0 if there is
// none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 || hex4(b[2:]) < 0 {
			return 0
		}
		return 6
	}
	return 0
}

// hex4 returns the value of four hexadecimal digits, or -1.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// appendValid appends b with each bad byte replaced, as encoding/json does.
func appendValid(out, b []byte) []byte {
	if utf8.Valid(b) {
		return append(out, b...)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return out
}
