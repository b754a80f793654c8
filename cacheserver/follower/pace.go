package follower

import (
	"math/rand/v2"
	"time"
)

// pace keeps full reads that succeed, and are of no use, from following each
// other without a pause: a source that knows no position which it gave would be
// read as a whole again and again.
type pace struct {
	least, most time.Duration

	next time.Duration
	last time.Time // when a full read ended
}

// read notes that a full read has ended.
func (p *pace) read(now time.Time) { p.last = now }

// wait returns how long to wait before the next full read: not at all after a
// quiet time and the first time that a read was of no use, then longer each
// time, spread as the waits after failures are.
func (p *pace) wait(now time.Time) time.Duration {
	if p.last.IsZero() || now.Sub(p.last) >= p.most {
		p.next = 0
		return 0
	}
	due := p.next
	p.next = min(max(p.least, 2*due), p.most)
	return due/2 + rand.N(due/2+1)
}
