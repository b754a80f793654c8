package repeat

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pattern is a document with the places where each copy differs: the name of
// its workflow, and the last three digits of numbers that no sum depends on.
type pattern struct {
	id   string // of the first copy
	name string // of its workflow; "": the document is not repeated
	text []byte
	at   []place
}

type place struct {
	start, end int
	digits     bool // a number of three digits; else the name
}

// loose matches the numbers that may differ: priorities, written amounts, and the
// numbers of requests in their campaigns.
var loose = regexp.MustCompile(`"(?:RequestPriority|events|size)":[1-9][0-9]+([0-9]{3})\b|-[0-9]{2}([0-9]{3})[_"/-]`)

func newPattern(id string, text []byte, name string) pattern {
	p := pattern{id: id, name: name, text: text}
	if name == "" {
		return p
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(name))
		if i < 0 {
			break
		}
		p.at = append(p.at, place{start: from + i, end: from + i + len(name)})
		from += i + len(name)
	}
	names := slices.Clone(p.at)
	for _, m := range loose.FindAllSubmatchIndex(text, -1) {
		one := place{start: max(m[2], m[4]), end: max(m[3], m[5]), digits: true}
		if !slices.ContainsFunc(names, func(n place) bool { return one.start < n.end && n.start < one.end }) {
			p.at = append(p.at, one)
		}
	}
	slices.SortFunc(p.at, func(a, b place) int { return a.start - b.start })
	return p
}

// mark separates a name from the number of its copy.
const mark = "_again"

// copyName is the name of copy k of a workflow.
func copyName(name string, k int) string {
	if k == 0 {
		return name
	}
	return name + mark + strconv.Itoa(k)
}

// original returns the name and the number that copyName was called with.
func original(name string) (string, int) {
	if i := strings.LastIndex(name, mark); i >= 0 {
		if k, err := strconv.Atoi(name[i+len(mark):]); err == nil {
			return name[:i], k
		}
	}
	return name, 0
}

// copyID is the id of copy k of the document.
func (p *pattern) copyID(k int) string {
	if p.name == "" {
		return p.id
	}
	return strings.Replace(p.id, p.name, copyName(p.name, k), 1)
}

// append appends copy k of the document.
func (p *pattern) append(dst []byte, k int) []byte {
	if k == 0 {
		return append(dst, p.text...)
	}
	from, name := 0, copyName(p.name, k)
	for _, a := range p.at {
		dst = append(dst, p.text[from:a.start]...)
		if a.digits {
			dst = appendDigits(dst, p.text[a.start:a.end], k)
		} else {
			dst = append(dst, name...)
		}
		from = a.end
	}
	return append(dst, p.text[from:]...)
}

// appendDigits appends a number of three digits that differs from the original
// one, a different number for each k below 1000.
func appendDigits(dst, was []byte, k int) []byte {
	n := (int(was[0]-'0')*100 + int(was[1]-'0')*10 + int(was[2]-'0') + 7*k) % 1000
	return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}
