package timeline

import (
	"cmp"
	"slices"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// Bounds of the record of failed jobs and alerts.
const (
	mostRules    = 64       // that are followed: a bit each
	coarseAfter  = 2 * hour // age from which on there is one step an hour
	hour         = 3600
	troubleShare = 8 // of the bytes of a Timeline
)

// trouble has the failed jobs of a workflow, and the alerts that
// hold, a bit for each of the rules. It is zero for most workflows.
type trouble struct {
	failure int64
	alerts  uint64
}

// before is a workflow whose trouble changed, with what it was before.
type before struct {
	id   uint64
	name string // "" if it has left the lists
	trouble
}

// step is what changed from the time of the step before to its own.
type step struct {
	time    int64
	changed []before // by id
}

// troubleLog has the failed jobs and alerts of all workflows at the newest point, and
// what changed in the steps that led to it, so that every earlier state can be
// computed. Workflows are known by the hash of their name.
type troubleLog struct {
	mu    sync.Mutex
	rules []string           // in the order of their bits
	is    map[uint64]trouble // those with any; at the time of the newest point; never changed
	from  int64              // time before the first step; 0: nothing is known
	to    int64              // time of the newest point
	steps []step             // oldest first
}

// observe compares the workflows with those of the last point.
func (l *troubleLog) observe(now int64, g *store.Generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := make(map[uint64]trouble, len(l.is))
	there := make(map[uint64]struct{}, len(l.is))
	s := step{time: now}
	g.EachTrouble(func(name []byte, failure int64, alerts []string) {
		id, is := xxhash.Sum64(name), trouble{failure, l.bits(alerts)}
		was, had := l.is[id]
		if is != (trouble{}) {
			next[id] = is
		}
		if had {
			there[id] = struct{}{}
		}
		if was != is {
			s.changed = append(s.changed, before{id, string(name), was})
		}
	})
	for id, was := range l.is {
		if _, ok := there[id]; !ok {
			s.changed = append(s.changed, before{id, "", was})
		}
	}
	l.is, l.to = next, now
	if l.from == 0 { // there is nothing to compare with
		l.from = now
		return
	}
	slices.SortFunc(s.changed, func(a, b before) int { return cmp.Compare(a.id, b.id) })
	l.steps = append(l.steps, s)
}

// bits returns a bit for each alert. Rules beyond the bound are not followed.
func (l *troubleLog) bits(alerts []string) (bits uint64) {
	for _, alert := range alerts {
		i := slices.Index(l.rules, alert)
		if i < 0 && len(l.rules) < mostRules {
			i, l.rules = len(l.rules), append(l.rules, alert)
		}
		if i >= 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// forget merges steps that are older than a while to one an hour, and drops those
// that are too old, or too many for the bytes.
func (l *troubleLog) forget(now, oldest, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 0; i+1 < len(l.steps); {
		if a, b := l.steps[i].time, l.steps[i+1].time; a == b || b <= now-coarseAfter && a/hour == b/hour {
			l.steps[i] = joinedSteps(l.steps[i], l.steps[i+1])
			l.steps = slices.Delete(l.steps, i+1, i+2)
		} else {
			i++
		}
	}
	size := l.size()
	n := 0
	for n < len(l.steps) && (l.steps[n].time <= oldest || size > bytes) {
		size -= l.steps[n].size()
		l.from = l.steps[n].time
		n++
	}
	l.steps = slices.Delete(l.steps, 0, n)
}

// joinedSteps returns the step over two consecutive ones: the state before the first.
func joinedSteps(a, b step) step {
	out := step{time: b.time, changed: make([]before, 0, len(a.changed)+len(b.changed))}
	for i, k := 0, 0; i < len(a.changed) || k < len(b.changed); {
		switch {
		case k == len(b.changed) || i < len(a.changed) && a.changed[i].id < b.changed[k].id:
			out.changed = append(out.changed, a.changed[i])
			i++
		case i == len(a.changed) || b.changed[k].id < a.changed[i].id:
			out.changed = append(out.changed, b.changed[k])
			k++
		default:
			one := a.changed[i]
			one.name = cmp.Or(b.changed[k].name, one.name)
			out.changed = append(out.changed, one)
			i, k = i+1, k+1
		}
	}
	out.changed = slices.Clip(out.changed)
	return out
}

// cut moves the steps that are not before a time to that time: the clock was set
// back, and what changed in them has still changed.
func (l *troubleLog) cut(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.steps {
		l.steps[i].time = min(l.steps[i].time, now)
	}
	l.from, l.to = min(l.from, now), min(l.to, now)
}

// replace takes what another log has.
func (l *troubleLog) replace(by *troubleLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules, l.is, l.from, l.to, l.steps = by.rules, by.is, by.from, by.to, by.steps
}

func (s *step) size() int64 {
	size := int64(unsafe.Sizeof(*s)) + int64(cap(s.changed))*int64(unsafe.Sizeof(before{}))
	for i := range s.changed {
		size += int64(len(s.changed[i].name))
	}
	return size
}

// size returns the approximate memory of the steps.
func (l *troubleLog) size() (size int64) {
	for i := range l.steps {
		size += l.steps[i].size()
	}
	return size
}

// bytes returns the approximate memory of all.
func (l *troubleLog) bytes() int64 {
	const entry = int64(unsafe.Sizeof(trouble{})+8) * 3 / 2 // in the map, with its free space
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size() + int64(len(l.is))*entry
}

// copied returns what the log has now, for readers: the next point does not wait for
// them.
func (l *troubleLog) copied() *troubleLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &troubleLog{rules: l.rules, is: l.is, from: l.from, to: l.to, steps: slices.Clone(l.steps)}
}

// Steps of the work for one workflow.
const (
	stepsOfChange = 100 // an entry of a large map
	stepsOfState  = 50  // reading one
	stepsOfSort   = 50  // comparing two
)

// since returns each workflow whose trouble has changed between the last known point
// at or before a time (the first one, if that is later) and the newest one, with its
// trouble at the first of these times. The budget may end it early.
func (l *troubleLog) since(spent *budget.Budget, at int64) (changed map[uint64]before, from int64) {
	from = l.from
	changed = map[uint64]before{}
	for i := range l.steps {
		if l.steps[i].time <= at {
			from = l.steps[i].time
			continue
		}
		for _, b := range l.steps[i].changed {
			if !spent.Spend(stepsOfChange) {
				return changed, from
			}
			first, known := changed[b.id]
			if !known {
				first = b
			}
			first.name = cmp.Or(b.name, first.name)
			changed[b.id] = first
		}
	}
	return changed, from
}
