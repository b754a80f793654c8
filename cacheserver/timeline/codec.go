package timeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// version of the encoding.
const version = 1

// Encode returns all points in a form for Decode: a version, the labels, the
// times, and the packed series by kind and name. Numbers are varints, texts
// are preceded by their length. The same Timeline always has the same bytes.
func (t *Timeline) Encode() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := []byte{version}
	out = binary.AppendUvarint(out, uint64(len(t.labels)))
	for _, label := range t.labels {
		out = appendBytes(out, label)
	}
	out = binary.AppendUvarint(out, uint64(len(t.times)))
	last := int64(0)
	for _, at := range t.times {
		out = binary.AppendVarint(out, at-last)
		last = at
	}
	keys := slices.SortedFunc(maps.Keys(t.series), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	out = binary.AppendUvarint(out, uint64(len(keys)))
	for _, k := range keys {
		s := t.series[k]
		out = appendBytes(appendBytes(out, k.kind), k.name)
		out = binary.AppendVarint(out, s.top)
		out = binary.AppendUvarint(out, uint64(len(s.chunks)))
		for _, c := range s.chunks {
			out = binary.AppendVarint(out, c.first-t.first) // below 0: it has points that are too old
			out = binary.AppendUvarint(out, uint64(c.count))
			out = appendBytes(out, c.data)
		}
	}
	return out
}

func appendBytes[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// Decode replaces the current points by those that Encode wrote. It accepts
// any bytes: an error leaves the Timeline unchanged. Labels that this Timeline
// does not have are dropped; an unknown status is counted as OtherStatus.
func (t *Timeline) Decode(src []byte) error {
	r := reader{src: src}
	if v := r.take(1); r.err == nil && v[0] != version {
		return fmt.Errorf("counts over time have version %d, this program reads %d", v[0], version)
	}
	places := t.places(&r)
	fresh, err := New(t.o)
	if err != nil {
		return err
	}
	for n, last := r.length(), int64(0); n > 0 && r.err == nil; n-- {
		at := last + r.varint()
		if at <= last {
			r.fail("times must ascend")
		}
		fresh.times, last = append(fresh.times, at), at
	}
	for n := r.length(); n > 0 && r.err == nil; n-- {
		k := key{string(r.text()), string(r.text())}
		if fresh.series[k] != nil {
			r.fail("a series appears twice")
		}
		fresh.series[k] = fresh.decodeSeries(&r, places)
	}
	if r.err == nil && len(r.src) > 0 {
		r.fail("there are bytes after the end")
	}
	if r.err != nil {
		return r.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times, t.first, t.series = fresh.times, 0, fresh.series
	t.trim(t.o.Now().Unix())
	return nil
}

// places returns the local index of each written label, or -1.
func (t *Timeline) places(r *reader) (places []int) {
	const most = 1000
	state := false
	n := r.length()
	if n > most {
		r.fail("it has too many labels")
	}
	for ; n > 0 && r.err == nil; n-- {
		label := string(r.text())
		place := slices.Index(t.labels, label)
		if place < 0 && !state {
			place = t.states - 1
		}
		state = state || label == OtherStatus
		places = append(places, place)
	}
	return places
}

func (t *Timeline) decodeSeries(r *reader, places []int) *series {
	s := &series{top: r.varint()}
	number := int64(-1)
	for n := r.length(); n > 0 && r.err == nil; n-- {
		first, count, data := r.varint(), r.uvarint(), r.text()
		if r.err != nil || count == 0 || count > chunkPoints || first < -chunkPoints || first+int64(count) > int64(len(t.times)) || len(s.chunks) > 0 && first <= number {
			r.fail("a series has points at times that do not exist")
			return s
		}
		values := make([]int64, len(places))
		for i := range count {
			var err error
			if data, err = unpack(data, values); err != nil {
				r.fail(err.Error())
				return s
			}
			number = first + int64(i)
			here := make([]int64, len(t.labels))
			for from, to := range places {
				if to >= 0 {
					here[to] += values[from]
				}
			}
			if number >= 0 {
				s.append(number, here)
			}
		}
		if len(data) > 0 {
			r.fail("a series has more bytes than points")
		}
	}
	return s
}

// reader reads what Encode wrote; after the first error it returns nothing.
type reader struct {
	src []byte
	err error
}

func (r *reader) fail(reason string) {
	if r.err == nil {
		r.err = errors.New("invalid counts over time: " + reason)
	}
	r.src = nil
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.src)) {
		r.fail("it is truncated")
		return nil
	}
	out := r.src[:n]
	r.src = r.src[n:]
	return out
}

func (r *reader) text() []byte { return r.take(r.uvarint()) }

// length reads a number of items that each take at least a byte.
func (r *reader) length() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.src)) {
		r.fail("it is truncated")
		return 0
	}
	return n
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.src)
	if n <= 0 {
		r.fail("it is truncated")
		return 0
	}
	r.src = r.src[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.src)
	if n <= 0 {
		r.fail("it is truncated")
		return 0
	}
	r.src = r.src[n:]
	return v
}
