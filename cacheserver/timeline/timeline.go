// Package timeline keeps counts over time: workflows by status and jobs by
// state, overall and for every campaign, site, release and agent. It takes a
// point of a generation at an interval and holds the points of the last days
// in bounded memory. It starts empty with the server, unless an earlier
// server's bytes are restored (Encode, Decode). It is meant for charts and
// rates: it counts the generation's own sums, and changes between two points
// are lost.
package timeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// Source provides generations: a *store.Store.
type Source interface {
	Newest() (generation *store.Generation, ok bool)
	Wait(after string) <-chan struct{}
	Agents(generation *store.Generation) []schema.AgentDetail
}

// Options of a Timeline. The zero value is valid.
type Options struct {
	Every    time.Duration            // minimum time between two points; 0: 5 min
	Keep     time.Duration            // how long points are kept; 0: 7 days
	Names    int                      // maximum number of campaigns, sites, releases and agents together; 0: 1 000
	Bytes    int64                    // maximum memory of all points; 0: 32 MiB
	Statuses []string                 // that are counted separately, all others together; nil: ReqMgr's
	Source   func() store.SourceState // while it is stale, agents seem silent that are not: their states are not compared; nil: never
	Now      func() time.Time
	Log      *slog.Logger
}

// Timeline is a series of points in time. It is safe for concurrent use.
type Timeline struct {
	o      Options
	most   int    // points
	all    layout // of the series of all workflows
	named  layout // of each other series
	groups []int  // index in named of each status of all

	observing sync.Mutex // serializes the taking of points

	agents, sites agentLog
	trouble       troubleLog

	mu     sync.RWMutex
	times  []int64 // of the points, Unix s, ascending
	first  int64   // number of the point at times[0]
	series map[key]*series
}

// New returns an empty Timeline.
func New(o Options) (*Timeline, error) {
	if o.Every < 0 || o.Keep < 0 || o.Names < 0 || o.Bytes < 0 {
		return nil, errors.New("timeline options: Every, Keep, Names and Bytes must not be negative")
	}
	o.Every, o.Keep = cmp.Or(o.Every, 5*time.Minute), cmp.Or(o.Keep, 7*24*time.Hour)
	o.Names, o.Bytes = cmp.Or(o.Names, 1000), cmp.Or(o.Bytes, 32<<20)
	if o.Statuses == nil {
		for _, s := range schema.Statuses() {
			o.Statuses = append(o.Statuses, s.Status)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Timeline{o: o, most: int(o.Keep / o.Every), series: map[key]*series{}}
	if t.most < 1 {
		return nil, fmt.Errorf("timeline options: Keep %s is shorter than Every %s", o.Keep, o.Every)
	}
	t.all, t.named = layoutOf(o.Statuses, states[:]), layoutOf(schema.StatusGroups(), namedStates[:])
	for _, status := range t.all.labels[:t.all.states] {
		t.groups = append(t.groups, schema.GroupOf(status))
	}
	return t, nil
}

// Run takes a point of each new generation, at most one per Every, until ctx
// ends.
func (t *Timeline) Run(ctx context.Context, from Source) error {
	seen := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-from.Wait(seen):
		}
		if wait := t.due(); wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
			}
		}
		generation, ok := from.Newest()
		if !ok {
			continue
		}
		seen = generation.ID()
		t.Observe(generation, from.Agents(generation))
	}
}

// due returns how long it takes until another point may be taken.
func (t *Timeline) due() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.times) == 0 {
		return 0
	}
	// When the clock was set back, Observe decides.
	return min(t.o.Every, time.Unix(t.times[len(t.times)-1], 0).Add(t.o.Every).Sub(t.o.Now()))
}

// Observe takes a point of a generation and of the agents in it, unless the
// last point is younger than Every. If the clock was set back by more than
// that, the points that are later than now are dropped: times must ascend.
func (t *Timeline) Observe(generation *store.Generation, agents []schema.AgentDetail) (taken bool) {
	return t.observe(t.o.Now(), generation, func() []schema.AgentDetail { return agents })
}

// ObserveAt is Observe at a moment, with the agents as of then.
func (t *Timeline) ObserveAt(at time.Time, generation *store.Generation) (taken bool) {
	return t.observe(at, generation, func() []schema.AgentDetail { return generation.AgentsAt(generation.AsOf(at)) })
}

// observe calls from only if it takes a point.
func (t *Timeline) observe(at time.Time, generation *store.Generation, from func() []schema.AgentDetail) (taken bool) {
	t.observing.Lock()
	defer t.observing.Unlock()
	now := at.Unix()
	last := t.Newest()
	if every := int64(t.o.Every / time.Second); last > 0 && now-last < every && last-now < max(every, 1) {
		return false
	}
	agents, sites := from(), generation.SitesAt(generation.AsOf(at))
	counts := t.count(generation, agents, sites)
	if last >= now {
		t.trouble.cut(now)
	}
	t.trouble.observe(now, generation)
	t.mu.Lock()
	defer t.mu.Unlock()
	if last >= now {
		t.o.Log.Warn("the clock was set back; counts over time that are later are dropped", "last", last, "now", now)
		t.cut(now)
		t.agents.cut(now)
		t.sites.cut(now)
	}
	t.append(now, counts)
	t.trim(now)
	if t.o.Source == nil || !t.o.Source().Stale {
		t.agents.observe(now, agents)
		t.sites.compare(now, siteStates(sites))
	}
	t.forgetLogs(now)
	t.forget()
	return true
}

// append adds a point. A series whose name has gone continues with zeros.
func (t *Timeline) append(now int64, counts map[key][]int64) {
	number := t.first + int64(len(t.times))
	t.times = append(t.times, now)
	for k, values := range counts {
		s := t.series[k]
		if s == nil {
			s = &series{}
			t.series[k] = s
		}
		s.seen = now
		if t.layout(k).weight(values) > 0 {
			s.used = now
		}
		s.append(number, values)
	}
	zeros := make([]int64, len(t.named.labels))
	for k, s := range t.series {
		if _, there := counts[k]; !there && k != (key{}) {
			s.append(number, zeros)
		}
	}
}

// trim drops points that are too old, and series of names that have gone for
// as long.
func (t *Timeline) trim(now int64) {
	if n := t.tooOld(now); n > 0 {
		t.times = slices.Clone(t.times[n:])
		t.first += int64(n)
	}
	for k, s := range t.series {
		if s.trim(t.first); len(s.chunks) == 0 || s.seen <= t.oldest(now) {
			delete(t.series, k)
		}
	}
}

// forgetLogs drops states and workflows that are too old or too many.
func (t *Timeline) forgetLogs(now int64) {
	t.agents.forget(t.oldest(now), t.o.Bytes/agentsShare)
	t.sites.forget(t.oldest(now), t.o.Bytes/agentsShare)
	t.trouble.forget(now, t.oldest(now), t.o.Bytes/troubleShare)
}

// oldest returns the time after which points are kept.
func (t *Timeline) oldest(now int64) int64 { return now - int64(t.o.Keep/time.Second) }

// tooOld returns the number of points that are not kept.
func (t *Timeline) tooOld(now int64) int {
	n := max(0, len(t.times)-t.most)
	for n < len(t.times) && t.times[n] <= t.oldest(now) {
		n++
	}
	return n
}

// cut drops the points that are not before a time.
func (t *Timeline) cut(now int64) {
	n, _ := slices.BinarySearch(t.times, now)
	t.times = t.times[:n]
	for k, s := range t.series {
		if s.cut(t.first+int64(n), len(t.layout(k).labels)); len(s.chunks) == 0 {
			delete(t.series, k)
		}
		s.used, s.seen = min(s.used, now), min(s.seen, now)
	}
}
