package store

import (
	"time"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// Shares of Options.Memory.
const (
	hysteresis = 16 // when there is too much, one in so many goes beyond the bound
	recount    = 32 // what comes before it is looked whether to count again: one in so many
	stale      = 4  // what may come before the next count: one in so many
)

// bounds returns how many bytes segments may take, and kept generations when
// segments take what they take in a.
func (s *Store) bounds(a *Account) (segments, kept int64) {
	segments = int64(float64(s.opt.Memory) / segmentShare)
	kept = s.opt.Memory - min(segments, a.Segments)
	if s.account.borrowed {
		kept += s.opt.Loan.Bytes
	}
	return segments, kept
}

// Bounds returns how many bytes segments may take, and kept generations now: they
// have what segments leave, and the loan when it is taken.
func (s *Store) Bounds() (segments, kept int64) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return s.bounds(&s.account.last)
}

// Broken is how many generations that an answer promised had to go before their
// time.
func (s *Store) Broken() int64 { return s.readers.kept.broken.Load() }

// KeptAge is the time since the oldest generation that is still kept was
// superseded; 0 when there is none but the newest.
func (s *Store) KeptAge() time.Duration {
	kept := s.readers.kept.all()
	if len(kept) == 0 {
		return 0
	}
	return max(0, s.opt.Now().Sub(kept[0].superseded))
}

// Account counts what the store holds now, within its bounds.
func (s *Store) Account() Account {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.trim()
	return s.account.last
}

// bound keeps within its bounds what readers and superseded generations hold.
// Counting looks at all of it, so it is done when as much has come as makes a
// difference: added is about what has come now. The writer's lock is held.
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

// trim counts, and lets go of generations beyond the bound: first of those that
// no answer promised. The others go when the loan is not enough either.
func (s *Store) trim() {
	for s.count(); ; s.count() {
		_, most := s.bounds(&s.account.last)
		if s.account.last.Kept <= most {
			s.repay(most)
			return
		}
		gone := map[*keptGeneration]bool{}
		for _, one := range s.readers.kept.all() {
			if !one.g.told.promised.Load() {
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
// memory unused: most is what they may take with the loan.
func (s *Store) repay(most int64) {
	if own := most - s.opt.Loan.Bytes; s.account.borrowed && s.account.last.Kept <= own/4*3 {
		s.account.borrowed = false
		s.opt.Loan.Take(false)
	}
}

// letGo lets generations go, and says so now and then when that breaks promises.
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

// generationBytes is what a generation takes beside its table and sums.
const generationBytes = int64(unsafe.Sizeof(Generation{})+unsafe.Sizeof(join.State{})+unsafe.Sizeof(keptGeneration{})) + 256

// count counts everything, the newest generation first: what it has is not
// counted again where older ones share it. The lock of accounting is held.
func (s *Store) count() {
	a := Account{}
	a.Documents, a.DocumentCount = s.account.weight.Load(), int(s.account.number.Load())
	a.Changes, a.ChangeCount = s.differences.bytes()
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
