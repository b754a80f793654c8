package store

import (
	"strconv"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/schema/wire"
)

// publish makes a generation of a state and shows it to readers.
func (s *Store) publish(state *join.State, changed join.Diff, how making) {
	old := s.current.Load()
	process := s.opt.Process
	s.number++
	if s.opt.Name != nil {
		process, s.number = s.opt.Name()
	}
	g := &Generation{
		id:         process + "-" + strconv.FormatInt(s.number, 10),
		number:     s.number,
		time:       state.Moment,
		with:       s.readers,
		state:      state,
		table:      state.Table,
		sums:       state.Sums,
		superseded: make(chan struct{}),
	}
	g.told.shared.Store(s.opt.KeepAll)
	diff := Diff{Added: changed.Added, Changed: changed.Changed, Removed: changed.Removed}
	s.noteMade(g, old == nil, &diff, how)
	if old == nil {
		s.account.weighed = time.Time{} // memory that waited for the first generation is free
		s.readers.newest.Store(g.number)
		s.current.Store(g)
		close(s.first)
		return
	}
	diff.Generation, diff.Previous, diff.Time, diff.Total = g.id, old.id, g.time, state.Table.Len()
	s.differences.add(diff)
	if old.told.by() { // before it can't be found as the newest
		s.readers.kept.add(old, g.time)
	}
	s.readers.newest.Store(g.number)
	s.current.Store(g)
	if old.told.by() { // meanwhile
		s.readers.kept.add(old, g.time)
	}
	close(old.superseded)
	s.bound(s.retire(old.table, state.Table))
}

// retire drops data derived from records that only superseded generations still
// have, and returns their approximate size.
func (s *Store) retire(old, now *table.Table) (bytes int64) {
	old.Retire(now)
	return generationBytes + old.Own(now)
}

// noteMade records the origin of a generation that is being published.
func (s *Store) noteMade(g *Generation, first bool, diff *Diff, how making) {
	added := len(diff.Added)
	if first {
		added = g.Total()
	}
	s.made.note(wire.AboutGeneration{
		Generation: g.id, By: how.by, Time: g.time.Unix(), Seconds: s.opt.Now().Sub(how.began).Seconds(),
		Records: int64(g.Total()), Added: int64(added), Changed: int64(len(diff.Changed)), Removed: int64(len(diff.Removed)),
		Bytes: g.table.EncodedBytes(),
	})
}
