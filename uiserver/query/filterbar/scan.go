package filterbar

import (
	"regexp"
	"strings"
	"unicode"
)

// token is one condition as written in the line.
type token struct {
	from, to int
	raw      string
	open     bool // a quotation mark is not closed
}

// scan splits a line at spaces outside quotation marks.
func scan(line string) []token {
	var out []token
	start, quoted, escaped := -1, false, false
	end := func(at int) {
		if start >= 0 {
			out = append(out, token{from: start, to: at, raw: line[start:at], open: quoted})
			start = -1
		}
	}
	for i, r := range line {
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
			if start < 0 {
				start = i
			}
		case !quoted && unicode.IsSpace(r):
			end(i)
		case start < 0:
			start = i
		}
	}
	end(len(line))
	return out
}

var keyed = regexp.MustCompile(`^(-?)([A-Za-z][A-Za-z0-9_]*):`)

// unquote removes quotation marks and escapes.
func unquote(raw string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\' && i+1 < len(raw) && (raw[i+1] == '"' || raw[i+1] == '\\'):
			i++
			b.WriteByte(raw[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// value is one value of a list.
type value struct {
	text string
	not  bool // it begins with !
}

// values splits at commas outside quotation marks.
func values(raw string) []value {
	var out []value
	start, quoted, escaped := 0, false, false
	add := func(part string) {
		rest, not := strings.CutPrefix(part, "!")
		out = append(out, value{unquote(rest), not})
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			add(raw[start:i])
			start = i + 1
		}
	}
	add(raw[start:])
	return out
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(text string) string { return `"` + quoter.Replace(text) + `"` }

// quoted formats a value, in quotation marks where needed: without them a
// comparison sign or a range would be parsed as such.
func quoted(text string) string {
	special := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '"' })
	if special || text == "" || strings.IndexByte("!<>", text[0]) >= 0 || strings.Contains(text, "..") {
		return quote(text)
	}
	return text
}
