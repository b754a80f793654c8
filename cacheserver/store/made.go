package store

import (
	"sync"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// Numbers of generations whose origin is remembered: the newest, and the last
// ones of full reads or checkpoints.
const (
	toldNewest = 40
	toldReads  = 10
)

// making is the cause of a generation, and when its computation began.
type making struct {
	by    string // one of wire.MadeBy…
	began time.Time
}

// made remembers the origins of generations, in limited memory.
type made struct {
	mu     sync.Mutex
	newest []wire.AboutGeneration // oldest first
	reads  []wire.AboutGeneration // those dropped from newest that were not made by changes or time
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
