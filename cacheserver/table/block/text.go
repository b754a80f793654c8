package block

import (
	"bytes"
	"encoding/json"
)

// texts that many workflows differ in are read where they stand in the encoded
// record. The encoder escapes only quotes, backslashes and control characters,
// which names and datasets don't have: then the value is the bytes between the
// quotes, and nothing is copied.

// unquote reads the JSON string at the start of raw; rest is what follows it.
func unquote(raw []byte) (text, rest []byte) {
	if len(raw) == 0 || raw[0] != '"' {
		return nil, nil
	}
	end := 1 + bytes.IndexByte(raw[1:], '"')
	if end == 0 {
		return nil, nil
	}
	if bytes.IndexByte(raw[1:end], '\\') < 0 {
		return raw[1:end], raw[end+1:]
	}
	for end = 1; end < len(raw) && raw[end] != '"'; end++ {
		if raw[end] == '\\' {
			end++
		}
	}
	var s string
	if end >= len(raw) || json.Unmarshal(raw[:end+1], &s) != nil {
		return nil, nil // not reached: the encoder wrote it
	}
	return []byte(s), raw[end+1:]
}

// eachText calls f with each element of the JSON list at the start of raw until
// f returns false.
func eachText(raw []byte, f func(text []byte) bool) {
	for len(raw) > 1 && raw[0] != ']' && raw[1] == '"' { // at [ or at a comma
		var text []byte
		if text, raw = unquote(raw[1:]); raw == nil || !f(text) {
			return
		}
	}
}

// listText gives the JSON list at the start of raw, brackets left out.
func listText(raw []byte) []byte {
	end := 0
	for rest := raw; len(rest) > 1 && rest[0] != ']' && rest[1] == '"'; {
		if _, rest = unquote(rest[1:]); rest == nil {
			break
		}
		end = len(raw) - len(rest)
	}
	return raw[:end]
}
