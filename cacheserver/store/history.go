package store

import (
	"sync"
	"time"
)

// Diff is what one generation changed against the one before it.
type Diff struct {
	Generation, Previous    string
	Time                    time.Time
	Added, Changed, Removed []string // workflows, by name
	Total                   int      // workflows in Generation
}

// Bounds of what is kept of the past.
const (
	longest  = time.Hour // a generation that is read again and again; differences
	maxNames = 500_000   // in all kept differences
	dropEach = 10 * time.Second
)

// history keeps superseded generations for readers that name them, and the
// differences between generations. Its lock is held for short looks only.
type history struct {
	mu       sync.Mutex
	keepFor  time.Duration
	maxBytes int64

	kept  []*keptGeneration // the oldest first
	bytes int64             // of kept

	nextDrop time.Time

	diffs []Diff // the oldest first, without gaps
	names int    // in diffs
}

// keptGeneration counts for the blocks that the next generation dropped: they
// are held by it and by older ones.
type keptGeneration struct {
	snap             *Snapshot
	superseded, till time.Time
	bytes            int64
}

func (h *history) init(keepFor time.Duration, maxBytes int64) {
	h.keepFor, h.maxBytes = keepFor, maxBytes
}

// generationBytes is about what a generation takes beyond its blocks.
func generationBytes(g *Snapshot) int64 {
	return 4096 + 64*int64(len(g.tree.Chunks())) + g.lists.bytes()
}

// add keeps a generation that is superseded now, and what changed.
func (h *history) add(old *Snapshot, dropped int64, diff Diff) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := &keptGeneration{snap: old, superseded: diff.Time, till: diff.Time.Add(h.keepFor), bytes: dropped + generationBytes(old)}
	h.kept = append(h.kept, k)
	h.bytes += k.bytes
	h.drop(diff.Time)
	h.shrink()

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

// charge counts blocks that the newest generation dropped without a new one
// in its place: kept generations still hold them.
func (h *history) charge(dropped int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.kept); n > 0 {
		h.kept[n-1].bytes += dropped
		h.bytes += dropped
		h.shrink()
	}
}

// expire lets go of generations whose time is over.
func (h *history) expire(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nextDrop = time.Time{}
	h.drop(now)
}

// drop lets go of generations whose time is over. Publishing does not wait for
// a walk over all of them: it is done now and then.
func (h *history) drop(now time.Time) {
	if now.Before(h.nextDrop) {
		return
	}
	h.nextDrop = now.Add(dropEach)
	left := h.kept[:0]
	for _, k := range h.kept {
		switch {
		case !now.After(k.till):
			left = append(left, k)
		case len(left) > 0: // an older one still holds its blocks
			left[len(left)-1].bytes += k.bytes
		default:
			h.bytes -= k.bytes
		}
	}
	clear(h.kept[len(left):])
	h.kept = left
}

// shrink lets go of the oldest generations while all hold too much memory.
func (h *history) shrink() {
	for len(h.kept) > 0 && h.bytes > h.maxBytes {
		h.bytes -= h.kept[0].bytes
		h.kept[0] = nil
		h.kept = h.kept[1:]
	}
}

// get gives a kept generation and prolongs its time.
func (h *history) get(id string, now time.Time) (*Snapshot, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.kept {
		if k.snap.id != id || now.After(k.till) {
			continue
		}
		last := k.superseded.Add(max(longest, h.keepFor))
		if till := now.Add(h.keepFor); till.After(k.till) {
			k.till = till
		}
		if k.till.After(last) {
			k.till = last
		}
		return k.snap, true
	}
	return nil, false
}

// looked is how many of the newest kept generations are searched for an order.
const looked = 256

// ordered gives the newest whole order of all workflows among the last n kept
// generations, or nil.
func (h *history) ordered(key string, n int) *Selection {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.kept) - 1; i >= max(0, len(h.kept)-n); i-- {
		if l := h.kept[i].snap.lists.peek(key); l != nil && l.sort != nil && l.sort.peek() != nil {
			return l
		}
	}
	return nil
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
