package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
)

// Options is everything that flags and environment can say. The zero value is
// not valid: take Defaults.
type Options struct {
	Listen   string // host:port; port 0 takes any
	Insecure bool   // Listen may be reached by others, without any identity

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

	Access Access // who may ask, and how much

	Checkpoint      string        // file that the next start goes on from; "": none
	CheckpointEvery time.Duration // between two writes of it

	Memory     int64  // bytes beyond the records
	CacheBytes *int64 // bound of the part of Memory for details and made answers; nil: none but that of the part, 0: no cache

	Queries api.QueryOptions // of requests whose cost is not bounded by their page

	Demand api.DemandOptions // of what is read from the source when somebody asks

	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	Drain      time.Duration // longest wait for requests under way when stopping
	DrainDelay time.Duration // time that /readyz fails before the port is closed

	HealthCheck bool // ask the server that runs with these options whether it lives

	Hangups <-chan os.Signal // each says to read files again; nil: nothing does

	Patience Patience // with the source; no flag, tests make it short

	Ceiling  int64 // bytes that the runtime may take at most; 0: its limit is not set here. Set by TuneMemory
	Headroom int64 // bytes that the heap may grow by between two collections of the first read; 0: as GOGC says. Set by TuneMemory

	Version string       // of the program
	Log     *slog.Logger // nil: made from LogLevel and LogFormat, to standard error
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
		Listen:    "127.0.0.1:8081",
		RequestDB: "reqmgr_workload_cache", WMStatsDB: "wmstats", LogDB: "wmstats_logdb",
		RereadEvery:     6 * time.Hour,
		MaxLoss:         0.2,
		Access:          defaultAccess(),
		CheckpointEvery: time.Minute,
		Memory:          usualBudget,
		Queries:         api.DefaultQueries(),
		Demand:          api.DefaultDemand(),
		LogLevel:        "info", LogFormat: "text",
		Drain: 10 * time.Second,
	}
}

// setting is one flag, and the environment variable of the same name.
type setting struct {
	name, help string
	value      string // of the defaults, for the help
	isFlag     bool   // may stand without a value
	set        func(text string) error
}

func (o *Options) settings() []setting {
	text := func(name string, to *string, help string) setting {
		return setting{name, help, *to, false, func(s string) error { *to = s; return nil }}
	}
	duration := func(name string, to *time.Duration, help string) setting {
		return setting{name, help, to.String(), false, func(s string) (err error) {
			if *to, err = time.ParseDuration(s); err != nil {
				return errors.New("want a duration such as 30s")
			}
			return nil
		}}
	}
	truth := func(name string, to *bool, help string) setting {
		return setting{name, help, strconv.FormatBool(*to), true, func(s string) (err error) {
			if *to, err = strconv.ParseBool(s); err != nil {
				return errors.New("want true or false")
			}
			return nil
		}}
	}
	list := []setting{
		text("listen", &o.Listen, "address of the API, host:port"),
		truth("insecure", &o.Insecure, "allow --listen on an address that others can reach, without any identity"),
		text("couch-url", &o.CouchURL, "CouchDB, http://host:port"),
		text("requestcache", &o.RequestCache, "in place of --couch-url: the old server's requestcache answer, its URL or a file of it"),
		text("couch-user", &o.CouchUser, "user in CouchDB"),
		text("couch-password-file", &o.CouchPasswordFile, "file with the password in CouchDB"),
		text("request-db", &o.RequestDB, "database of the requests"),
		text("wmstats-db", &o.WMStatsDB, "database of the agents' documents"),
		text("logdb", &o.LogDB, "database of log messages"),
		truth("t0", &o.T0, "the source is Tier-0's: the databases are t0_request, tier0_wmstats and t0_logdb unless they are named, and the statuses are its own"),
		{"statuses", "statuses of the requests in the lists, with commas between; empty: all that are active", "", false,
			func(s string) error { o.Statuses = splitStatuses(s); return nil }},
		duration("poll-interval", &o.PollInterval, "ask for changes so often; 0 follows the feed, and looks at a --requestcache URL each 5 minutes"),
		duration("reread-every", &o.RereadEvery, "read everything again so often, beside the changes feed, and repair what it did not bring; 0: never"),
		{"max-loss", "hold a full read back that misses this share of the known requests, agent documents or agents, or more; 1 believes every read", strconv.FormatFloat(o.MaxLoss, 'g', -1, 64), false,
			func(s string) (err error) {
				if o.MaxLoss, err = strconv.ParseFloat(s, 64); err != nil || !(o.MaxLoss > 0 && o.MaxLoss <= 1) {
					return errors.New("want a share above 0 and up to 1, such as 0.2")
				}
				return nil
			}},
		text("alerts", &o.Alerts, "YAML file with the thresholds of alerts, and which are on"),
		text("checkpoint", &o.Checkpoint, "file that is written now and then, and that the next start goes on from in place of reading everything; empty: none"),
		duration("checkpoint-every", &o.CheckpointEvery, "least time between two writes of --checkpoint"),
		text("log-level", &o.LogLevel, "debug, info, warn or error"),
		text("log-format", &o.LogFormat, "text or json"),
		duration("drain", &o.Drain, "longest wait for requests under way when stopping"),
		duration("drain-delay", &o.DrainDelay, "time that /readyz fails before the port is closed, for balancers"),
	}
	list = append(list, o.memorySettings()...)
	list = append(list,
		duration("query-timeout", &o.Queries.Timeout, "longest work on one request that filters, sorts, counts or matches (then 422), and longest wait for its turn (then 429)"),
		wholeNumber("max-queries", &o.Queries.AtOnce, "expensive requests that are worked on at once"),
		wholeNumber("queries-per-client", &o.Queries.PerClient, "the same, of one client"),
	)
	list = append(list, demandSettings(&o.Demand, duration, wholeNumber)...)
	return append(list, o.Access.settings(text, duration)...)
}

func wholeNumber(name string, to *int, help string) setting {
	return setting{name, help, strconv.Itoa(*to), false, func(s string) (err error) {
		if *to, err = strconv.Atoi(s); err != nil {
			return errors.New("want a whole number")
		}
		return nil
	}}
}

// ParseOptions reads flags and WMSTATS_… variables; flags win. Its error names
// every fault. usage gets the help that -h asks for, with flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, usage io.Writer) (Options, error) {
	o := Defaults()
	var faults []error
	given := map[string]bool{}
	flags := flag.NewFlagSet("cacheserver", flag.ContinueOnError)
	flags.SetOutput(usage)
	for _, s := range o.settings() {
		env := "WMSTATS_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
		if text := getenv(env); text != "" {
			given[s.name] = true
			if err := s.set(text); err != nil {
				faults = append(faults, fmt.Errorf("%s %q: %w", env, text, err))
			}
		}
		// Faults are gathered, where package flag would end at the first.
		set := func(text string) error {
			given[s.name] = true
			if err := s.set(text); err != nil {
				faults = append(faults, fmt.Errorf("--%s %q: %w", s.name, text, err))
			}
			return nil
		}
		help := fmt.Sprintf("%s (%s; default %q)", s.help, env, s.value)
		if s.isFlag {
			flags.BoolFunc(s.name, help, set)
		} else {
			flags.Func(s.name, help, set)
		}
	}
	flags.BoolVar(&o.HealthCheck, "healthcheck", false, "ask the server at --listen whether it lives, and exit 0 or 1")
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("read the command line: %w", err)
	}
	if flags.NArg() > 0 {
		arg := fmt.Sprintf("%q", flags.Arg(0))
		if strings.ContainsAny(arg, "@/") { // it may be an address with a password
			arg = "(an address)"
		}
		faults = append(faults, fmt.Errorf("unexpected argument %s", arg))
	}
	o.nameDatabases(given)
	return o, errors.Join(append(faults, o.validate())...)
}

// validate reports all faults at once. No text of it repeats the CouchDB URL,
// which may have a password in it.
func (o *Options) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if host, port, err := net.SplitHostPort(o.Listen); err != nil {
		fault("--listen %q: want host:port", o.Listen)
	} else {
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			fault("--listen %q: the port must be a number from 0 to 65535", o.Listen)
		}
		if !isLoopback(host) && !o.Insecure && !o.HealthCheck && !o.Access.asks() {
			fault("--listen %q can be reached by others, and this server asks nobody who they are: use a loopback address, or --token-file, --htpasswd-file or --identity-header, or --insecure", o.Listen)
		}
	}
	if o.HealthCheck {
		return errors.Join(faults...) // nothing else is used
	}
	o.Access.validate(fault)
	o.validateDemand(fault)
	o.validateSource(fault)
	o.validateStatuses(fault)
	for name, value := range map[string]string{"request-db": o.RequestDB, "wmstats-db": o.WMStatsDB, "logdb": o.LogDB} {
		if value == "" {
			fault("--%s must not be empty", name)
		}
	}
	for name, value := range map[string]time.Duration{"poll-interval": o.PollInterval, "reread-every": o.RereadEvery, "drain": o.Drain, "drain-delay": o.DrainDelay} {
		if value < 0 {
			fault("--%s %s: must not be negative", name, value)
		}
	}
	if o.Queries.Timeout <= 0 || o.Queries.AtOnce <= 0 || o.Queries.PerClient <= 0 {
		fault("--query-timeout, --max-queries and --queries-per-client: must be above 0")
	}
	if o.CheckpointEvery <= 0 {
		fault("--checkpoint-every %s: must be above 0", o.CheckpointEvery)
	}
	o.validateMemory(fault)
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		fault("--log-level %q: want debug, info, warn or error", o.LogLevel)
	}
	if o.LogFormat != "text" && o.LogFormat != "json" {
		fault("--log-format %q: want text or json", o.LogFormat)
	}
	return errors.Join(faults...)
}

// validateSource reports the faults of what says where documents come from.
func (o *Options) validateSource(fault func(format string, args ...any)) {
	if o.RequestCache != "" {
		if o.CouchURL != "" || o.CouchUser != "" || o.CouchPasswordFile != "" {
			fault("--requestcache takes the place of --couch-url, --couch-user and --couch-password-file: give one source")
		}
		return // its package knows the rest
	}
	u, err := url.Parse(o.CouchURL)
	switch {
	case o.CouchURL == "":
		fault("--couch-url is missing: want http://host:port (or --requestcache)")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		fault("--couch-url: want http://host:port or https://host:port")
	case u.User != nil && o.CouchUser != "":
		fault("--couch-url has a user in it, and --couch-user is given too")
	}
	if o.CouchPasswordFile != "" && o.CouchUser == "" {
		fault("--couch-password-file needs --couch-user")
	}
}

// isLoopback says whether only this machine can reach the host. An empty host
// is every interface.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// parseBytes reads a size with an optional unit.
func parseBytes(text string) (int64, error) {
	number, factor := text, int64(1)
	for _, unit := range []struct {
		name   string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if rest, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = rest, unit.factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > (1<<62)/factor {
		return 0, errors.New("want bytes, such as 268435456 or 256MiB")
	}
	return n * factor, nil
}
