package filterbar

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/dmwm/wmstats/schema/wire"
)

// token is a part of the line.
type token = wire.Token

var keyed = regexp.MustCompile(`^(-?)([A-Za-z][A-Za-z0-9_]*):`)

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
		out = append(out, value{wire.Unquote(rest), not})
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

// quoted formats a value, in quotation marks where needed: without them a
// comparison sign or a range would be parsed as such.
func quoted(text string) string {
	special := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '"' })
	if special || text == "" || strings.IndexByte("!<>", text[0]) >= 0 || strings.Contains(text, "..") {
		return wire.Quote(text)
	}
	return text
}
