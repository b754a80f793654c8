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

// Store is what the API reads lists from.
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

// Journal is what passed between the server and its source.
type Journal interface {
	Answers() []wire.SourceAnswers
	Errors() []wire.SourceError
}

// History is where counts over time come from.
type History interface {
	Points(ctx context.Context, q timeline.Query) (points []schema.TimelinePoint, start int64, err error)
	Names(sites bool) []string
	Labels(byState bool) []string
}

// Details reads all of one workflow from the source: its request document and
// the agent documents of these ids. The keys of the list record, with what only
// the store knows (alerts, freshness), and Recoveries are put in by the API.
type Details interface {
	Detail(ctx context.Context, request string, agents []string) (schema.Detail, error)
}

// Jobs reads failing jobs and messages from the source. An error that wraps
// ondemand.ErrAbsent says that the source has nothing of the kind.
type Jobs interface {
	// JobErrors are the groups of failing jobs of one workflow.
	JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error)
	// JobSamples are jobs of the groups that match, and how many jobs these have.
	JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) ([]schema.JobSample, int64, error)
	// FailingJobs gives the groups of all workflows that are wanted, those of one
	// workflow together.
	FailingJobs(ctx context.Context, wanted func(workflow string) bool, fn func(schema.JobError) error) error
	// LogEntries are the messages about one workflow, newest first.
	LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error)
}

// Quarantined is a document that could not be used, or did not come.
type Quarantined struct {
	ID        string `doc:"_id of the document"`
	Database  string `doc:"database that it is in"`
	Rev       string `doc:"revision that was read"`
	Path      string `doc:"where in the document; empty: all of it"`
	Reason    string `doc:"what is wrong"`
	FirstSeen int64  `unit:"Unix s" doc:"when it was first read"`
	LastSeen  int64  `unit:"Unix s" doc:"when it was last read"`
	Count     int64  `doc:"how often it was read"`
	Owed      bool   `doc:"it did not come, though it is there for all that is known: it is asked for again until it comes or is gone"`
}

// Build tells which program this is.
type Build struct {
	Version  string
	Revision string
	Time     string
	Go       string
}

// MetricsFor says who may read /metrics here.
type MetricsFor int

// Values of MetricsFor.
const (
	MetricsForKnown  MetricsFor = iota // those who may read everything else
	MetricsForAll                      // everybody
	MetricsElsewhere                   // nobody: there is no such route; MetricsHandler is served by the owner
)

// Options is everything that an API needs.
type Options struct {
	Store      Store                         // needed
	Details    Details                       // nil: there are no details, /fetch/{workflow} answers 502
	Jobs       Jobs                          // nil: the source has no job documents and no log
	Quarantine func() []Quarantined          // nil: none
	History    History                       // nil: none
	Journal    Journal                       // nil: none
	Checkpoint func() (ok bool, note string) // of /readyz?verbose; nil, or an empty note: there is none
	Cache      cache.Keeper                  // nil: keeps nothing
	Registry   *prometheus.Registry          // nil: one of its own; /metrics serves it
	Build      Build
	Attention  attention.Options // thresholds of /attention until SetAttention; the zero value is good

	Checks  func() []health.Check      // more lines of /readyz?verbose; nil: none
	Reading func() []wire.AboutReading // how far the full read under way is; nil: not known

	Queries    QueryOptions // of requests whose cost is not bounded by their page; the zero value is good
	Feeds      FeedOptions  // of /changes; the zero value is good
	Gate       *access.Gate // who may ask, and how often; nil: everybody
	Metrics    MetricsFor   // who may read /metrics
	Streams    int          // limit=all of one client at once; 0: 2
	MaxStreams int          // the same, of all clients; 0: 64
	MaxBody    int64        // bytes of a request's body; 0: 64 KiB

	Demand DemandOptions // of what is read from the source when asked for; the zero value is good
	Memory MemoryOptions // the zero value is good

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// QueryOptions bound requests whose cost is not that of the page which they
// return: filters, sorts, counts and selectors. Zero values are good.
type QueryOptions struct {
	Timeout   time.Duration                        // longest work on one request, and longest wait for its turn; 0: 5 s
	AtOnce    int                                  // expensive requests that are worked on at once; 0: half of the processors, 2 to 8
	PerClient int                                  // the same, of one client; 0: half of AtOnce, at least 1
	Steps     int64                                // most steps of one request (see package budget); 0: no bound but the time
	Free      int64                                // steps from which on a request is expensive; 0: DefaultFree
	Spent     func(route string, b *budget.Budget) // nil or called at the end of each request that scans, for tests
}

// DefaultFree is about 5 ms of work: at 20 000 workflows hardly anything is
// expensive, at a million every new filter.
const DefaultFree = 5_000_000

// DefaultQueries are the options without flags.
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

// FeedOptions bound the feeds of /changes. Zero values are good.
type FeedOptions struct {
	Interval  time.Duration // least time between two events of a stream; 0: 1 s
	Heartbeat time.Duration // between two signs of life; 0: 15 s
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

// DemandOptions bound what is read from the source when somebody asks; zero
// values are those of DefaultDemand.
type DemandOptions struct {
	Keep          time.Duration // how long what was read of one workflow is good
	KeepErrors    time.Duration // how long the failing jobs of all workflows are good
	Timeout       time.Duration // longest read of one workflow
	TimeoutErrors time.Duration // longest read of the failing jobs of all workflows: the view may have to be built
	WaitErrors    time.Duration // how long a request waits for them
	AtOnce        int           // reads at the same time
	Waiting       int           // reads that may wait for their turn
	Failures      int           // in a row, after which the source is left alone for a while
	MinWait       time.Duration // how long at first
	MaxWait       time.Duration // at most
}

// DefaultDemand are the bounds that a server has unless it is told others.
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

// MemoryOptions say what the process may hold, and who can tell what it holds.
type MemoryOptions struct {
	Budget  int64                    // bytes of all parts with a limit, together; for people who look
	Answers int64                    // bytes of answers kept by their requests; 0: 16 MiB
	Parts   func() []wire.MemoryPart // all but what the API holds itself; nil: none
}
