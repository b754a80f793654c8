package store

import (
	"sync"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// How many generations are told of after they were made: the newest, and the
// last that a full read or a checkpoint made.
const (
	toldNewest = 40
	toldReads  = 10
)

// making says what a generation is made by, and since when.
type making struct {
	by    string // one of wire.MadeBy…
	began time.Time
}

// made remembers how generations came to be, in bounded room.
type made struct {
	mu     sync.Mutex
	newest []wire.AboutGeneration // the oldest first
	reads  []wire.AboutGeneration // those that left newest and were not made of changes or by time
}

func (m *made) note(g wire.AboutGeneration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.newest) == toldNewest {
		if old := m.newest[0]; old.By == wire.MadeByRead || old.By == wire.MadeByCheckpoint {
			if len(m.reads) == toldReads {
				m.reads = append(m.reads[:0], m.reads[1:]...)
			}
			m.reads = append(m.reads, old)
		}
		m.newest = append(m.newest[:0], m.newest[1:]...)
	}
	m.newest = append(m.newest, g)
}

// Made tells how the newest generations were made, and the last full reads
// before them: the newest first, some 50 at most.
func (s *Store) Made() []wire.AboutGeneration {
	m := &s.made
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]wire.AboutGeneration, 0, len(m.newest)+len(m.reads))
	for i := len(m.newest) - 1; i >= 0; i-- {
		out = append(out, m.newest[i])
	}
	for i := len(m.reads) - 1; i >= 0; i-- {
		out = append(out, m.reads[i])
	}
	return out
}

// noteMade notes a generation that is being published.
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
