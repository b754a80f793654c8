package wire

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// MaxWords is the maximum number of words of q=.
const MaxWords = 16

// Token is a part of a line between blanks. Blanks between quotation marks
// belong to it.
type Token struct {
	From, To int // bytes of the line
	Raw      string
	Open     bool // a quotation mark is not closed
}

// Tokens splits a line at blanks.
func Tokens(line string) []Token {
	var out []Token
	start, quoted, escaped := -1, false, false
	end := func(at int) {
		if start >= 0 {
			out = append(out, Token{From: start, To: at, Raw: line[start:at], Open: quoted})
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

// Unquote removes quotation marks and the escapes between them. Outside of
// quotation marks a backslash is a plain character.
func Unquote(raw string) string {
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

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Quote puts a text between quotation marks: Unquote reverses it.
func Quote(text string) string { return `"` + quoter.Replace(text) + `"` }

// Words returns the words of a text as q= has it: a record matches if it holds
// each of them. A blank separates words; text between quotation marks is one word.
// Each word is returned once. An open quotation mark counts as closed at the end,
// so that text can be searched while it is typed.
func Words(text string) []string {
	var out []string
	for _, t := range Tokens(text) {
		if word := Unquote(t.Raw); word != "" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// TextOf writes words as q= has them: Words reads them back.
func TextOf(words []string) string {
	parts := make([]string, len(words))
	for i, word := range words {
		parts[i] = word
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsSpace(r) || r == '"' }) {
			parts[i] = Quote(word)
		}
	}
	return strings.Join(parts, " ")
}

// readText reads q=.
func readText(q *Query, name string, values []string) *Problem {
	if len(values[0]) > MaxValue {
		return tooLong(name)
	}
	if slices.ContainsFunc(Tokens(values[0]), func(t Token) bool { return t.Open }) {
		return BadValue(name, `A quotation mark is not closed. Write "a phrase" between two; a literal one is \" between quotation marks.`)
	}
	words := Words(values[0])
	if len(words) == 0 {
		return BadValue(name, emptyText(name))
	}
	if len(words) > MaxWords {
		p := TooExpensive(fmt.Sprintf("At most %d words in q=. For a list of names use name=.", MaxWords))
		p.Param = name
		return p
	}
	q.Text = TextOf(words)
	return nil
}
