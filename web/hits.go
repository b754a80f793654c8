package web

import (
	"context"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// span is a part of a text, in bytes.
type span struct{ from, to int }

// hits returns the parts of a text that are one of the words, in any case of
// letters as q= compares them; in order, without overlaps.
func hits(text string, words []string) []span {
	var found []span
	for _, word := range words {
		folded, places := fold(text, isASCII(word))
		want, _ := fold(word, isASCII(word))
		for at := 0; want != "" && at <= len(folded)-len(want); {
			i := strings.Index(folded[at:], want)
			if i < 0 {
				break
			}
			found = append(found, span{places(at + i), places(at + i + len(want))})
			at += i + len(want)
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	out := found[:0]
	for _, s := range found {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// fold returns a text in lower case; place maps a byte of it to the byte of the
// text. With ascii only letters of ASCII change: others, such as the sign of
// kelvin, are not equal to any.
func fold(text string, ascii bool) (folded string, place func(int) int) {
	var b strings.Builder
	places := make([]int, 0, len(text)+1)
	for i, r := range text {
		size := b.Len()
		switch {
		case r == utf8.RuneError && text[i] != "\uFFFD"[0]: // a byte that is not UTF-8
			b.WriteByte(text[i])
		case ascii && r >= utf8.RuneSelf:
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		for range b.Len() - size {
			places = append(places, i)
		}
	}
	places = append(places, len(text))
	return b.String(), func(at int) int { return places[at] }
}

// marked is a text with the parts that were searched for in <mark>.
func marked(text string, words []string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, markedHTML(text, words, templ.EscapeString))
		return err
	})
}

// markedHTML writes a text with its hits in <mark>; plain writes each part.
func markedHTML(text string, words []string, plain func(string) string) string {
	var out strings.Builder
	from := 0
	for _, s := range hits(text, words) {
		out.WriteString(plain(text[from:s.from]) + "<mark>" + plain(text[s.from:s.to]) + "</mark>")
		from = s.to
	}
	out.WriteString(plain(text[from:]))
	return out.String()
}
