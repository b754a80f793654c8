// Package api is the HTTP of the cache server: it reads requests with wire,
// picks from one generation of the store, and hands what it found to package
// answer, which sends it. Each handler is parse, generation, pick, send; there is
// one file for each resource.
//
// It keeps no data: lists are the store's, details come from the source on
// demand, and what costs something to make is kept in the cache under content
// keys. It listens on no port (app does) and follows no source (follower does).
package api

import (
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
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// API serves a Store over HTTP. Every field is set once, in New, but for the
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
	groupReads groupReads
	workflow   []schema.Field // of the Workflow record
	paths      []string       // of all routes, for suggestions
	groups     []group
	openapi    func() ([]byte, error) // the description of the API, made when it is first asked for
	queries    *queries
	kinds      []errorKind // which problems errors are
	feeds      *limit.Places[access.Client]
	streams    *limit.Places[access.Client] // limit=all
	allStreams *limit.Places[struct{}]
	drain      sync.Once
	drained    chan struct{} // closed when the server is going down
}

// group is a kind of sum over workflows: /sites, /campaign, /agent, /release.
type group struct {
	path   string
	noun   string // for people
	key    string // of the summary record in the answer of one
	term   func(name string) wire.Term
	find   func(generation *store.Generation, name string) (record []byte, ok bool, names []string)
	list   echo.HandlerFunc
	words  *wire.Vocabulary // of its list
	fields []schema.Field   // of its records
}

// errorKind says which problem an error of a package below is.
type errorKind struct {
	name    string                        // folder of the package and name of the type or variable
	problem func(err error) *wire.Problem // nil: the error is not of this kind
}

// counted is the last count of memory: to count looks at all that is there, and
// anybody may ask.
type counted struct {
	mu         sync.Mutex
	at         time.Time
	generation string
	parts      []wire.MemoryPart
}

// goodFor is how long a count is good while no generation comes.
const goodFor = time.Second

// Handler is the API as a handler, all routes with and without /v1.
func (a *API) Handler() http.Handler { return a.echo }

// SetAttention takes other thresholds for /attention. The store's own limits, from
// which the alerts of records are made, are to be changed after it: that makes a
// new generation, for which nothing has been answered yet.
func (a *API) SetAttention(o attention.Options) {
	o = o.Complete()
	a.attention.Store(&o)
}

// Drain makes /readyz fail, so that balancers send nothing new while what is
// under way is still served. Feeds of changes end: they would never by themselves.
func (a *API) Drain() { a.drain.Do(func() { close(a.drained) }) }

func (a *API) draining() bool {
	select {
	case <-a.drained:
		return true
	default:
		return false
	}
}
