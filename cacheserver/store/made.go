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
		if old := m.newest[0]; old.By == wire.CausedByRead || old.By == wire.CausedByCheckpoint {
			if len(m.reads) == toldReads {
				m.reads = append(m.reads[:0], m.reads[1:]...)
			}
			m.reads = append(m.reads, old)
		}
		m.newest = append(m.newest[:0], m.newest[1:]...)
	}
	m.newest = append(m.newest, g)
}
