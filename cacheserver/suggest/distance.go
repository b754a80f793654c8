package suggest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostEdits is the maximum number of typing mistakes in any text.
const mostEdits = 4

// editsFor returns how many typing mistakes a text of n bytes may have: one for
// each four characters.
func editsFor(n int) int { return min(mostEdits, (n+1)/4) }

// row is a row of the table of distances between the beginnings of two texts, as
// far as these can differ by mostEdits.
type row [2*mostEdits + 3]int8

// edits counts the insertions, deletions, replacements and swaps of neighbours
// that turn a into b (optimal string alignment). With part, b may continue: it
// counts those that turn a into the beginning of b that takes fewest, the longest
// of these. end is its length. ok is false beyond most. Letters must agree in case.
func edits[A, B string | []byte](a A, b B, most int, part bool) (n, end int, ok bool) {
	if !part && (len(a)-len(b) > most || len(b)-len(a) > most) || len(a)-len(b) > most {
		return 0, 0, false
	}
	// Column d of the row for a[:i] is b[:i+d-most-1]; columns outside are beyond
	// most. One column on each side saves tests of the bounds.
	var before, last, now row
	beyond := int8(most + 1) //nolint:gosec // at most mostEdits+1
	for d := range last {
		before[d], last[d] = beyond, beyond
	}
	for j := range beyond {
		last[most+1+int(j)] = j
	}
	for i := 1; i <= len(a); i++ {
		least := beyond
		now[0], now[2*most+2] = beyond, beyond
		for d := 1; d <= 2*most+1; d++ {
			cost, j := beyond, i+d-most-1
			switch {
			case j == 0:
				cost = int8(min(i, most+1)) //nolint:gosec // at most mostEdits+1
			case j > 0 && j <= len(b):
				cost = last[d]
				if a[i-1] != b[j-1] {
					cost++
				}
				cost = min(cost, last[d+1]+1, now[d-1]+1)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					cost = min(cost, before[d]+1)
				}
				cost = min(cost, beyond)
			}
			now[d] = cost
			least = min(least, cost)
		}
		if least > int8(most) { //nolint:gosec // at most mostEdits
			return 0, 0, false
		}
		before, last = last, now
	}
	if !part {
		n = int(last[len(b)-len(a)+most+1])
		return n, len(b), n <= most
	}
	n = most + 1
	for d := 1; d <= 2*most+1; d++ {
		if j := len(a) + d - most - 1; j >= 0 && j <= len(b) && int(last[d]) <= n {
			n, end = int(last[d]), j
		}
	}
	return n, end, n <= most
}

// separators stand between the words of names, and are forgotten first.
const separators = "_-./: "

// folded returns a text in lower case without separators: texts that differ in
// nothing else are equal.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// cut returns the beginning of text whose folded form is want, which must begin
// folded(text), with the separator after it, if there is one.
func cut(text, want string) (head, separator string) {
	left := want
	for i, r := range text {
		if left == "" {
			if strings.ContainsRune(separators, r) {
				return text[:i], string(r)
			}
			return text[:i], ""
		}
		left = strings.TrimPrefix(left, folded(string(r)))
	}
	return text, ""
}

// lower returns an ASCII letter in lower case, and other bytes as they are.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// startsRune reports whether a text can be cut at a byte.
func startsRune[T string | []byte](text T, at int) bool {
	return at == len(text) || utf8.RuneStart(text[at])
}
