// Package timeline keeps counts over time: workflows by status and jobs by
// state, overall and for the largest campaigns and sites. It takes a point of
// a generation at an interval and holds the points of the last days in a few
// megabytes. It starts empty with the server, unless an earlier server's bytes
// are restored (Encode, Decode). It is meant for charts: it counts the
// generation's own sums, and changes between two points are lost.
package timeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
}

// Options of a Timeline. The zero value is valid.
type Options struct {
	Every    time.Duration // minimum time between two points; 0: 5 min
	Keep     time.Duration // how long points are kept; 0: 7 days
	Top      int           // followed campaigns, and sites; 0: 20. Twice as many are kept
	Statuses []string      // that are counted separately, all others together; nil: ReqMgr's
	Now      func() time.Time
	Log      *slog.Logger
}

// Timeline is a series of points in time. It is safe for concurrent use.
type Timeline struct {
	o      Options
	most   int      // points
	labels []string // statuses, OtherStatus, states
	states int      // index of the first state in labels

	observing sync.Mutex // serializes the taking of points

	mu     sync.RWMutex
	times  []int64 // of the points, Unix s, ascending
	first  int64   // number of the point at times[0]
	series map[key]*series
}

// OtherStatus counts workflows in a status that is not counted separately.
const OtherStatus = "(other)"

// key identifies a series; kind is "", "campaign" or "site".
type key struct{ kind, name string }

const (
	kindCampaign = "campaign"
	kindSite     = "site"
)

// states are the parts of TotalJobs, in the order of the life cycle.
var states = [...]struct {
	name  string
	count func(c *schema.Counters) int64
}{
	{"Queued", func(c *schema.Counters) int64 { return c.Queued }},
	{"Pending", func(c *schema.Counters) int64 { return c.Pending }},
	{"Running", func(c *schema.Counters) int64 { return c.Running }},
	{"Success", func(c *schema.Counters) int64 { return c.Success }},
	{"Failure", func(c *schema.Counters) int64 { return c.Failure }},
	{"Cooloff", func(c *schema.Counters) int64 { return c.Cooloff }},
	{"Paused", func(c *schema.Counters) int64 { return c.Paused }},
	{"Canceled", func(c *schema.Counters) int64 { return c.Canceled }},
	{"Transition", func(c *schema.Counters) int64 { return c.Transition }},
}

// New returns an empty Timeline.
func New(o Options) (*Timeline, error) {
	if o.Every < 0 || o.Keep < 0 || o.Top < 0 {
		return nil, errors.New("timeline options: Every, Keep and Top must not be negative")
	}
	o.Every, o.Keep, o.Top = cmp.Or(o.Every, 5*time.Minute), cmp.Or(o.Keep, 7*24*time.Hour), cmp.Or(o.Top, 20)
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
	t.labels = append(slices.Clone(o.Statuses), OtherStatus)
	t.states = len(t.labels)
	for _, s := range states {
		t.labels = append(t.labels, s.name)
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
		if _, err := t.Observe(generation); err != nil { //nolint:contextcheck // a started point is finished
			t.o.Log.ErrorContext(ctx, "could not record counts over time", "generation", seen, "err", err)
		}
	}
}

// due returns how long it takes until another point may be taken.
func (t *Timeline) due() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.times) == 0 {
		return 0
	}
	return time.Unix(t.times[len(t.times)-1], 0).Add(t.o.Every).Sub(t.o.Now())
}

// Observe takes a point of a generation, unless the last one is younger than
// Every. If the clock was set back by more than that, the series restart:
// times must ascend.
func (t *Timeline) Observe(generation *store.Generation) (taken bool, err error) {
	t.observing.Lock()
	defer t.observing.Unlock()
	now := t.o.Now().Unix()
	t.mu.RLock()
	last, old := int64(0), maps.Clone(t.series)
	if len(t.times) > 0 {
		last = t.times[len(t.times)-1]
	}
	t.mu.RUnlock()
	if every := int64(t.o.Every / time.Second); last > 0 && now-last < every && last-now < max(every, 1) {
		return false, nil
	}
	counts, top, err := t.count(generation, old)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last > now {
		t.o.Log.Warn("counts over time restarted: the clock was set back", "last", last, "now", now)
		t.times, t.first, t.series = nil, 0, map[key]*series{}
	}
	t.append(now, counts, top)
	t.trim(now)
	return true, nil
}

// append adds a point. top names the series that are on top now.
func (t *Timeline) append(now int64, counts map[key][]int64, top map[key]bool) {
	number := t.first + int64(len(t.times))
	t.times = append(t.times, now)
	for k := range t.series {
		if _, followed := counts[k]; !followed {
			delete(t.series, k)
		}
	}
	for k, values := range counts {
		s := t.series[k]
		if s == nil {
			s = &series{}
			t.series[k] = s
		}
		if top[k] {
			s.top = now
		}
		s.append(number, values)
	}
}

// trim drops points that are too old.
func (t *Timeline) trim(now int64) {
	n := max(0, len(t.times)-t.most)
	for n < len(t.times) && t.times[n] <= now-int64(t.o.Keep/time.Second) {
		n++
	}
	if n == 0 {
		return
	}
	t.times = slices.Clone(t.times[n:])
	t.first += int64(n)
	for k, s := range t.series {
		if s.trim(t.first); len(s.chunks) == 0 {
			delete(t.series, k)
		}
	}
}
