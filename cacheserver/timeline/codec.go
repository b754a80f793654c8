package timeline

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Versions of the encoding. The first had one frame, and the same layout for
// all series; the second had no states of sites and no workflows.
const (
	version       = 3
	secondVersion = 2
	firstVersion  = 1
)

// frameBytes is the length at which a frame ends.
const frameBytes = 1 << 20

// Saved is all that a Timeline has at one moment. It is immutable.
type Saved struct {
	all, named    *layout
	first         int64
	times         []int64
	series        []savedSeries
	agents, sites agentsEncoded
	trouble       *troubleLog
}

// savedSeries is a copy of a series; the bytes of its chunks are shared, as a series only
// appends to them.
type savedSeries struct {
	key
	series
}

// Save copies what changes, some 1 KB for each name: points need not wait until all is
// encoded.
func (t *Timeline) Save() *Saved {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := &Saved{
		all: &t.all, named: &t.named, first: t.first, times: slices.Clone(t.times), series: make([]savedSeries, 0, len(t.series)),
		agents: t.agents.save(), sites: t.sites.save(), trouble: t.trouble.copied(),
	}
	for k, of := range t.series {
		s.series = append(s.series, savedSeries{k, series{used: of.used, seen: of.seen, chunks: slices.Clone(of.chunks)}})
	}
	return s
}

// Encode encodes the current points.
func (t *Timeline) Encode() (frames [][]byte) { return t.Save().Encode() }

// Encode returns all points in frames for Decode. The first frame has the
// version, the labels of both layouts, the times, the number of series and that
// of their frames; the last three have the states of agents, those of sites, and the
// workflows with failed jobs or alerts; the others have series by kind and name, packed. Numbers are varints, texts are preceded by their
// length. The same Timeline always has the same bytes.
func (s *Saved) Encode() (frames [][]byte) {
	out := []byte{version}
	for _, l := range []*layout{s.all, s.named} {
		out = binary.AppendUvarint(out, uint64(len(l.labels)))
		for _, label := range l.labels {
			out = appendBytes(out, label)
		}
	}
	out = binary.AppendUvarint(out, uint64(len(s.times)))
	last := int64(0)
	for _, at := range s.times {
		out = binary.AppendVarint(out, at-last)
		last = at
	}
	frames = append(frames, binary.AppendUvarint(out, uint64(len(s.series))))
	list := slices.SortedFunc(slices.Values(s.series), func(a, b savedSeries) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	out = nil
	for _, of := range list {
		if len(out) >= frameBytes {
			frames, out = append(frames, out), nil
		}
		out = appendBytes(appendBytes(out, of.kind), of.name)
		out = binary.AppendVarint(binary.AppendVarint(out, of.used), of.seen)
		out = binary.AppendUvarint(out, uint64(len(of.chunks)))
		for _, c := range of.chunks {
			out = binary.AppendVarint(out, c.first-s.first) // below 0: it has points that are too old
			out = binary.AppendUvarint(out, uint64(c.count))
			out = appendBytes(out, c.data)
		}
	}
	if len(out) > 0 {
		frames = append(frames, out)
	}
	frames[0] = binary.AppendUvarint(frames[0], uint64(len(frames)-1))
	return append(frames, s.agents.encode(), s.sites.encode(), s.trouble.encode())
}

func appendBytes[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// Decode replaces the current points by those that Encode wrote, in this or
// an earlier version. It accepts any bytes: an error leaves the Timeline
// unchanged. Labels that this Timeline does not have are dropped; an unknown
// status is counted as OtherStatus.
func (t *Timeline) Decode(frames [][]byte) error {
	r := reader{}
	if len(frames) > 0 {
		r.src = frames[0]
	}
	v := r.take(1)
	if r.err == nil && (v[0] < firstVersion || v[0] > version) {
		return fmt.Errorf("counts over time have version %d, this program reads %d to %d", v[0], firstVersion, version)
	}
	fresh, err := New(t.o)
	if err != nil {
		return err
	}
	logs := &decodedLogs{trouble: &troubleLog{}}
	d := decoder{into: fresh, first: r.err == nil && v[0] == firstVersion}
	d.head(&r)
	if d.first {
		for n := r.length(); n > 0 && r.err == nil; n-- {
			d.series(&r)
		}
		r.end()
	} else {
		n, parts := r.uvarint(), r.uvarint()
		r.end()
		after := 3 // frames that follow the series
		if r.err == nil && v[0] == secondVersion {
			after = 1
		}
		if end := len(frames) - after; end < 1 || parts+1 != uint64(end) {
			r.truncated()
		} else {
			if logs, err = decodeLogs(frames[end:]); err != nil {
				return err
			}
			frames = frames[:end]
		}
		for _, frame := range frames[min(1, len(frames)):] {
			if r.err != nil {
				break
			}
			r.src = frame
			for len(r.src) > 0 {
				d.series(&r)
			}
		}
		if n != uint64(len(fresh.series)) {
			r.truncated()
		}
	}
	if r.err != nil {
		return r.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times, t.first, t.series = fresh.times, 0, fresh.series
	now := t.o.Now().Unix()
	t.trim(now)
	t.agents.replace(&logs.agents)
	t.sites.replace(&logs.sites)
	t.trouble.replace(logs.trouble)
	t.forgetLogs(now)
	t.forget()
	return nil
}

// decodedLogs is what the frames after the series have.
type decodedLogs struct {
	agents, sites agentLog
	trouble       *troubleLog
}

// decodeLogs reads these frames; the second version had those of agents only.
func decodeLogs(frames [][]byte) (d *decodedLogs, err error) {
	d = &decodedLogs{trouble: &troubleLog{}}
	if d.agents.states, d.agents.changes, err = decodeAgents(frames[0]); err != nil || len(frames) == 1 {
		return d, err
	}
	if d.sites.states, d.sites.changes, err = decodeAgents(frames[1]); err != nil {
		return d, err
	}
	r := reader{src: frames[2]}
	d.trouble = decodeTrouble(&r)
	r.end()
	return d, r.err
}

// decoder reads what Encode wrote into an empty Timeline.
type decoder struct {
	into  *Timeline
	first bool // of the first version
	all   []int
	named []int // index of each written label of a layout, or -1

	written, old int64 // points, and those of them that are too old and left out
}

// head reads the labels and the times.
func (d *decoder) head(r *reader) {
	t := d.into
	labels := r.labels()
	d.all = places(labels, &t.all)
	if d.first {
		d.named = t.placesByGroup(labels)
	} else {
		d.named = places(r.labels(), &t.named)
	}
	for n, last := r.length(), int64(0); n > 0 && r.err == nil; n-- {
		at := last + r.varint()
		if at <= last {
			r.fail("times must ascend")
		}
		t.times, last = append(t.times, at), at
	}
	d.written = int64(len(t.times))
	d.old = int64(t.tooOld(t.o.Now().Unix()))
	t.times = t.times[d.old:]
}

// series reads one series.
func (d *decoder) series(r *reader) {
	t := d.into
	k := key{Kind(r.text()), string(r.text())}
	if r.err != nil {
		return
	}
	if t.series[k] != nil || (k.kind == "") != (k.name == "") || k.kind != "" && !slices.Contains(Kinds(), k.kind) {
		r.fail("a series appears twice, or is of an unknown kind")
		return
	}
	from := d.named
	if k == (key{}) {
		from = d.all
	}
	s := &series{used: r.varint()}
	if s.seen = s.used; !d.first {
		s.seen = r.varint()
	} else if n := len(t.times); n > 0 {
		s.seen = t.times[n-1]
	}
	t.series[k] = s
	number := int64(-1)
	for n := r.length(); n > 0 && r.err == nil; n-- {
		first, count, data := r.varint(), r.uvarint(), r.text()
		if r.err != nil || count == 0 || count > chunkPoints || first < -chunkPoints || first+int64(count) > d.written || len(s.chunks) > 0 && first <= number {
			r.fail("a series has points at times that do not exist")
			return
		}
		number = d.chunk(r, s, first, int(count), data, from, len(t.layout(k).labels))
	}
}

// chunk reads the points of one chunk and returns the number of the last one.
func (d *decoder) chunk(r *reader, s *series, first int64, count int, data []byte, from []int, width int) int64 {
	values := make([]int64, len(from))
	here := make([]int64, width)
	for i := range count {
		var err error
		if data, err = unpack(data, values); err != nil {
			r.fail(err.Error())
			return first
		}
		clear(here)
		for k, to := range from {
			if to >= 0 {
				here[to] += values[k]
			}
		}
		if number := first + int64(i); number >= d.old {
			s.append(number-d.old, here)
		}
	}
	if len(data) > 0 {
		r.fail("a series has more bytes than points")
	}
	return first + int64(count) - 1
}

// places returns the index in a layout of each written label, or -1.
func places(labels []string, l *layout) (out []int) {
	states := false
	for _, label := range labels {
		from, to := l.columns(states)
		place := slices.Index(l.labels[from:to], label)
		switch {
		case place >= 0:
			place += from
		case !states:
			place = l.states - 1
		}
		states = states || label == OtherStatus
		out = append(out, place)
	}
	return out
}

// placesByGroup returns the index in the layout of names of each written
// status and state: the first version had no groups.
func (t *Timeline) placesByGroup(labels []string) (out []int) {
	all := places(labels, &t.all)
	for i, place := range places(labels, &t.named) {
		if all[i] >= 0 && all[i] < t.all.states {
			place = t.groups[all[i]]
		}
		out = append(out, place)
	}
	return out
}
