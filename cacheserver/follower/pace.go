package follower

import (
	"math/rand/v2"
	"time"
)

// pace puts pauses between full reads that succeed and are useless: a source
// that rejects the positions that it returned itself would otherwise be read in
// a loop.
type pace struct {
	least, most time.Duration

	next time.Duration
	last time.Time // when a full read ended
}

// read records that a full read has ended.
func (p *pace) read(now time.Time) { p.last = now }

// wait returns how long to wait before the next full read: zero after a quiet
// time and after the first useless read, then longer each time, randomized like
// the waits after failures.
func (p *pace) wait(now time.Time) time.Duration {
	if p.last.IsZero() || now.Sub(p.last) >= p.most {
		p.next = 0
		return 0
	}
	due := p.next
	p.next = min(max(p.least, 2*due), p.most)
	return due/2 + rand.N(due/2+1)
}
