// Package legacy serves the REST API of the old WMStats server, so that its
// clients only have to change the host: paths, line format, headers and error codes
// are the same. Request documents come from memory (package documents); agents'
// reports and job documents are read from the source on demand.
//
// Two answers decide what other services delete, one decides where running
// workflows may run, and one which parentage is recorded. Extra entries are
// harmless, a missing entry destroys data, and an error makes the client skip its
// cycle. Therefore an answer that might be incomplete is 503, and an answer that
// fails after it has begun cuts the connection.
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
	"sync"
	"sync/atomic"
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

// Path prefixes of the old server, in production and at Tier-0.
const (
	Prefix         = "/wmstatsserver/data"
	PrefixTierZero = "/t0_reqmon/data"
	PathOpenAPI    = "/wmstatsserver/openapi.json"
)

// Store has the records and the state of the source.
type Store interface {
	Newest() (generation *store.Generation, ok bool)
	Source() store.SourceState
	// Reports returns references to the newest report of each agent, for each workflow.
	Reports(workflows []string) [][]join.ReportRef
}

// Source reads documents that are not in memory. Documents are returned in the
// order of the ids, nil for one that does not exist; an error means that one could
// not be read.
type Source interface {
	Requests(ctx context.Context, ids []string) ([][]byte, error)
	// Documents reads agents' reports and job documents. keep copies a document,
	// as bytes.Clone does.
	Documents(ctx context.Context, ids []string, keep func(doc []byte) []byte) ([][]byte, error)
	// EachJob calls fn with the id and the key of each job of a workflow whose
	// document has an object errors. The key is a JSON list: workflow, task, state,
	// exit code, site and more; it is valid inside fn only. begin is called before
	// the first job, and again if the read starts over.
	EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error
}

// Options of a Handler. Documents, Store and Source are required.
type Options struct {
	Documents *documents.Documents
	Store     Store
	Source    Source
	Owed      func(least time.Duration) []string // ids of request documents that have been unavailable for at least this duration; nil: none

	// SecondHand means that the source is the requestcache answer of another server:
	// its age is unknown, and it lacks archived requests, agents' own documents, and
	// reports on requests in other than the counting statuses.
	SecondHand bool

	TierZero  bool          // serve the three calls of Tier-0 under its prefix
	Statuses  []string      // statuses of the requests that are read; nil: all current ones
	MaxAge    time.Duration // maximum time since the last contact with the source; 0: 1 h
	Ignore    []string      // ids of unreadable request documents that do not make lists 503
	AtOnce    int           // maximum concurrent answers of requestcache; 0: 1; negative: the call is 404
	WaitFor   time.Duration // maximum wait for a turn; 0: 10 s
	Keep      time.Duration // how long documents read from the source are cached; 0: 5 min
	Timeout   time.Duration // maximum duration of a read of the source; 0: 30 s
	Gate      *access.Gate  // nil: no authentication, no limits
	Cache     cache.Keeper  // nil: no cache
	Version   string
	Registry  *prometheus.Registry // nil: a new one
	UserAgent int                  // maximum number of distinct consumers in the log; 0: 10 000

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// Handler serves the old API.
type Handler struct {
	o       Options
	prefix  string
	apis    map[string]api
	ignore  map[string]bool
	locked  map[uint8]bool // indexes of the locked statuses
	joined  map[uint8]bool // indexes of the statuses with AgentJobInfo
	demand  *ondemand.Reader
	turns   chan struct{} // limits answers of requestcache
	joins   chan struct{} // limits other answers with agents' reports
	scans   chan struct{} // limits scans of all documents
	reads   chan struct{} // limits reads of the source
	metrics *metrics
	started time.Time
	whole   int       // maximum length in bytes of a buffered answer
	buffers sync.Pool // of *buffers
	openapi []byte

	held     atomic.Int64 // bytes of buffered answers
	mostHeld int64        // maximum of held
}

// Limits for all clients together.
const (
	scansAtOnce = 2 // scans of all documents
	readsAtOnce = 4 // reads of the source
	// joinsAtOnce limits answers with agents' reports: each holds about 10 MB while
	// its client reads slowly.
	joinsAtOnce = 8
)

// New returns a Handler, or an error if the options are invalid.
func New(o Options) (*Handler, error) {
	if o.Documents == nil || o.Store == nil || o.Source == nil {
		return nil, errors.New("legacy: Options.Documents, Store and Source are required")
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
		o: o, prefix: Prefix, ignore: map[string]bool{}, started: o.Now(), whole: wholeBytes, mostHeld: heldBytes,
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

// Serves reports whether a path belongs to the old API.
func (h *Handler) Serves(path string) bool {
	path = single(path)
	return path == h.prefix || strings.HasPrefix(path, h.prefix+"/") || path == PathOpenAPI
}

// single returns a path without empty segments, which the old server ignores.
func single(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// ServeHTTP answers a request for a path of the old API (see Serves).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, w: w, r: r, began: h.o.Now(), api: unknownAPI, from: fromNothing}
	defer func() { //nolint:contextcheck // the log outlives the request
		p := recover()
		c.answer.release()
		h.metrics.count(c.api, c.from)
		if p == nil {
			if c.answer != nil {
				c.answer.recycle()
			}
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
