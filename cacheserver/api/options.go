package api

import (
	"cmp"
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Store provides the lists.
type Store interface {
	Newest() (generation *store.Generation, ok bool)
	Generation(id string) (generation *store.Generation, ok bool)
	Source() store.SourceState
	Info() schema.CacheInfo
	Agents(generation *store.Generation) []schema.AgentDetail
	Changes(since string) (diffs []store.Diff, ok bool)
	Wait(after string) <-chan struct{}
	Made() []wire.AboutGeneration
	Broken() int64
	KeptAge() time.Duration
}

// Journal has the recent exchanges between the server and its source.
type Journal interface {
	Answers() []wire.SourceAnswers
	Errors() []wire.SourceError
}

// History provides counts over time.
type History interface {
	Points(ctx context.Context, q timeline.Query) (points []schema.TimelinePoint, start int64, err error)
	Names(kind timeline.Kind) []string
	Labels(kind timeline.Kind, by timeline.By) []string
	AgentChanges(agents []string, since int64) []schema.AgentChange
	SiteChanges(sites []string, since int64) []schema.SiteChange
	FailingWorkflows(ctx context.Context, since int64) (changes []schema.FailureChange, from int64, err error)
	Failing(ctx context.Context, kind timeline.Kind, since int64) (changes []schema.FailureChange, from int64, err error)
	AlertChanges(ctx context.Context, since int64) (changes []schema.AlertChange, from int64, err error)
	Rate(kind timeline.Kind, name string, since int64) schema.Rate
}

// Details reads everything about one workflow from the source: its request
// document and the agent documents of these ids. The API adds the keys of the
// list record, with the fields that only the store knows (alerts, freshness),
// and Recoveries.
type Details interface {
	Detail(ctx context.Context, request string, agents []string) (schema.Detail, error)
}

// Jobs reads failing jobs and messages from the source. An error that wraps
// ondemand.ErrAbsent means that the source does not provide this kind.
type Jobs interface {
	// JobErrors returns the groups of failing jobs of one workflow.
	JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error)
	// JobSamples returns jobs of the groups that match, and how many jobs
	// these have.
	JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) ([]schema.JobSample, int64, error)
	// FailingJobs passes on the groups of all wanted workflows, those of one
	// workflow together.
	FailingJobs(ctx context.Context, wanted func(workflow string) bool, fn func(schema.JobError) error) error
	// LogEntries returns the messages about one workflow, newest first.
	LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error)
	// AllLogEntries passes on the messages about all selected workflows, those
	// of one reporter, thread and type about a workflow together.
	AllLogEntries(ctx context.Context, wanted func(workflow string) bool, fn func([]schema.LogEntry) error) error
}

// Quarantined is a document that could not be used, or that the source did not
// deliver.
type Quarantined struct {
	ID        string `doc:"_id of the document"`
	Database  string `doc:"database of the document"`
	Rev       string `doc:"revision that was read"`
	Path      string `doc:"path in the document; empty: all of it"`
	Reason    string `doc:"why it can't be used"`
	FirstSeen int64  `unit:"Unix s" doc:"when it was first read"`
	LastSeen  int64  `unit:"Unix s" doc:"when it was last read"`
	Count     int64  `doc:"how often it was read"`
	Owed      bool   `doc:"true: listed by the source but not delivered; it is requested again until it is delivered or deleted"`
}

// Build describes this program.
type Build struct {
	Version  string
	Revision string
	Time     string
	Go       string
}

// MetricsFor says who may read /metrics on this listener.
type MetricsFor int

// Values of MetricsFor.
const (
	MetricsForKnown  MetricsFor = iota // all clients that may read the other routes
	MetricsForAll                      // every client
	MetricsElsewhere                   // no client: the route does not exist; the owner serves MetricsHandler
)

// Options is everything that an API needs.
type Options struct {
	Store      Store                         // required
	Details    Details                       // nil: no details, /fetch/{workflow} returns 502
	Jobs       Jobs                          // nil: the source has no job documents and no log
	Quarantine func() []Quarantined          // nil: none
	History    History                       // nil: none
	Journal    Journal                       // nil: none
	Checkpoint func() (ok bool, note string) // for /readyz?verbose; nil, or an empty note: no line
	Cache      cache.Keeper                  // nil: keeps nothing
	Registry   *prometheus.Registry          // nil: its own; /metrics serves it
	Build      Build
	Attention  attention.Options // thresholds of /attention until SetAttention; the zero value is valid

	Checks  func() []health.Check      // more lines of /readyz?verbose; nil: none
	Reading func() []wire.AboutReading // progress of the running full read; nil: unknown

	CertificateExpires func() int64 // of the client certificate for the source, Unix s, or -1; nil: there is none

	// Await waits briefly for a generation that another server may have made and
	// that this one lacks; false: it still does. nil: this server is alone.
	Await func(ctx context.Context, generation string) bool

	Queries    QueryOptions // of requests whose cost does not depend on their page; the zero value is valid
	Feeds      FeedOptions  // of /changes; the zero value is valid
	Gate       *access.Gate // authentication and rate limits; nil: every client is admitted
	Metrics    MetricsFor   // who may read /metrics
	Streams    int          // concurrent limit=all of one client; 0: 2
	MaxStreams int          // the same, of all clients; 0: 64
	MaxBody    int64        // bytes of a request's body; 0: 64 KiB

	Demand DemandOptions // of reads on demand; the zero value is valid
	Memory MemoryOptions // the zero value is valid

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// QueryOptions limit requests whose cost does not depend on the returned page:
// filters, sorts, counts and selectors. Zero values are valid.
type QueryOptions struct {
	Timeout   time.Duration                        // maximum work on one request, and maximum wait in the queue; 0: 5 s
	AtOnce    int                                  // concurrent expensive requests; 0: half of the processors, 2 to 8
	PerClient int                                  // the same, of one client; 0: half of AtOnce, at least 1
	Steps     int64                                // maximum steps of one request (see package budget); 0: only the time is limited
	Free      int64                                // steps after which a request counts as expensive; 0: DefaultFree
	Spent     func(route string, b *budget.Budget) // may be nil; called at the end of each request that scans, for tests
}

// DefaultFree is about 5 ms of work: at 20 000 workflows hardly any request is
// expensive, at a million every new filter is.
const DefaultFree = 5_000_000

// DefaultQueries returns the options used without flags.
func DefaultQueries() QueryOptions { return QueryOptions{}.complete() }

func (o QueryOptions) complete() QueryOptions {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = min(8, max(2, runtime.GOMAXPROCS(0)/2)) // each may take some 200 MB at a million workflows
	}
	if o.PerClient == 0 {
		o.PerClient = max(1, o.AtOnce/2)
	}
	if o.Free == 0 {
		o.Free = DefaultFree
	}
	return o
}

// FeedOptions limit the feeds of /changes. Zero values are valid.
type FeedOptions struct {
	Interval  time.Duration // minimum time between two events of a stream; 0: 1 s
	Heartbeat time.Duration // interval of heartbeats; 0: 15 s
	Wait      time.Duration // of a long poll without timeout=; 0: 30 s
	PerClient int           // feeds of one client; 0: 20
	Total     int           // feeds of all; 0: 1000
}

func (o FeedOptions) complete() FeedOptions {
	orTime := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	orTime(&o.Interval, time.Second)
	orTime(&o.Heartbeat, 15*time.Second)
	orTime(&o.Wait, 30*time.Second)
	if o.PerClient == 0 {
		o.PerClient = 20
	}
	if o.Total == 0 {
		o.Total = 1000
	}
	return o
}

// DemandOptions limit reads on demand from the source; zero values are those
// of DefaultDemand.
type DemandOptions struct {
	Keep          time.Duration // how long data of one workflow are valid
	KeepErrors    time.Duration // how long the failing jobs of all workflows are valid
	Timeout       time.Duration // maximum time of a read of one workflow
	TimeoutErrors time.Duration // maximum time of a read of the failing jobs of all workflows: the view may have to be built
	WaitErrors    time.Duration // how long a request waits for them
	AtOnce        int           // concurrent reads
	Waiting       int           // maximum waiting reads
	Failures      int           // failures in a row before reads are paused
	MinWait       time.Duration // first pause
	MaxWait       time.Duration // longest pause
}

// DefaultDemand returns the defaults of a server.
func DefaultDemand() DemandOptions {
	return DemandOptions{
		Keep: 5 * time.Minute, KeepErrors: 10 * time.Minute,
		Timeout: 30 * time.Second, TimeoutErrors: 10 * time.Minute, WaitErrors: 20 * time.Second,
		AtOnce: 4, Waiting: 64, Failures: 3, MinWait: time.Second, MaxWait: time.Minute,
	}
}

func (o DemandOptions) complete() DemandOptions {
	std := DefaultDemand()
	return DemandOptions{
		Keep: cmp.Or(o.Keep, std.Keep), KeepErrors: cmp.Or(o.KeepErrors, std.KeepErrors),
		Timeout: cmp.Or(o.Timeout, std.Timeout), TimeoutErrors: cmp.Or(o.TimeoutErrors, std.TimeoutErrors), WaitErrors: cmp.Or(o.WaitErrors, std.WaitErrors),
		AtOnce: cmp.Or(o.AtOnce, std.AtOnce), Waiting: cmp.Or(o.Waiting, std.Waiting), Failures: cmp.Or(o.Failures, std.Failures),
		MinWait: cmp.Or(o.MinWait, std.MinWait), MaxWait: cmp.Or(o.MaxWait, std.MaxWait),
	}
}

// MemoryOptions limit the memory of the process, and report what it holds.
type MemoryOptions struct {
	Budget  int64                    // bytes of all limited parts together; only reported
	Answers int64                    // bytes of the answer cache; 0: 16 MiB
	Parts   func() []wire.MemoryPart // all except what the API holds; nil: none
}
