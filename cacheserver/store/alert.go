package store

import (
	"container/heap"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// alert makes the alerts of a record and says when they must be made again,
// in Unix s; 0: not before something changes.
func (s *Store) alert(w *schema.Workflow, docs []*agentDoc) (due int64) {
	now := s.now()
	stale := []string{}
	for _, d := range docs {
		// Time passes for each document, so the next alert of a silent agent is
		// known; reports move it on, which is seen when that time comes.
		at := s.staleAt(d.heard())
		switch {
		case at > now:
			d.silent = 0
			if due == 0 || at < due {
				due = at
			}
			continue
		case d.silent == 0:
			d.silent = max(d.heard(), 1)
		}
		stale = append(stale, s.names.Agent(d.packed))
	}
	alerts, next := schema.Alerts(w, stale, now, *s.thresholds.Load())
	if w.Alerts = alerts; w.Alerts == nil {
		w.Alerts = []string{}
	}
	if next > 0 && (due == 0 || next < due) {
		due = next
	}
	return due
}

// staleAt is when a document becomes stale that was heard of at that time.
func (s *Store) staleAt(heard int64) int64 { return heard + s.thresholds.Load().AgentSilent + 1 }

// schedule notes when the alerts of e must be made again.
func (s *Store) schedule(e *entry, due int64) {
	if due == e.due {
		return
	}
	e.due = due
	if due > 0 {
		heap.Push(&s.dues, dueItem{due, e})
	}
}

// Tick applies the rules that depend on time (alerts), and lets go of
// generations that nobody may read any more; call it now and then.
func (s *Store) Tick() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.expire(s.opt.Now())
	b := s.newBatch(wire.MadeByTime, s.opt.Now())
	if s.current.Load() == nil {
		return s.finish(b)
	}
	for now := s.now(); len(s.dues) > 0 && s.dues[0].due <= now; {
		item, _ := heap.Pop(&s.dues).(dueItem)
		if e := item.entry; e.due == item.due && e.has {
			s.touch(b, e)
			e.due = 0
		}
	}
	return s.finish(b)
}

// SetLimits takes other thresholds of alerts and makes the alerts of all records
// anew. It always publishes a generation, if there is one: what is made from
// the limits when it is asked for changes too.
func (s *Store) SetLimits(l schema.Limits) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thresholds.Store(&l)
	b := s.newBatch(wire.MadeByLimits, s.opt.Now())
	if s.current.Load() == nil {
		return s.finish(b)
	}
	for _, e := range s.entries {
		if e.has {
			s.touch(b, e)
		}
	}
	b.infos = true
	return s.finish(b)
}

// dueHeap holds the next time of each entry; items whose time is not the
// entry's any more are left in until they come up.
type dueHeap []dueItem

type dueItem struct {
	due   int64
	entry *entry
}

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any) {
	if item, ok := x.(dueItem); ok {
		*h = append(*h, item)
	}
}
func (h *dueHeap) Pop() any {
	old := *h
	item := old[len(old)-1]
	old[len(old)-1] = dueItem{}
	*h = old[:len(old)-1]
	return item
}
