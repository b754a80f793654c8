package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/legacy"
	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// Options is everything that flags and environment can set. The zero value is
// not valid: start from Defaults.
type Options struct {
	program.Options // of every server

	RequestCache      string // URL or file of the old server's requestcache, instead of CouchURL
	CouchURL          string
	CouchUser         string
	CouchPasswordFile string
	CouchTokenFile    string          // bearer token, instead of user and password
	CouchTLS          tlsclient.Files // of connections to the source
	RequestDB         string
	WMStatsDB         string
	LogDB             string
	T0                bool          // the source belongs to Tier-0: its databases, views and statuses
	Statuses          []string      // of requests in the lists; nil: all active ones of the source's table
	PollInterval      time.Duration // 0: follow the changes feed; poll RequestCache every 5 min
	RereadEvery       time.Duration // interval of full re-reads beside the feed; 0: never
	MaxLoss           float64       // a full read that misses this share of the known documents, or more, is held back; 1: never

	Alerts string // file with the thresholds of alerts; empty: the defaults

	Alertmanager AlertmanagerOptions // to which alerts are posted

	Limits Limits

	Checkpoint      string        // file from which the next start resumes; "": none
	CheckpointEvery time.Duration // between two writes of it

	Replicas ReplicaOptions // several servers that answer as one

	Memory     int64  // bytes beyond the records
	CacheBytes *int64 // limit of the part of Memory for details and cached answers; nil: only that of the part, 0: no cache

	Queries api.QueryOptions // of requests whose cost does not depend on their page

	Demand api.DemandOptions // of reads on demand from the source

	Legacy LegacyOptions // the old server's REST API

	Patience Patience // with the source; not a flag, tests make it short

	Ceiling  int64 // maximum bytes of the runtime; 0: no limit is set here. Set by TuneMemory
	Headroom int64 // bytes that the heap may grow by between two collections of the first full read; 0: as GOGC says. Set by TuneMemory
}

// Patience is how long to wait for the source. Zero values mean the defaults
// of packages couch and follower.
type Patience struct {
	Heartbeat time.Duration // heartbeat interval of a feed; three missing ones end it
	ReadIdle  time.Duration // without a byte of a full read
	MinWait   time.Duration // before the first retry after a failure
	MaxWait   time.Duration // before any retry
	HoldWait  time.Duration // before another full read when the last one was held back
	LookEvery time.Duration // between two checks of a followed database
	FeedRetry time.Duration // before a feed is tried again where feeds bring nothing
	FallAfter time.Duration // how long the numbers of a database must stay lower before that counts
}

// Defaults returns the options without flags and environment.
func Defaults() Options {
	return Options{
		Options:   program.Defaults("127.0.0.1:8081"),
		RequestDB: "reqmgr_workload_cache", WMStatsDB: "wmstats", LogDB: "wmstats_logdb",
		RereadEvery:     6 * time.Hour,
		MaxLoss:         0.2,
		Alertmanager:    defaultAlertmanager(),
		Limits:          defaultLimits(),
		CheckpointEvery: time.Minute,
		Replicas:        defaultReplicas(),
		Memory:          usualBudget,
		Queries:         api.DefaultQueries(),
		Demand:          api.DefaultDemand(),
		Legacy:          defaultLegacy(),
	}
}

// Settings returns the table of the options, for ParseOptions and for the
// reference.
func (o *Options) Settings() *settings.Table {
	t := settings.New("cacheserver", "WMSTATS_")
	t.Describe("The cache server follows CouchDB and serves every workflow as a flat record over HTTP.",
		"cacheserver token NAME    make a bearer token (token -h says more)")
	o.addSource(t)
	o.Replicas.add(t)
	o.Alertmanager.add(t)
	o.Options.Add(t)
	t.Group("Connections and limits")
	t.Duration("header-timeout", &o.HeaderTimeout, "timeout for the header of a request")
	t.Duration("read-timeout", &o.ReadTimeout, "timeout for a whole request")
	t.Duration("idle-timeout", &o.IdleTimeout, "how long a connection without a request stays open")
	o.Limits.add(t)
	t.Group("Memory and expensive queries")
	t.Bytes("memory", &o.Memory, "memory budget beyond the records: kept generations, compressed blocks, cached answers, result lists and details; at least 16MiB")
	t.Func("cache-bytes", "", "older option: upper bound for the part of --memory that caches answers and details; 0 disables that cache", func(text string) error {
		n, err := settings.ParseBytes(text)
		o.CacheBytes = &n
		return err
	}).Named("SIZE")
	t.Duration("query-timeout", &o.Queries.Timeout, "time limit for a request that filters, sorts, counts or matches (then 422), and for its wait in the queue (then 429)")
	t.Int("max-queries", &o.Queries.AtOnce, "maximum expensive requests processed at once").Default("half of the processors, from 2 to 8")
	t.Int("queries-per-client", &o.Queries.PerClient, "maximum expensive requests of one client processed at once").Default("half of --max-queries, at least 1")
	addDemand(t, &o.Demand)
	o.Legacy.add(t)
	return t
}

// addSource adds the settings of the source and of the data kept from it.
func (o *Options) addSource(t *settings.Table) {
	t.Group("Source")
	t.Text("couch-url", &o.CouchURL, "`URL` of CouchDB, such as http://127.0.0.1:5984, without user and password")
	t.Text("couch-user", &o.CouchUser, "`USER` in CouchDB")
	t.Text("couch-password-file", &o.CouchPasswordFile, "`FILE` with the password of --couch-user")
	t.Text("couch-token-file", &o.CouchTokenFile, "`FILE` with a bearer token for the source, instead of a user and password")
	o.CouchTLS.Add(t, "couch", "the source")
	t.Text("request-db", &o.RequestDB, "`DATABASE` of the requests")
	t.Text("wmstats-db", &o.WMStatsDB, "`DATABASE` of the agents' documents")
	t.Text("logdb", &o.LogDB, "`DATABASE` of log messages")
	t.Text("requestcache", &o.RequestCache, "read the requestcache answer of the old server instead of CouchDB: `URL|FILE`")
	t.Bool("t0", &o.T0, "the source is Tier-0: use its statuses, and the databases t0_request, tier0_wmstats and t0_logdb unless they are set")
	t.Func("statuses", "", "`STATUSES` of the requests to list, separated by commas; if empty, all active ones",
		func(text string) error { o.Statuses = splitStatuses(text); return nil })
	t.Duration("poll-interval", &o.PollInterval, "polling interval; 0 follows the changes feed, and reads a --requestcache URL every 5 minutes")
	t.Duration("reread-every", &o.RereadEvery, "interval between full re-reads, which repair what the changes feed missed; 0 disables them")
	t.Float("max-loss", &o.MaxLoss, "hold back a full read that lacks this `SHARE` or more of the known requests, agent documents or agents; 1 accepts every read")
	t.Group("Files")
	t.Text("alerts", &o.Alerts, "YAML `FILE` with the thresholds of alerts, and which rules are on")
	t.Text("checkpoint", &o.Checkpoint, "checkpoint `FILE`: the next start resumes from it; if empty, none is written")
	t.Duration("checkpoint-every", &o.CheckpointEvery, "shortest interval between two writes of --checkpoint")
}

// ParseOptions reads flags and WMSTATS_… variables; flags override variables.
// The error names every invalid option. usage receives the output of -h,
// --version and --print-config; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, usage io.Writer) (Options, error) {
	o := Defaults()
	table := o.Settings()
	table.Derive(func(given map[string]bool) {
		o.nameDatabases(given)
		o.CouchTLS.FromGrid(table, "couch", o.sourceAddress(), given, getenv)
	})
	_, err := table.Parse(args, getenv, usage)
	if errors.Is(err, flag.ErrHelp) {
		return o, fmt.Errorf("read the command line: %w", err)
	}
	return o, errors.Join(err, o.validate())
}

// validate reports all errors at once. No text repeats the CouchDB URL, which
// may contain a password.
func (o *Options) validate() error {
	var f settings.Faults
	o.Validate(&f)
	if o.HealthCheck {
		return f.Err() // nothing else is used
	}
	o.Reserve(&f, legacy.Roots()...)
	o.Limits.validate(&f)
	validateDemand(&f, &o.Demand)
	o.Legacy.validate(&f)
	o.Alertmanager.validate(&f)
	o.validateSource(&f)
	o.validateReplicas(&f)
	o.validateSecure(&f)
	o.validateStatuses(&f)
	for _, db := range []struct{ name, value string }{{"request-db", o.RequestDB}, {"wmstats-db", o.WMStatsDB}, {"logdb", o.LogDB}} {
		if db.value == "" {
			f.Add("--%s \"\": want the name of a database", db.name)
		}
	}
	settings.NotNegative(&f, "poll-interval", o.PollInterval)
	settings.NotNegative(&f, "reread-every", o.RereadEvery)
	if !(o.MaxLoss > 0 && o.MaxLoss <= 1) {
		f.Add("--max-loss \"%v\": want a share above 0 and up to 1, such as 0.2", o.MaxLoss)
	}
	settings.Positive(&f, "query-timeout", o.Queries.Timeout)
	settings.Positive(&f, "max-queries", o.Queries.AtOnce)
	settings.Positive(&f, "queries-per-client", o.Queries.PerClient)
	settings.Positive(&f, "checkpoint-every", o.CheckpointEvery)
	o.validateMemory(&f)
	return f.Err()
}

// validateSource reports errors in the options of the source.
func (o *Options) validateSource(f *settings.Faults) {
	if o.RequestCache != "" {
		if o.CouchURL != "" || o.CouchUser != "" || o.CouchPasswordFile != "" {
			f.Add("--requestcache replaces --couch-url, --couch-user and --couch-password-file: set one source")
		}
		return // its package validates the rest
	}
	u, err := url.Parse(o.CouchURL)
	switch {
	case o.CouchURL == "":
		f.Add("--couch-url is missing: set it, such as http://host:port, or set --requestcache")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		f.Add("--couch-url: want http://host:port or https://host:port")
	case u.User != nil && o.CouchUser != "":
		f.Add("--couch-url has a user in it, and --couch-user is set too: set one of them")
	}
	if o.CouchPasswordFile != "" && o.CouchUser == "" {
		f.Add("--couch-password-file needs --couch-user")
	}
}
