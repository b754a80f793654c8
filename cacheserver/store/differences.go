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

// differences keeps what generations changed: names, so that they tell
// what changed also where a generation itself is kept no more.
type differences struct {
	mu    sync.Mutex
	diffs []Diff // the oldest first, without gaps
	names int    // in diffs
}

// add keeps what changed.
func (d *differences) add(diff Diff) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.diffs = append(d.diffs, diff)
	d.names += diff.names()
	n := 0
	for n < len(d.diffs) && (d.names > maxNames || diff.Time.Sub(d.diffs[n].Time) > longest) {
		d.names -= d.diffs[n].names()
		d.diffs[n] = Diff{}
		n++
	}
	d.diffs = d.diffs[n:]
}

func (d *Diff) names() int { return 1 + len(d.Added) + len(d.Changed) + len(d.Removed) }

// bytes is about the memory of the differences, without the texts of names,
// which the records' own are; and their number.
func (d *differences) bytes() (bytes int64, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const name, generation = 16, 24 // a string, and the text of an id
	return int64(cap(d.diffs))*int64(unsafe.Sizeof(Diff{})) + generation*int64(len(d.diffs)) + name*int64(d.names), len(d.diffs)
}
