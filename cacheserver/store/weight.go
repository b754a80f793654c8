package store

import (
	"time"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// What is known of documents is weighed by samples: there may be millions.
const (
	weighEvery = 2 * time.Second
	sampled    = 1000
)

// Sizes of what a map takes for each of its elements, in bytes: a slot, a byte of
// control, and what is free on average.
const (
	byText = (16 + 8 + 1) * 3 / 2
	byHash = (8 + 8 + 1) * 3 / 2
)

// weigh notes what the documents take, if that was not done a moment ago. The
// writer's lock is held.
func (s *Store) weigh(now time.Time) {
	c := &s.account
	if !c.weighed.IsZero() && now.Sub(c.weighed) < weighEvery && now.After(c.weighed) {
		return
	}
	c.weighed = now
	var bytes, n int64
	for _, e := range s.entries { // in another order each time
		bytes += e.bytes()
		if n++; n == sampled {
			break
		}
	}
	if n > 0 {
		bytes = int64(float64(bytes) / float64(n) * float64(len(s.entries)))
	}
	bytes += byText*int64(len(s.entries)+len(s.docs)+len(s.aliases)) + byHash*s.known.len() + 16*int64(cap(s.dues)) + s.recoveries.bytes()
	for _, n := range s.infos {
		bytes += n.bytes()
	}
	c.weight.Store(bytes)
	c.number.Store(int64(len(s.entries) + len(s.docs) + len(s.infos)))
}

func (e *entry) bytes() int64 {
	n := block.Allocated(int64(unsafe.Sizeof(*e))) + block.Allocated(int64(len(e.name))) + block.Allocated(8*int64(cap(e.docs))) + block.Allocated(int64(len(e.request)))
	for _, d := range e.docs {
		n += block.Allocated(int64(unsafe.Sizeof(*d))) + block.Allocated(int64(len(d.id))) + block.Allocated(int64(len(d.packed)))
	}
	if e.rare != nil {
		n += block.Allocated(int64(unsafe.Sizeof(*e.rare)))
		for _, r := range e.rare.rivals {
			n += int64(unsafe.Sizeof(r)) + int64(len(r.id)) + recordBytes(r.record)
		}
	}
	return n
}

func recordBytes(w *schema.Workflow) int64 {
	if w == nil {
		return 0
	}
	return int64(len(schema.AppendJSON(nil, w)))
}

// bytes is about what an agent's report on itself takes.
func (n *info) bytes() int64 {
	d := n.detail
	return int64(unsafe.Sizeof(*n)) + int64(unsafe.Sizeof(*d)) + byText +
		sizeOf(d.Components) + sizeOf(d.Disks) + sizeOf(d.Sites) + sizeOf(d.SitePriorities) + sizeOf(d.JobStates)
}

func sizeOf[T any](list []T) int64 {
	var one T
	return int64(cap(list)) * int64(unsafe.Sizeof(one))
}
