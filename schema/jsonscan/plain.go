package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// plain returns the end of the value at i if it is written in the usual form:
// no white space, no escapes, numbers without exponent, at most 64 levels. It
// returns -1 for all others, which skip handles. It accepts nothing that skip
// refuses, and is twice as fast, because its state fits in registers.
func plain(data []byte, i int) int {
	var (
		open  uint64 // kinds of the open containers, 1: object
		depth int
	)
	for i < len(data) {
		switch c := data[i]; {
		case c-'0' <= 9 || c == '-':
			i = plainNumber(data, i)
		case c == '"':
			i = plainText(data, i+1)
		case c == '{' || c == '[':
			if i++; i == len(data) || depth == 64 {
				return -1
			}
			if data[i] == c+2 { // both brackets close with the byte after the next
				i++
				break
			}
			depth++
			open <<= 1
			if c == '{' {
				open |= 1
				if i = plainKey(data, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			i = plainWord(data, i)
		}
		if i < 0 {
			return -1
		}
		for {
			if depth == 0 {
				return i
			}
			if i == len(data) {
				return -1
			}
			c := data[i]
			i++
			if c == ',' {
				if open&1 == 1 {
					i = plainKey(data, i)
				}
				break
			}
			if c != ']'+byte(open&1)*('}'-']') {
				return -1
			}
			depth--
			open >>= 1
		}
		if i < 0 {
			return -1
		}
	}
	return -1
}

// plainKey returns the index after the key at i and its colon, or -1.
func plainKey(data []byte, i int) int {
	if i >= len(data) || data[i] != '"' {
		return -1
	}
	if i = plainText(data, i+1); i < 0 || i >= len(data) || data[i] != ':' {
		return -1
	}
	return i + 1
}

// plainText returns the index after the text whose first byte is at i, or -1
// when it has escapes or control characters.
func plainText(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if m := special(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			i += bits.TrailingZeros64(m) / 8
			if data[i] != '"' {
				return -1
			}
			return i + 1
		}
	}
	for ; i < len(data) && data[i] >= ' ' && data[i] != '\\'; i++ {
		if data[i] == '"' {
			return i + 1
		}
	}
	return -1
}

// plainNumber returns the end of the number at i, or -1. One with an exponent
// ends before it, where no value may end.
func plainNumber(data []byte, i int) int {
	if data[i] == '-' {
		i++
	}
	start := i
	if i = digits(data, i); i == start || data[start] == '0' && i-start > 1 {
		return -1
	}
	if i < len(data) && data[i] == '.' {
		start = i + 1
		if i = digits(data, start); i == start {
			return -1
		}
	}
	if i < len(data) && data[i]|' ' == 'e' {
		return -1
	}
	return i
}

func plainWord(data []byte, i int) int {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(data)-i >= len(word) && string(data[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return -1
}
