// Package alertmanager tells people what needs attention, through Prometheus's
// Alertmanager: it posts the alerts that hold, again and again, to each member
// of a cluster. Routing, grouping, silences, repeats, mail and chat are
// Alertmanager's. The package decides no rule: package attention does. It keeps
// nothing on disk: the alerts and their start follow from the documents, so a
// restarted server and other replicas post the same ones, which Alertmanager
// takes as one.
package alertmanager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// Times of the loop.
const (
	// endAfter is how many periods after a post its alerts end if no other post
	// follows: a server that stops resolves nothing.
	endAfter = 4

	minGap    = 5 * time.Second  // between two posts
	lookGap   = time.Second      // between two looks at new generations
	lookEvery = 15 * time.Second // what depends on time alone is noticed within this time

	// lookShare is how many times its own duration follows a look before the
	// next one: however many workflows and rules there are, looks take less than
	// 5 % of a core.
	lookShare = 20
)

// Store has the generations, and the state of agents and source.
type Store interface {
	Newest() (*store.Generation, bool)
	Wait(after string) <-chan struct{}
	Agents(g *store.Generation) []schema.AgentDetail
	Source() store.SourceState
}

// Options of a Poster. Store, Rules, URLs and Every are required.
type Options struct {
	Store  Store
	Rules  func() attention.Options // the rules in use now
	URLs   []string                 // of the members; each receives every post
	Every  time.Duration            // between two posts of the same alerts
	Public string                   // URL of the dashboard, for links; "": no links
	Tier   string                   // label instance: production or T0

	Client    *http.Client             // nil: one with the system's certificates
	Authorize func(*http.Request)      // adds credentials; nil: none
	UserAgent string                   // of requests
	Posted    func(ok bool)            // called for each post to a member; nil: not
	Counted   func(alerts, summed int) // called with each set: alerts posted, and alerts that a sum stands for; nil: not
	Now       func() time.Time         // nil: time.Now
	Log       *slog.Logger             // nil: none
}

// Poster posts alerts. Use New, then Run.
type Poster struct {
	o       Options
	members []*member
	set     set
	hold    hold
	base    []alert         // the alerts at the last look at current data
	summed  map[string]bool // rules of which the sum is posted
	left    int             // alerts that these sums stand for
}

// New checks the options. It does not connect.
func New(o Options) (*Poster, error) {
	if len(o.URLs) == 0 || o.Every <= 0 {
		return nil, errors.New("post alerts: a URL and a period are needed")
	}
	if o.Client == nil {
		o.Client = NewClient(nil)
	}
	if o.Authorize == nil {
		o.Authorize = func(*http.Request) {}
	}
	if o.Posted == nil {
		o.Posted = func(bool) {}
	}
	if o.Counted == nil {
		o.Counted = func(int, int) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Poster{o: o, set: newSet(endAfter * o.Every), summed: map[string]bool{}}
	for _, at := range o.URLs {
		if err := CheckURL(at); err != nil {
			return nil, err
		}
		p.members = append(p.members, newMember(at, &p.o))
	}
	return p, nil
}

// CheckURL returns an error for an address that can't be used. Its text does
// not repeat the address, which may contain a password.
func CheckURL(at string) error {
	u, err := url.Parse(at)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		return errors.New("want http://host:port or https://host:port, maybe with a path")
	case u.User != nil:
		return errors.New("want an address without user and password")
	}
	return nil
}

// Run posts until ctx ends. It resolves nothing then: the next start, or
// another replica, continues.
func (p *Poster) Run(ctx context.Context) error {
	var posting sync.WaitGroup
	defer posting.Wait()
	for _, m := range p.members {
		posting.Go(func() { m.run(ctx) })
	}
	var posted time.Time // of the last post
	pending := false     // the set has changed since
	for {
		began := p.o.Now()
		seen, complete := p.look(ctx, &pending)
		now := p.o.Now()
		next := lookEvery
		if !complete && seen != "" {
			next = lookGap
		}
		if complete {
			due := p.o.Every
			if pending {
				due = min(due, minGap)
			}
			if posted.IsZero() || now.Sub(posted) >= due {
				p.post(now)
				posted, pending, due = now, false, p.o.Every
			}
			next = min(next, posted.Add(due).Sub(now))
		}
		rest := max(min(lookGap, next), lookShare*now.Sub(began))
		if !pause(ctx, rest, nil) || !pause(ctx, next-rest, p.o.Store.Wait(seen)) {
			return nil
		}
	}
}

// pause waits for d, or until early is closed. It returns false when ctx ends.
func pause(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-early:
	case <-timer.C:
	}
	return true
}

// look computes the alerts that hold now, and sets changed if they are others
// than before. It returns the generation that was read, and whether there is a
// set to post.
func (p *Poster) look(ctx context.Context, changed *bool) (seen string, complete bool) {
	generation, ok := p.o.Store.Newest()
	if !ok {
		return "", false
	}
	rules, now := p.o.Rules(), p.o.Now()
	state := attention.State{Generation: generation, Agents: p.o.Store.Agents(generation), Source: p.o.Store.Source(), Now: now}
	since, old := rules.Old(state.Source, now)
	switch p.hold.next(state.Source.Stale, old, p.base != nil, now, 2*p.o.Every) {
	case wait:
		return generation.ID(), false
	case keep:
	case begin, current:
		list, err := p.gather(ctx, rules, state)
		if err != nil {
			if ctx.Err() == nil {
				p.o.Log.ErrorContext(ctx, "could not gather the alerts for Alertmanager", "err", err)
			}
			return generation.ID(), p.base != nil
		}
		if old { // a later start may only seem so
			list = before(list, since)
		}
		p.base = list
	}
	alerts := p.base
	if old {
		alerts = p.withOldData(alerts, rules, state.Source)
	}
	p.o.Counted(len(alerts), p.left)
	if p.set.update(alerts, now) {
		*changed = true
	}
	return generation.ID(), true
}

// post passes the set to all members, and waits for none of them.
func (p *Poster) post(now time.Time) {
	bodies := p.set.bodies(now)
	for _, m := range p.members {
		m.take(bodies)
	}
}
