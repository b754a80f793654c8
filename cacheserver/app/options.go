package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/settings"
)

// Options is everything that flags and environment can say. The zero value is
// not valid: take Defaults.
type Options struct {
	program.Options // of every server

	RequestCache      string // URL or file of the old server's requestcache, in place of CouchURL
	CouchURL          string
	CouchUser         string
	CouchPasswordFile string
	RequestDB         string
	WMStatsDB         string
	LogDB             string
	T0                bool          // the source is Tier-0's: its databases, views and statuses
	Statuses          []string      // of requests in the lists; nil: all active ones of the source's table
	PollInterval      time.Duration // 0: follow the changes feed; look at RequestCache each 5 min
	RereadEvery       time.Duration // read everything again so often, beside the feed; 0: never
	MaxLoss           float64       // a full read that misses this share of the known documents, or more, is held back; 1: none is

	Alerts string // file with the thresholds of alerts; empty: the defaults

	Metrics string // who may read /metrics: identity, open, or host:port of a listener of their own
	Limits  Limits

	Checkpoint      string        // file that the next start goes on from; "": none
	CheckpointEvery time.Duration // between two writes of it

	Memory     int64  // bytes beyond the records
	CacheBytes *int64 // bound of the part of Memory for details and made answers; nil: none but that of the part, 0: no cache

	Queries api.QueryOptions // of requests whose cost is not bounded by their page

	Demand api.DemandOptions // of what is read from the source when somebody asks

	Patience Patience // with the source; no flag, tests make it short

	Ceiling  int64 // bytes that the runtime may take at most; 0: its limit is not set here. Set by TuneMemory
	Headroom int64 // bytes that the heap may grow by between two collections of the first read; 0: as GOGC says. Set by TuneMemory
}

// Patience is how long to wait for the source. Zero values mean the defaults
// of packages couch and follower.
type Patience struct {
	Heartbeat time.Duration // between two signs of life of a feed; three missing ones end it
	ReadIdle  time.Duration // without a byte of a full read
	MinWait   time.Duration // before the first new try after a failure
	MaxWait   time.Duration // before any new try
	HoldWait  time.Duration // before another full read when the last one lost too much
	LookEvery time.Duration // between two looks at a database that is followed
	FeedRetry time.Duration // until a feed is tried again where they bring nothing
	FallAfter time.Duration // numbers of a database that fell count after so long
}

// Defaults are the options without flags and environment.
func Defaults() Options {
	return Options{
		Options:   program.Defaults("127.0.0.1:8081"),
		RequestDB: "reqmgr_workload_cache", WMStatsDB: "wmstats", LogDB: "wmstats_logdb",
		RereadEvery:     6 * time.Hour,
		MaxLoss:         0.2,
		Metrics:         metricsIdentity,
		Limits:          defaultLimits(),
		CheckpointEvery: time.Minute,
		Memory:          usualBudget,
		Queries:         api.DefaultQueries(),
		Demand:          api.DefaultDemand(),
	}
}

func (o *Options) settings() *settings.Table {
	t := settings.New("cacheserver", "WMSTATS_")
	o.Options.Add(t)
	t.Duration("header-timeout", &o.HeaderTimeout, "longest wait for the header of a request")
	t.Duration("read-timeout", &o.ReadTimeout, "longest wait for the whole of a request")
	t.Duration("idle-timeout", &o.IdleTimeout, "how long a connection without a request stays open")
	t.Text("couch-url", &o.CouchURL, "CouchDB, http://host:port")
	t.Text("requestcache", &o.RequestCache, "in place of --couch-url: the old server's requestcache answer, its URL or a file of it")
	t.Text("couch-user", &o.CouchUser, "user in CouchDB")
	t.Text("couch-password-file", &o.CouchPasswordFile, "file with the password in CouchDB")
	t.Text("request-db", &o.RequestDB, "database of the requests")
	t.Text("wmstats-db", &o.WMStatsDB, "database of the agents' documents")
	t.Text("logdb", &o.LogDB, "database of log messages")
	t.Bool("t0", &o.T0, "the source is Tier-0's: the databases are t0_request, tier0_wmstats and t0_logdb unless they are named, and the statuses are its own")
	t.Func("statuses", "", "statuses of the requests in the lists, with commas between; empty: all that are active",
		func(text string) error { o.Statuses = splitStatuses(text); return nil })
	t.Duration("poll-interval", &o.PollInterval, "ask for changes so often; 0 follows the feed, and looks at a --requestcache URL each 5 minutes")
	t.Duration("reread-every", &o.RereadEvery, "read everything again so often, beside the changes feed, and repair what it did not bring; 0: never")
	t.Float("max-loss", &o.MaxLoss, "hold a full read back that misses this share of the known requests, agent documents or agents, or more; 1 believes every read")
	t.Text("alerts", &o.Alerts, "YAML file with the thresholds of alerts, and which are on")
	t.Text("checkpoint", &o.Checkpoint, "file that is written now and then, and that the next start goes on from in place of reading everything; empty: none")
	t.Duration("checkpoint-every", &o.CheckpointEvery, "least time between two writes of --checkpoint")
	t.Bytes("memory", &o.Memory, "memory beyond the records: superseded generations, compressed blocks, made answers, result lists and details, such as 256MiB")
	t.Func("cache-bytes", "", "older name: the part of --memory that is for made answers and details is this at most; 0: none are kept", func(text string) error {
		n, err := settings.ParseBytes(text)
		o.CacheBytes = &n
		return err
	})
	t.Duration("query-timeout", &o.Queries.Timeout, "longest work on one request that filters, sorts, counts or matches (then 422), and longest wait for its turn (then 429)")
	t.Int("max-queries", &o.Queries.AtOnce, "expensive requests that are worked on at once")
	t.Int("queries-per-client", &o.Queries.PerClient, "the same, of one client")
	t.Text("metrics", &o.Metrics, "who may read /metrics: identity (as everything else), open (all), or host:port, a listener of its own")
	o.Limits.add(t)
	addDemand(t, &o.Demand)
	return t
}

// ParseOptions reads flags and WMSTATS_… variables; flags win. Its error names
// every fault. usage gets the help that -h asks for, with flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, usage io.Writer) (Options, error) {
	o := Defaults()
	given, err := o.settings().Parse(args, getenv, usage)
	if errors.Is(err, flag.ErrHelp) {
		return o, fmt.Errorf("read the command line: %w", err)
	}
	o.nameDatabases(given)
	return o, errors.Join(err, o.validate())
}

// validate reports all faults at once. No text of it repeats the CouchDB URL,
// which may have a password in it.
func (o *Options) validate() error {
	var f settings.Faults
	o.Validate(&f)
	if o.HealthCheck {
		return f.Err() // nothing else is used
	}
	o.validateMetrics(&f)
	o.Limits.validate(&f)
	validateDemand(&f, &o.Demand)
	o.validateSource(&f)
	o.validateStatuses(&f)
	for _, db := range []struct{ name, value string }{{"request-db", o.RequestDB}, {"wmstats-db", o.WMStatsDB}, {"logdb", o.LogDB}} {
		if db.value == "" {
			f.Add("--%s must not be empty", db.name)
		}
	}
	settings.NotNegative(&f, "poll-interval", o.PollInterval)
	settings.NotNegative(&f, "reread-every", o.RereadEvery)
	if !(o.MaxLoss > 0 && o.MaxLoss <= 1) {
		f.Add("--max-loss %v: want a share above 0 and up to 1, such as 0.2", o.MaxLoss)
	}
	settings.Positive(&f, "query-timeout", o.Queries.Timeout)
	settings.Positive(&f, "max-queries", o.Queries.AtOnce)
	settings.Positive(&f, "queries-per-client", o.Queries.PerClient)
	settings.Positive(&f, "checkpoint-every", o.CheckpointEvery)
	o.validateMemory(&f)
	return f.Err()
}

// validateSource reports the faults of what says where documents come from.
func (o *Options) validateSource(f *settings.Faults) {
	if o.RequestCache != "" {
		if o.CouchURL != "" || o.CouchUser != "" || o.CouchPasswordFile != "" {
			f.Add("--requestcache takes the place of --couch-url, --couch-user and --couch-password-file: give one source")
		}
		return // its package knows the rest
	}
	u, err := url.Parse(o.CouchURL)
	switch {
	case o.CouchURL == "":
		f.Add("--couch-url is missing: want http://host:port (or --requestcache)")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		f.Add("--couch-url: want http://host:port or https://host:port")
	case u.User != nil && o.CouchUser != "":
		f.Add("--couch-url has a user in it, and --couch-user is given too")
	}
	if o.CouchPasswordFile != "" && o.CouchUser == "" {
		f.Add("--couch-password-file needs --couch-user")
	}
}
