package store

import (
	"time"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// Shares of Options.Memory.
const (
	hysteresis = 16 // when the bound is exceeded, this part more than necessary is dropped
	recount    = 32 // part that may be added before a check whether to count again
	stale      = 4  // part that may be added before the next count
)

// bounds returns how many bytes segments may take, and kept generations beside
// segments of the size in a.
func (s *Store) bounds(a *Account) (segments, kept int64) {
	segments = int64(float64(s.opt.Memory) / segmentShare)
	kept = s.opt.Memory - min(segments, a.Segments)
	if s.account.borrowed {
		kept += s.opt.Loan.Bytes
	}
	return segments, kept
}

// Bounds returns how many bytes segments may take, and kept generations now: the
// rest beside segments, and the loan if it is in use.
func (s *Store) Bounds() (segments, kept int64) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return s.bounds(&s.account.last)
}

// Broken returns how many promised generations were dropped early.
func (s *Store) Broken() int64 { return s.readers.kept.broken.Load() }

// KeptAge returns the time since the oldest kept generation was superseded; 0 if
// there is only the newest.
func (s *Store) KeptAge() time.Duration {
	kept := s.readers.kept.all()
	if len(kept) == 0 {
		return 0
	}
	return max(0, s.opt.Now().Sub(kept[0].superseded))
}

// Account counts the memory of the store, and enforces its bounds.
func (s *Store) Account() Account {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.trim()
	return s.account.last
}

// bound enforces the bounds of readers' data and superseded generations.
// Counting visits all of it, so it is done when enough has been added: added is
// the approximate size of the new data. The caller holds the writer's lock.
func (s *Store) bound(added int64) {
	c := &s.account
	if c.pending += added; c.pending < s.opt.Memory/recount {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, kept := s.bounds(&c.last); c.pending < s.opt.Memory/stale && c.last.Kept+c.pending < kept {
		return
	}
	c.pending = 0
	s.trim()
}

// trim counts, and drops generations beyond the bound: first those without a
// promise, then the others if the loan is not enough either.
func (s *Store) trim() {
	for s.count(); ; s.count() {
		_, most := s.bounds(&s.account.last)
		if s.account.last.Kept <= most {
			s.repay(most)
			return
		}
		gone := map[*keptGeneration]bool{}
		for _, one := range s.readers.kept.all() {
			if !one.g.told.kept() {
				gone[one] = true
			}
		}
		if len(gone) == 0 && s.opt.Loan.Bytes > 0 && !s.account.borrowed {
			s.account.borrowed = true
			s.opt.Loan.Take(true)
			continue
		}
		if len(gone) == 0 {
			over := s.account.last.Kept - most + most/hysteresis
			for _, one := range s.readers.kept.all() {
				if over <= 0 {
					break
				}
				gone[one] = true
				over -= one.own
			}
		}
		s.letGo(gone)
	}
}

// repay returns the loan when kept generations leave a quarter of their own
// memory unused: most is their limit with the loan.
func (s *Store) repay(most int64) {
	if own := most - s.opt.Loan.Bytes; s.account.borrowed && s.account.last.Kept <= own/4*3 {
		s.account.borrowed = false
		s.opt.Loan.Take(false)
	}
}

// letGo drops generations, and logs from time to time when that breaks promises.
func (s *Store) letGo(gone map[*keptGeneration]bool) {
	now := s.opt.Now()
	s.readers.kept.letGo(gone, now)
	c := &s.account
	if broken := s.readers.kept.broken.Load(); broken > c.said && !now.Before(c.sayAt) {
		s.opt.Log.Warn("dropped promised generations: --memory is too small for the rate of changes and readers",
			"generations", broken-c.said, "memory", s.opt.Memory)
		c.said, c.sayAt = broken, now.Add(time.Minute)
	}
}

// generationBytes is the size of a generation besides its table and sums.
const generationBytes = int64(unsafe.Sizeof(Generation{})+unsafe.Sizeof(join.State{})+unsafe.Sizeof(keptGeneration{})) + 256

// count counts everything, the newest generation first, so that parts which
// older ones share count once. The caller holds the lock of accounting.
func (s *Store) count() {
	a := Account{}
	a.Documents, a.DocumentCount = s.account.weight.Load(), int(s.account.number.Load())
	a.Changes, a.ChangeCount = s.differences.bytes()
	a.Heard, a.HeardCount = s.readers.heard.bytes()
	cur := s.current.Load()
	if cur == nil {
		s.account.last = a
		return
	}
	kept := s.readers.kept.all()
	a.Records = cur.table.Layout.Bytes() + cur.table.Size()
	a.Index = cur.table.Unpacked()
	for _, b := range cur.table.Blocks() {
		if bytes := b.Segments(); bytes > 0 {
			a.Segments, a.SegmentCount = a.Segments+bytes, a.SegmentCount+1
		}
		a.Index += b.Index()
	}
	s.readers.segments.Store(a.Segments)
	a.Workflows = cur.Total()
	a.Sums, a.SumCount = cur.sums.Bytes(), cur.sums.Len()
	a.Documents += cur.state.Recoveries.Bytes()
	next := cur
	for i := len(kept) - 1; i >= 0; i-- {
		one := kept[i]
		if one.next != next {
			one.own = generationBytes + one.g.table.Own(next.table) + one.g.sums.Own(next.sums) + one.g.state.Recoveries.Own(next.state.Recoveries)
			one.next = next
		}
		a.Kept += one.own
		next = one.g
	}
	a.KeptCount = len(kept)
	s.account.last = a
}
