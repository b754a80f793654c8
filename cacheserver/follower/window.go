package follower

import "time"

// window says for how long a change waits for others, so that many changes make
// few generations. Where changes come all the time they are applied once in a
// length of time; where they come now and then, nearly at once.
type window struct {
	length time.Duration

	last time.Time       // when changes were applied last
	came [calm]time.Time // when the newest changes came: a ring
	next int             // place of the oldest in the ring
}

const (
	calm      = 30 // fewer changes than these in ten lengths come now and then
	calmShare = 5  // then they are applied once in this part of the length,
	soonShare = 20 // and after a quiet time in this one, as what belongs together comes together
)

// arrived notes that a change came.
func (w *window) arrived(at time.Time) {
	w.came[w.next] = at
	w.next = (w.next + 1) % calm
}

// applied notes that changes were applied.
func (w *window) applied(at time.Time) { w.last = at }

// wait returns how long the first change that is not applied yet waits for
// others.
func (w *window) wait(now time.Time) time.Duration {
	length := w.length
	if now.Sub(w.came[w.next]) >= 10*w.length {
		length /= calmShare
	}
	return max(w.length/soonShare, length-now.Sub(w.last))
}
