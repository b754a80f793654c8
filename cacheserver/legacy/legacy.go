// Package legacy serves the REST API of the old WMStats server, so that its
// clients need no change but the host: the same paths, line format, headers and
// error codes. Request documents come from memory (package documents), the
// agents' documents and those of jobs from the source when somebody asks.
//
// Two of its answers decide what others delete, one where running workflows may
// run, one which parentage is written. An answer with too much is harmless, one
// with too little destroys data, an error makes the client skip its cycle. So in
// doubt an answer is 503, and one that breaks off cuts the connection.
package legacy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/peers"
)

// Paths under which the old server is known: that of production, and that of
// Tier-0.
const (
	Prefix         = "/wmstatsserver/data"
	PrefixTierZero = "/t0_reqmon/data"
	PathOpenAPI    = "/wmstatsserver/openapi.json"
)

// Store is what is known beside the request documents.
type Store interface {
	Newest() (generation *store.Generation, ok bool)
	Source() store.SourceState
	// Reports names the newest report of each agent on each of the workflows.
	Reports(workflows []string) [][]join.ReportRef
}

// Source is where documents are that are not held. Its methods return the
// documents in the order of the ids, nil for one that is not there; an error
// says that one could not be had.
type Source interface {
	Requests(ctx context.Context, ids []string) ([][]byte, error)
	// Documents are those of agents and of jobs.
	Documents(ctx context.Context, ids []string) ([][]byte, error)
	// EachJob calls fn with the id of each job of a workflow that has an object
	// errors, and with its key, a JSON list: workflow, task, state, exit code,
	// site and more. begin is called before the first one, and again when all of
	// them come once more. key is valid inside fn only.
	EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error
}

// Options of a Handler. Documents, Store and Source are required.
type Options struct {
	Documents *documents.Documents
	Store     Store
	Source    Source
	Owed      func(least time.Duration) []string // request documents that could not be had for so long; nil: none

	TierZero  bool          // serve T0's three calls under its prefix
	Statuses  []string      // of the requests that are read; nil: all that are current
	MaxAge    time.Duration // of the last word from the source; 0: 1 h
	Ignore    []string      // ids of request documents that put nothing in doubt
	AtOnce    int           // answers of requestcache at once; 0: 1; less: there is none
	WaitFor   time.Duration // longest wait for a turn; 0: 10 s
	Keep      time.Duration // how long what was read from the source is good; 0: 5 min
	Timeout   time.Duration // longest read of the source; 0: 30 s
	Gate      *access.Gate  // nil: everybody may ask
	Cache     cache.Keeper  // nil: keeps nothing
	Version   string
	Registry  *prometheus.Registry // nil: one of its own
	UserAgent int                  // how many consumers are told apart in the log; 0: 10 000

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// Handler serves the old API.
type Handler struct {
	o       Options
	prefix  string
	apis    map[string]api
	ignore  map[string]bool
	locked  map[uint8]bool // numbers of statuses
	joined  map[uint8]bool // numbers of statuses with AgentJobInfo
	demand  *ondemand.Reader
	turns   chan struct{} // of requestcache
	joins   chan struct{} // of the other answers with reports of agents
	scans   chan struct{} // of all documents
	reads   chan struct{} // of the source in batches
	metrics *metrics
	started time.Time
	whole   int // bytes of an answer that is sent in one piece
	openapi []byte
}

// Limits for all clients together.
const (
	scansAtOnce = 2 // walks over all documents
	readsAtOnce = 4 // batches that are read from the source
	// joinsAtOnce is how many answers with the reports of agents are built or sent:
	// each holds about 10 MB of documents and text while its client reads slowly.
	joinsAtOnce = 8
)

// New checks the options.
func New(o Options) (*Handler, error) {
	if o.Documents == nil || o.Store == nil || o.Source == nil {
		return nil, errors.New("legacy: Options.Documents, Store and Source are needed")
	}
	o.MaxAge = cmp.Or(o.MaxAge, time.Hour)
	o.AtOnce, o.WaitFor = cmp.Or(o.AtOnce, 1), cmp.Or(o.WaitFor, 10*time.Second)
	o.Keep, o.Timeout = cmp.Or(o.Keep, 5*time.Minute), cmp.Or(o.Timeout, 30*time.Second)
	o.UserAgent = cmp.Or(o.UserAgent, 10_000)
	if o.Owed == nil {
		o.Owed = func(time.Duration) []string { return nil }
	}
	if o.Gate == nil {
		o.Gate = access.New(access.Options{Trusted: peers.Loopback()})
	}
	if o.Cache == nil {
		o.Cache = (*cache.Cache)(nil)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{
		o: o, prefix: Prefix, ignore: map[string]bool{}, started: o.Now(), whole: wholeBytes,
		demand: ondemand.New(ondemand.Options{Cache: o.Cache, Timeout: o.Timeout, Now: o.Now}),
		turns:  make(chan struct{}, max(o.AtOnce, 0)), scans: make(chan struct{}, scansAtOnce), reads: make(chan struct{}, readsAtOnce),
		joins: make(chan struct{}, joinsAtOnce),
	}
	if o.TierZero {
		h.prefix = PrefixTierZero
	}
	for _, id := range o.Ignore {
		h.ignore[id] = true
	}
	h.locked, h.joined = numbers(o.TierZero)
	h.apis = h.table()
	h.openapi = h.describe()
	var err error
	if h.metrics, err = newMetrics(o.Registry, o.UserAgent, slices.Collect(maps.Keys(h.apis))); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return h, nil
}

// Serves tells whether a path is one of the old server's.
func (h *Handler) Serves(path string) bool {
	return path == h.prefix || strings.HasPrefix(path, h.prefix+"/") || path == PathOpenAPI
}

// ServeHTTP answers a request whose path Serves takes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, w: w, r: r, began: h.o.Now(), api: unknownAPI, from: fromNothing}
	defer func() { //nolint:contextcheck // the log outlives the request
		p := recover()
		h.metrics.count(c.api, c.from)
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		c.fail(&panicError{value: p, stack: debug.Stack()})
	}()
	if err := c.serve(); err != nil {
		c.fail(err) //nolint:contextcheck // the log outlives the request
	}
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
