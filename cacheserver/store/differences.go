package store

import (
	"sync"
	"time"
	"unsafe"
)

// Diff is the difference between a generation and the previous one.
type Diff struct {
	Generation, Previous    string
	Time                    time.Time
	Added, Changed, Removed []string // workflows, by name
	Total                   int      // workflows in Generation
}

// Bounds of the kept differences.
const (
	longest  = time.Hour
	maxNames = 500_000 // in all of them
)

// differences keeps the differences between generations as names, so that
// changes are known even when a generation is no longer kept.
type differences struct {
	mu    sync.Mutex
	diffs []Diff // oldest first, without gaps
	names int    // in diffs
}

// add adds a difference.
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

// bytes returns the approximate memory of the differences, without the texts of
// names, which the records share; and their number.
func (d *differences) bytes() (bytes int64, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const name, generation = 16, 24 // a string, and the text of an id
	return int64(cap(d.diffs))*int64(unsafe.Sizeof(Diff{})) + generation*int64(len(d.diffs)) + name*int64(d.names), len(d.diffs)
}
