package block

import "github.com/dmwm/wmstats/schema/jsonscan"

// Texts that differ between workflows are read inside the encoded record. The
// encoder escapes only quotes, backslashes and control characters, which names
// and datasets don't contain: then the value is the bytes between the quotes,
// and nothing is copied.

// unquote reads the JSON string at the start of raw; rest is what follows it.
func unquote(raw []byte) (text, rest []byte) {
	text, end := jsonscan.TextAt(raw, 0)
	if end < 0 {
		return nil, nil // not reached: the encoder wrote it
	}
	return text, raw[end:]
}

// eachText calls f with each element of the JSON list at the start of raw until
// f returns false.
func eachText(raw []byte, f func(text []byte) bool) {
	for i := 0; i < len(raw) && raw[i] != ']'; { // at [ or at a comma
		text, end := jsonscan.TextAt(raw, i+1)
		if end < 0 || !f(text) {
			return
		}
		i = end
	}
}

// listText returns the JSON list at the start of raw without its brackets.
func listText(raw []byte) []byte {
	end := 0
	for end < len(raw) && raw[end] != ']' {
		_, next := jsonscan.TextAt(raw, end+1)
		if next < 0 {
			break
		}
		end = next
	}
	return raw[:end]
}

// fold maps ASCII letters to lower case, and any other byte to itself.
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()
