// Package api is the HTTP API of the cache server: it parses requests with
// package wire, selects from one generation of the store, and passes the
// result to package answer, which sends it. Each handler is parse, generation,
// select, send; there is one file for each resource.
//
// The package keeps no data: lists belong to the store, details are read from
// the source on demand, and expensive results are kept in the cache under
// content keys. It does not listen on a port (package app does) and does not
// follow a source (package follower does).
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// API serves a Store over HTTP. Every field is set once, in New, except the
// thresholds of /attention.
type API struct {
	o          Options
	attention  atomic.Pointer[attention.Options]
	log        *slog.Logger
	echo       *echo.Echo
	started    time.Time
	metrics    *metrics
	sender     *answer.Sender
	counted    counted
	demand     *ondemand.Reader
	failing    failingJobsTables
	workflow   []schema.Field // of the Workflow record
	paths      []string       // of all routes, for suggestions
	groups     []group
	openapi    func() ([]byte, error) // the description of the API, built on the first request
	queries    *queries
	kinds      []errorKind // which problem belongs to which error
	feeds      *limit.Places[access.Client]
	streams    *limit.Places[access.Client] // limit=all
	allStreams *limit.Places[struct{}]
	drain      sync.Once
	drained    chan struct{} // closed when the server shuts down
}

// group is a kind of totals over workflows: /sites, /campaign, /agent,
// /release.
type group struct {
	path    string
	noun    string // for people
	key     string // of the summary record in the answer for one group
	term    func(name string) wire.Term
	kind    timeline.Kind // of its counts over time
	find    func(generation *store.Generation, name string) (found groupRecord, ok bool, names []string)
	more    func(ctx context.Context, generation *store.Generation, o *objectWriter, term wire.Term, rate schema.Rate) error // adds members after the record and its rate; nil: none
	list    echo.HandlerFunc
	suggest echo.HandlerFunc // of its list: what the conditions do
	words   *wire.Vocabulary // of its list
	fields  []schema.Field   // of its records
}

// groupRecord is the encoded summary record of a group, and its jobs that have
// not ended.
type groupRecord struct {
	record   []byte
	jobsLeft int64
}

// errorKind maps an error of a lower package to a problem.
type errorKind struct {
	name    string                        // folder of the package and name of the type or variable
	problem func(err error) *wire.Problem // returns nil if the error is not of this kind
}

// counted is the last count of memory. It is kept because counting visits all
// data, and every client may request it.
type counted struct {
	mu         sync.Mutex
	at         time.Time
	generation string
	parts      []wire.MemoryPart
}

// goodFor is how long a count is valid while no new generation is published.
const goodFor = time.Second

// Handler returns the API as a handler, with all routes with and without /v1.
func (a *API) Handler() http.Handler { return a.echo }

// SetAttention changes the thresholds of /attention. Change the store's own
// limits, which determine the alerts of records, afterwards: that publishes a
// new generation, for which nothing is cached yet.
func (a *API) SetAttention(o attention.Options) {
	o = o.Complete()
	a.attention.Store(&o)
}

// Drain makes /readyz fail, so that load balancers send no new requests while
// running ones are still served. Feeds of changes are ended: they would never
// end on their own.
func (a *API) Drain() { a.drain.Do(func() { close(a.drained) }) }

func (a *API) draining() bool {
	select {
	case <-a.drained:
		return true
	default:
		return false
	}
}
