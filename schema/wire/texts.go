package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Texts is a filter on a text that is not a key of the Workflow record, such as
// the task of a job. It is written like any other filter: values are ORed, * is
// a wildcard, ! excludes. The zero value matches everything.
type Texts struct {
	In, NotIn []string // sorted, without repetition
}

// ReadTexts reads the values of a parameter. Its error is a *Problem.
func ReadTexts(name string, values []string) (Texts, error) {
	var t Texts
	if slices.Contains(values, "") {
		return t, BadValue(name, emptyText(name))
	}
	if slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
		return t, BadValue(name, "The value is not valid UTF-8.")
	}
	items, p := splitList(name, values)
	if p != nil {
		return t, p
	}
	for _, it := range items {
		if it.not {
			t.NotIn = append(t.NotIn, it.text)
		} else {
			t.In = append(t.In, it.text)
		}
	}
	if len(t.In)+len(t.NotIn) > MaxNames {
		return t, TooExpensive(fmt.Sprintf("At most %d values of %s in one request.", MaxNames, name))
	}
	t.In, t.NotIn = sorted(t.In), sorted(t.NotIn)
	return t, nil
}

// Match reports whether a text passes. An empty text passes only filters that
// just exclude.
func (t Texts) Match(text string) bool {
	if len(t.In) > 0 && (text == "" || !anyLike(t.In, text)) {
		return false
	}
	return text == "" || !anyLike(t.NotIn, text)
}

// Steps returns the approximate cost of Match, in nanoseconds.
func (t Texts) Steps() int {
	const value = 50
	n := 0
	for _, list := range [][]string{t.In, t.NotIn} {
		for _, pattern := range list {
			n += value + len(pattern)
		}
	}
	return n
}

// Asked reports whether the filter has any values.
func (t Texts) Asked() bool { return len(t.In)+len(t.NotIn) > 0 }

func anyLike(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if !strings.Contains(p, Star) {
			return text == p
		}
		return Like(text, strings.Split(p, Star))
	})
}

// Star stands in a value for any characters, also none.
const Star = "*"

// Like reports whether a text matches a pattern. parts, two at least, are the texts
// between the stars of the pattern. Taking the first position for each part is
// enough: a later one leaves less for the rest.
func Like(text string, parts []string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		k := strings.Index(text, part)
		if k < 0 {
			return false
		}
		text = text[k+len(part):]
	}
	return true
}

// Numbers is a filter on whole numbers; the zero value matches everything.
type Numbers struct {
	In, NotIn []int64
}

// ReadNumbers reads the values of a parameter: whole numbers, ! before one
// excludes it. Its error is a *Problem.
func ReadNumbers(name string, values []string) (Numbers, error) {
	var n Numbers
	t, err := ReadTexts(name, values)
	if err != nil {
		return n, err
	}
	for _, list := range []struct {
		texts []string
		to    *[]int64
	}{{t.In, &n.In}, {t.NotIn, &n.NotIn}} {
		for _, text := range list.texts {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil || text[0] == '+' {
				return Numbers{}, BadValue(name, fmt.Sprintf("%q accepts whole numbers, such as 8021 or !0.", name))
			}
			*list.to = append(*list.to, number)
		}
	}
	return n, nil
}

// Match reports whether a number passes.
func (n Numbers) Match(number int64) bool {
	return (len(n.In) == 0 || slices.Contains(n.In, number)) && !slices.Contains(n.NotIn, number)
}

// Steps returns the approximate cost of Match, in nanoseconds.
func (n Numbers) Steps() int { return len(n.In) + len(n.NotIn) }
