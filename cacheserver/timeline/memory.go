package timeline

import (
	"cmp"
	"slices"
	"unsafe"
)

// Len returns the number of points.
func (t *Timeline) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.times)
}

// Newest returns the time of the newest point in Unix seconds, or 0 if there
// is none.
func (t *Timeline) Newest() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.times) == 0 {
		return 0
	}
	return t.times[len(t.times)-1]
}

// Limit returns the maximum memory of all points.
func (t *Timeline) Limit() int64 { return t.o.Bytes }

// Bytes returns the approximate memory of all points.
func (t *Timeline) Bytes() (bytes int64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.bytes() + t.logBytes()
}

func (t *Timeline) logBytes() int64 { return t.agents.bytes() + t.sites.bytes() + t.trouble.bytes() }

func (t *Timeline) bytes() (bytes int64) {
	bytes = 8 * int64(cap(t.times))
	for k, s := range t.series {
		bytes += s.bytes(k)
	}
	return bytes
}

// bytes returns the approximate memory of a series.
func (s *series) bytes(k key) int64 {
	const place = int64(unsafe.Sizeof(key{})+8) * 3 / 2 // entry in the map, with its free space
	bytes := place + int64(len(k.name)) + int64(unsafe.Sizeof(*s)) + int64(cap(s.chunks))*int64(unsafe.Sizeof(chunk{})) + 8*int64(cap(s.last))
	for i := range s.chunks {
		bytes += int64(cap(s.chunks[i].data))
	}
	return bytes
}

// forget drops the least-used series while there are too many names or bytes:
// first those that have had no workflows and no jobs for longest, then the
// smallest. A series that has points counts double against one that has just
// begun, so that two names of the same size do not replace each other.
func (t *Timeline) forget() {
	names, bytes := len(t.series), t.bytes()+t.logBytes()
	if t.series[key{}] != nil {
		names--
	}
	if names <= t.o.Names && bytes <= t.o.Bytes {
		return
	}
	type candidate struct {
		key          key
		used, weight int64
	}
	var list []candidate
	for k, s := range t.series {
		if k == (key{}) {
			continue
		}
		weight := t.named.weight(s.last)
		if s.long() {
			weight *= 2
		}
		list = append(list, candidate{k, s.used, weight})
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.used, b.used), cmp.Compare(a.weight, b.weight), cmp.Compare(b.key.kind, a.key.kind), cmp.Compare(b.key.name, a.key.name))
	})
	for i, c := range list {
		if names-i <= t.o.Names && bytes <= t.o.Bytes {
			return
		}
		bytes -= t.series[c.key].bytes(c.key)
		delete(t.series, c.key)
	}
}
