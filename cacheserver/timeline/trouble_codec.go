package timeline

import (
	"encoding/binary"
	"maps"
	"slices"
)

// encode returns the same bytes for the same state.
func (l *troubleLog) encode() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := binary.AppendUvarint(nil, uint64(len(l.rules)))
	for _, rule := range l.rules {
		out = appendBytes(out, rule)
	}
	out = binary.AppendVarint(binary.AppendVarint(out, l.from), l.to)
	out = binary.AppendUvarint(out, uint64(len(l.is)))
	for _, id := range slices.Sorted(maps.Keys(l.is)) {
		out = appendTrouble(binary.LittleEndian.AppendUint64(out, id), l.is[id])
	}
	out = binary.AppendUvarint(out, uint64(len(l.steps)))
	for _, s := range l.steps {
		out = binary.AppendUvarint(binary.AppendVarint(out, s.time), uint64(len(s.changed)))
		for _, b := range s.changed {
			out = appendTrouble(appendBytes(binary.LittleEndian.AppendUint64(out, b.id), b.name), b.trouble)
		}
	}
	return out
}

// decodeTrouble reads what encode wrote. It accepts any bytes.
func decodeTrouble(r *reader) *troubleLog {
	l := &troubleLog{is: map[uint64]trouble{}, rules: r.labels()}
	if len(l.rules) > mostRules {
		r.fail("it has too many rules")
	}
	l.from, l.to = r.varint(), r.varint()
	for n := r.length(); n > 0 && r.err == nil; n-- {
		id := r.id()
		l.is[id] = r.trouble(len(l.rules))
	}
	last := l.from
	for n := r.length(); n > 0 && r.err == nil; n-- {
		s := step{time: r.varint()}
		if s.time < last || s.time > l.to {
			r.fail("times must ascend")
		}
		last = s.time
		for k := r.length(); k > 0 && r.err == nil; k-- {
			b := before{id: r.id(), name: string(r.text())}
			b.trouble = r.trouble(len(l.rules))
			if n := len(s.changed); n > 0 && s.changed[n-1].id >= b.id {
				r.fail("workflows must ascend")
			}
			s.changed = append(s.changed, b)
		}
		l.steps = append(l.steps, s)
	}
	return l
}

func appendTrouble(dst []byte, t trouble) []byte {
	return binary.AppendUvarint(binary.AppendVarint(dst, t.failure), t.alerts)
}

// trouble reads what appendTrouble wrote, with alerts of that many rules.
func (r *reader) trouble(rules int) (t trouble) {
	t.failure, t.alerts = r.varint(), r.uvarint()
	if rules < mostRules && t.alerts>>rules != 0 {
		r.fail("an alert has no rule")
	}
	return t
}

// id reads the hash of a name.
func (r *reader) id() uint64 {
	const size = 8
	if raw := r.take(size); len(raw) == size {
		return binary.LittleEndian.Uint64(raw)
	}
	return 0
}
