package store

import (
	"sync"
	"time"
	"unsafe"
)

// Diff is what one generation changed against the one before it.
type Diff struct {
	Generation, Previous    string
	Time                    time.Time
	Added, Changed, Removed []string // workflows, by name
	Total                   int      // workflows in Generation
}

// Bounds of the differences that are kept.
const (
	longest  = time.Hour
	maxNames = 500_000 // in all of them
)

// history keeps the differences between generations: names, so that they tell
// what changed also where a generation itself is kept no more.
type history struct {
	mu    sync.Mutex
	diffs []Diff // the oldest first, without gaps
	names int    // in diffs
}

// add keeps what changed.
func (h *history) add(diff Diff) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.diffs = append(h.diffs, diff)
	h.names += diff.names()
	n := 0
	for n < len(h.diffs) && (h.names > maxNames || diff.Time.Sub(h.diffs[n].Time) > longest) {
		h.names -= h.diffs[n].names()
		h.diffs[n] = Diff{}
		n++
	}
	h.diffs = h.diffs[n:]
}

func (d *Diff) names() int { return 1 + len(d.Added) + len(d.Changed) + len(d.Removed) }

// bytes is about the memory of the differences, without the texts of names,
// which the records' own are; and their number.
func (h *history) bytes() (bytes int64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	const name, generation = 16, 24 // a string, and the text of an id
	return int64(cap(h.diffs))*int64(unsafe.Sizeof(Diff{})) + generation*int64(len(h.diffs)) + name*int64(h.names), len(h.diffs)
}

// Changes gives the differences after the generation since, the oldest first;
// none when it is the newest. ok is false when it is not known or too long ago.
func (s *Store) Changes(since string) (diffs []Diff, ok bool) {
	cur := s.current.Load()
	if cur == nil {
		return nil, false
	}
	if cur.id == since {
		return []Diff{}, true
	}
	h := &s.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.diffs) - 1; i >= 0; i-- {
		if h.diffs[i].Previous == since {
			return append([]Diff(nil), h.diffs[i:]...), true
		}
	}
	return nil, false
}
