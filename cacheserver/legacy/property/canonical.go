package property

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// Canonical appends a request document in the form of the old API: without _rev,
// _attachments and AgentJobInfo, on one line, in ASCII. doc must be JSON. If it is
// not an object, the result is an empty object.
func Canonical(dst, doc []byte) []byte {
	var s jsonscan.Scanner
	s.Reset(doc)
	dst = append(dst, '{')
	if s.Kind() != jsonscan.Object {
		return append(dst, '}')
	}
	s.Open()
	first := true
	for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
		hidden := string(key) == "_rev" || string(key) == "_attachments" || string(key) == "AgentJobInfo"
		start := s.KeyStart()
		s.Whole()
		if hidden {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = ASCII(dst, doc[start:s.Offset()])
	}
	return append(dst, '}')
}

// ASCII appends JSON without white space between values, with all non-ASCII
// characters escaped. A byte that is not valid UTF-8 becomes U+FFFD.
func ASCII(dst, value []byte) []byte {
	wide := !isASCII(value)
	from := 0 // of the bytes that are copied unchanged
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == '"':
			end := jsonscan.ValueEnd(value, i)
			if end < 0 {
				end = len(value)
			}
			if wide && !isASCII(value[i:end]) {
				dst = escaped(append(dst, value[from:i]...), value[i:end])
				from = end
			}
			i = end
		case c <= ' ':
			dst = append(dst, value[from:i]...)
			i++
			from = i
		default:
			i++
		}
	}
	return append(dst, value[from:]...)
}

// isASCII reports whether all bytes are ASCII.
func isASCII(text []byte) bool {
	const highs = 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		if binary.LittleEndian.Uint64(text)&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escaped appends a text with non-ASCII characters escaped.
func escaped(dst, text []byte) []byte {
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] < utf8.RuneSelf {
			n++
		}
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			dst = unit(unit(dst, high), low)
		} else {
			dst = unit(dst, r)
		}
	}
	return dst
}

// unit appends the escape of one UTF-16 code unit.
func unit(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// controls are the control characters with short escapes: b, f, n, r and t.
const controls = "\b\f\n\r\t"

// AppendText appends a text as JSON in ASCII.
func AppendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	if jsonscan.Plain(text) {
		return append(append(dst, text...), '"')
	}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			if short := strings.IndexRune(controls, r); short >= 0 {
				dst = append(dst, '\\', "bfnrt"[short])
			} else {
				dst = unit(dst, r)
			}
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
				dst = unit(unit(dst, high), low)
			} else {
				dst = unit(dst, r)
			}
		}
	}
	return append(dst, '"')
}
