package join

import (
	"encoding/binary"

	"github.com/dmwm/wmstats/schema"
)

// Kinds of facts in a record's source: each has a name and two numbers. Silent
// agents are with the reports instead.
const (
	factFailing = iota + 1
	factPaused
	factSkipped
	factBegan
	factSeen
)

// hasFacts reports whether appendFacts would write any.
func hasFacts(f *schema.Facts) bool {
	return f.Failing.Name != "" || f.Paused.Name != "" || f.Skipped.Name != "" || len(f.Began) > 0 || len(f.Seen) > 0
}

// appendFacts appends the number of facts and each of them.
func appendFacts(dst []byte, f *schema.Facts) []byte {
	parts := []struct {
		kind uint64
		part schema.Part
	}{{factFailing, f.Failing}, {factPaused, f.Paused}, {factSkipped, f.Skipped}}
	n := len(f.Began) + len(f.Seen)
	for _, p := range parts {
		if p.part.Name != "" {
			n++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for _, p := range parts {
		if p.part.Name != "" {
			dst = appendFact(dst, p.kind, p.part)
		}
	}
	for _, b := range f.Began {
		dst = appendFact(dst, factBegan, schema.Part{Name: b.Rule, Of: b.Time})
	}
	for _, b := range f.Seen {
		dst = appendFact(dst, factSeen, schema.Part{Name: b.Rule, Of: b.Time})
	}
	return dst
}

func appendFact(dst []byte, kind uint64, p schema.Part) []byte {
	dst = appendText(binary.AppendUvarint(dst, kind), p.Name)
	dst = binary.AppendUvarint(dst, uint64(max(p.Of, 0)))
	return binary.AppendUvarint(dst, uint64(max(p.All, 0)))
}

// facts reads what appendFacts wrote.
func (r *sourceReader) facts() (f schema.Facts) {
	for n := r.number(); n > 0 && len(r.all) > 0; n-- {
		kind := r.number()
		p := schema.Part{Name: r.text(), Of: int64(r.number()), All: int64(r.number())}
		switch kind {
		case factFailing:
			f.Failing = p
		case factPaused:
			f.Paused = p
		case factSkipped:
			f.Skipped = p
		case factBegan:
			f.Began = append(f.Began, schema.Began{Rule: p.Name, Time: p.Of})
		case factSeen:
			f.Seen = append(f.Seen, schema.Began{Rule: p.Name, Time: p.Of})
		}
	}
	return f
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// sourceReader reads what sourceMaker wrote, and terminates on any bytes.
type sourceReader struct{ all string }

func (r *sourceReader) number() (n uint64) {
	for shift := 0; len(r.all) > 0; shift += 7 {
		c := r.all[0]
		r.all = r.all[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	return n
}

func (r *sourceReader) text() (text string) {
	n := min(r.number(), uint64(len(r.all)))
	text, r.all = r.all[:n], r.all[n:]
	return text
}
