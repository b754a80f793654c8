// Package history keeps counts over time: workflows by status and jobs by
// state, overall and for the campaigns and sites with most of them. It takes a
// point of a generation now and then and holds those of the last days in a few
// megabytes; it begins when the server does, unless bytes of an earlier one are
// put back (Encode, Decode). It is for lines in a page: what it counts are the
// generation's own sums, and what happened between two points is not in it.
package history

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

// Source is where generations come from: a *store.Store.
type Source interface {
	Newest() (generation *store.Generation, ok bool)
	Wait(after string) <-chan struct{}
}

// Options of a History. The zero value is good.
type Options struct {
	Every    time.Duration // least time between two points; 0: 5 min
	Keep     time.Duration // how long points are kept; 0: 7 days
	Top      int           // campaigns, and sites, that are followed; 0: 20. Twice as many are kept
	Statuses []string      // that are told apart, others are counted together; nil: ReqMgr's
	Now      func() time.Time
	Log      *slog.Logger
}

// History is points in time. Its methods may be called by any goroutine.
type History struct {
	o      Options
	most   int      // points
	labels []string // statuses, OtherStatus, states
	states int      // where the states begin in labels

	observing sync.Mutex // one point at a time

	mu     sync.RWMutex
	times  []int64 // of the points, Unix s, ascending
	first  int64   // number of the point at times[0]
	series map[key]*series
}

// OtherStatus counts workflows in a status that is not told apart.
const OtherStatus = "(other)"

// key names a series; kind is "", "campaign" or "site".
type key struct{ kind, name string }

const (
	kindCampaign = "campaign"
	kindSite     = "site"
)

// states are the parts of TotalJobs, in the order in which they are listed.
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

// New makes an empty history.
func New(o Options) (*History, error) {
	if o.Every < 0 || o.Keep < 0 || o.Top < 0 {
		return nil, errors.New("history options: Every, Keep and Top must not be negative")
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
	h := &History{o: o, most: int(o.Keep / o.Every), series: map[key]*series{}}
	if h.most < 1 {
		return nil, fmt.Errorf("history options: Keep %s is shorter than Every %s", o.Keep, o.Every)
	}
	h.labels = append(slices.Clone(o.Statuses), OtherStatus)
	h.states = len(h.labels)
	for _, s := range states {
		h.labels = append(h.labels, s.name)
	}
	return h, nil
}

// Run takes a point of each new generation, at most one in Every, until ctx ends.
func (h *History) Run(ctx context.Context, from Source) error {
	seen := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-from.Wait(seen):
		}
		if wait := h.due(); wait > 0 {
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
		if _, err := h.Observe(generation); err != nil { //nolint:contextcheck // a point that is begun is ended
			h.o.Log.ErrorContext(ctx, "no point of history", "generation", seen, "err", err)
		}
	}
}

// due is how long it takes until another point may be taken.
func (h *History) due() time.Duration {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.times) == 0 {
		return 0
	}
	return time.Unix(h.times[len(h.times)-1], 0).Add(h.o.Every).Sub(h.o.Now())
}

// Observe takes a point of a generation, unless the last one is not Every ago.
// A clock that was set back by more than that begins anew: times must ascend.
func (h *History) Observe(generation *store.Generation) (taken bool, err error) {
	h.observing.Lock()
	defer h.observing.Unlock()
	now := h.o.Now().Unix()
	h.mu.RLock()
	last, old := int64(0), maps.Clone(h.series)
	if len(h.times) > 0 {
		last = h.times[len(h.times)-1]
	}
	h.mu.RUnlock()
	if every := int64(h.o.Every / time.Second); last > 0 && now-last < every && last-now < max(every, 1) {
		return false, nil
	}
	counts, top, err := h.count(generation, old)
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if last > now {
		h.o.Log.Warn("history begins anew: the clock was set back", "last", last, "now", now)
		h.times, h.first, h.series = nil, 0, map[key]*series{}
	}
	h.append(now, counts, top)
	h.trim(now)
	return true, nil
}

// append adds a point. top names the series that were among the first now.
func (h *History) append(now int64, counts map[key][]int64, top map[key]bool) {
	number := h.first + int64(len(h.times))
	h.times = append(h.times, now)
	for k := range h.series {
		if _, followed := counts[k]; !followed {
			delete(h.series, k)
		}
	}
	for k, values := range counts {
		s := h.series[k]
		if s == nil {
			s = &series{}
			h.series[k] = s
		}
		if top[k] {
			s.top = now
		}
		s.append(number, values)
	}
}

// trim lets go of what is too old.
func (h *History) trim(now int64) {
	n := max(0, len(h.times)-h.most)
	for n < len(h.times) && h.times[n] <= now-int64(h.o.Keep/time.Second) {
		n++
	}
	if n == 0 {
		return
	}
	h.times = slices.Clone(h.times[n:])
	h.first += int64(n)
	for k, s := range h.series {
		if s.trim(h.first); len(s.chunks) == 0 {
			delete(h.series, k)
		}
	}
}
