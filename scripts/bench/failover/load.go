package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// Counts are what the clients saw.
type Counts struct {
	Requests int
	Errors   int // no answer, a cut one, or one of an unexpected status or content
	Gone     int // 410
	Resets   int // of feeds
	Changed  int // 410s and resets where the balancer took a client to the servers of another version: not among those above
	Missed   int // workflows that a scan left out, and changes that a feed left out
	Stale    int // answers that say that their data are not current (X-Stale)
	Twice    int // workflows that came twice in a scan

	Demand, DemandFailed int // reads on demand, counted apart: they need CouchDB

	First []string // what the first errors were
}

// Clients of each kind. There are more scans than the rate needs: those at a frozen
// server wait.
const (
	scans       = 16
	sortedScans = 4
	revalidate  = 4
	viewEvery   = time.Second / 2 // pages of the dashboard
	demandEvery = time.Second / 2
	mostFirst   = 8
)

// load is all clients during one fault.
type load struct {
	o          Options
	api, users string
	client     *http.Client
	turn       chan struct{} // one for each request that the rate allows
	feeds      []*feed
	// twoVersions means that a client may be sent to another log. Elsewhere a 410 or reset
	// by one is what it looks like.
	twoVersions bool

	mu     sync.Mutex
	counts Counts
	paced  int // requests at the rate of the options
	times  []time.Duration
}

func newLoad(c *cluster.Cluster, o Options, twoVersions bool) *load {
	l := &load{
		o: o, api: c.API, users: c.Users, turn: make(chan struct{}, o.PerSecond), twoVersions: twoVersions,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 2 * time.Minute},
	}
	for _, kind := range []string{"normal", "longpoll", "sse"} {
		l.feeds = append(l.feeds, &feed{l: l, kind: kind}, &feed{l: l, kind: kind})
	}
	return l
}

func (l *load) close() { l.client.CloseIdleConnections() }

// run is all clients until ctx ends.
func (l *load) run(ctx context.Context) error {
	group := new(errgroup.Group)
	repeat := func(what func(context.Context)) {
		group.Go(func() error {
			for ctx.Err() == nil {
				what(ctx)
			}
			return nil
		})
	}
	group.Go(func() error { l.allow(ctx); return nil })
	for range scans {
		s := &scan{l: l, path: "/fetch?fields=Status"}
		repeat(s.run)
	}
	for i := range sortedScans {
		s := &scan{l: l, path: "/fetch?fields=Status&sort=" + []string{"-Priority", "-Failure"}[i%2]}
		repeat(s.run)
	}
	for range revalidate {
		repeat(l.revalidate)
	}
	for _, f := range l.feeds {
		repeat(f.follow)
	}
	group.Go(func() error { l.every(ctx, viewEvery, l.view); return nil })
	group.Go(func() error { l.every(ctx, demandEvery, l.demand); return nil })
	return group.Wait() //nolint:wrapcheck // nil: the clients count their errors
}

// allow provides turns to the clients at the rate of the options: what they were too
// slow for in one second they catch up on in the next.
func (l *load) allow(ctx context.Context) {
	began, given := time.Now(), 0
	l.every(ctx, 5*time.Millisecond, func(context.Context, int) {
		for due := int(time.Since(began).Seconds() * float64(l.o.PerSecond)); given < due; given++ {
			select {
			case l.turn <- struct{}{}:
			default:
				given = due - 1 // they are too slow
			}
		}
	})
}

// expired counts a 410 for a generation. Of a version with another fingerprint there
// are other servers with other generations: a client meets one 410 each time that the
// balancer takes it there.
func (l *load) expired(a answer, allowed bool) {
	crossed := l.twoVersions && otherGroup(a.from.Query().Get("gen"), a.header.Get(wire.HeaderGeneration))
	l.note(func(c *Counts) {
		if crossed && allowed {
			c.Changed++
			return
		}
		c.Gone++
		if len(c.First) < mostFirst {
			c.First = append(c.First, fmt.Sprintf("410 by a server at %s: %s %.300s", a.header.Get(wire.HeaderGeneration), a.from, a.body))
		}
	})
}

// otherGroup reports whether two generations are of different logs.
func otherGroup(a, b string) bool {
	one, _, _ := strings.Cut(a, "-")
	other, _, _ := strings.Cut(b, "-")
	return one != "" && other != "" && one != other
}

func (l *load) every(ctx context.Context, d time.Duration, what func(context.Context, int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			what(ctx, n)
		}
	}
}

func (l *load) note(f func(*Counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.counts)
}

// fault counts an error; what the end of the fault cut off does not count.
func (l *load) fault(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		return
	}
	l.note(func(c *Counts) {
		c.Errors++
		if len(c.First) < mostFirst {
			c.First = append(c.First, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
		}
	})
}

// answer is a whole answer and its address.
type answer struct {
	status int
	header http.Header
	body   []byte
	from   *url.URL
}

// inTurn waits for a turn and requests an address.
func (l *load) inTurn(ctx context.Context, address string, header ...string) (answer, error) {
	select {
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case <-l.turn:
		l.note(func(*Counts) { l.paced++ })
		return l.get(ctx, address, header...)
	}
}

// get requests an address; an error is counted by the caller.
func (l *load) get(ctx context.Context, address string, header ...string) (a answer, err error) {
	began := time.Now()
	resp, err := l.send(ctx, address, header...)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	l.mu.Lock()
	l.times = append(l.times, time.Since(began))
	if resp.Header.Get("X-Stale") != "" {
		l.counts.Stale++
	}
	l.mu.Unlock()
	return answer{resp.StatusCode, resp.Header, body, resp.Request.URL}, nil
}

func (l *load) send(ctx context.Context, address string, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	l.note(func(c *Counts) { c.Requests++ })
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	return resp, nil
}

// views are the pages of the dashboard.
var views = []string{"/", "/workflows", "/workflows?status=running-open&sort=-Failure", "/attention", "/campaigns", "/sites", "/agents"}

func (l *load) view(ctx context.Context, n int) {
	page := views[n%len(views)]
	switch a, err := l.get(ctx, l.users+page); {
	case err != nil:
		l.fault(ctx, "%s: %v", page, err)
	case a.status != http.StatusOK:
		l.fault(ctx, "%s: %d %.200s", page, a.status, a.body)
	}
}

// demand reads failing jobs and details from CouchDB.
func (l *load) demand(ctx context.Context, n int) {
	address := l.api + "/errors?by=site&limit=5"
	if n%2 == 1 {
		name, err := l.some(ctx, n)
		if err != nil {
			l.fault(ctx, "choose a workflow: %v", err)
			return
		}
		address = l.api + "/fetch/" + url.PathEscape(name) + "/errors"
	}
	a, err := l.get(ctx, address)
	if ctx.Err() != nil {
		return
	}
	l.note(func(c *Counts) {
		c.Demand++
		// The workflow may have left the list meanwhile.
		if err != nil || a.status != http.StatusOK && a.status != http.StatusNotFound {
			c.DemandFailed++
		}
	})
}

var nameOf = regexp.MustCompile(`"Workflow":"([^"]+)"`)

// some returns the name of a workflow.
func (l *load) some(ctx context.Context, n int) (string, error) {
	a, err := l.get(ctx, fmt.Sprintf("%s/fetch?fields=Workflow&limit=1&sort=-Failure&idx=%d", l.api, n%50))
	if err != nil {
		return "", err
	}
	m := nameOf.FindSubmatch(a.body)
	if m == nil {
		return "", fmt.Errorf("status %d, no workflow", a.status)
	}
	return string(m[1]), nil
}

// revalidate requests a page of one generation several times: it has the same ETag
// at every server.
func (l *load) revalidate(ctx context.Context) {
	first, err := l.inTurn(ctx, l.api+"/fetch?limit=20&sort=-Failure")
	if err != nil || first.status != http.StatusOK {
		l.fault(ctx, "first page: %d %v", first.status, err)
		return
	}
	page := l.api + "/fetch?limit=20&sort=-Failure&gen=" + first.header.Get("X-Generation")
	etag := ""
	for range 6 {
		a, err := l.inTurn(ctx, page, "If-None-Match", etag)
		switch {
		case err != nil:
			l.fault(ctx, "%s: %v", page, err)
		case a.status == http.StatusGone:
			l.expired(a, true)
			return
		case etag == "" && a.status == http.StatusOK:
			etag = a.header.Get("ETag")
		case a.status != http.StatusNotModified:
			l.fault(ctx, "%s: %d instead of 304 for ETag %s, now %s: %.100s", page, a.status, etag, a.header.Get("ETag"), a.body)
		}
	}
}

var errStatus = errors.New("unexpected status")
