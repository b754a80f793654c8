package follower

import "time"

// window decides how long a change waits for others, so that many changes make
// few generations. Frequent changes are applied once per length; occasional ones
// almost at once.
type window struct {
	length time.Duration

	last time.Time       // when changes were applied last
	came [calm]time.Time // times of the newest changes: a ring
	next int             // index of the oldest in the ring
}

const (
	calm      = 30 // fewer changes than this in ten lengths are occasional
	calmShare = 5  // occasional changes are applied once in this part of the length,
	soonShare = 20 // and after a quiet time in this part, since related changes come together
)

// arrived records that a change arrived.
func (w *window) arrived(at time.Time) {
	w.came[w.next] = at
	w.next = (w.next + 1) % calm
}

// applied records that changes were applied.
func (w *window) applied(at time.Time) { w.last = at }

// wait returns how long the first change that is not yet applied waits for
// others.
func (w *window) wait(now time.Time) time.Duration {
	length := w.length
	if now.Sub(w.came[w.next]) >= 10*w.length {
		length /= calmShare
	}
	return max(w.length/soonShare, length-now.Sub(w.last))
}
