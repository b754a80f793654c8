package app

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/uiserver/query"
)

// Options are what flags, environment and tests all end in.
type Options struct {
	Listen    string // address to serve at; 127.0.0.1:0 in tests
	CacheURL  string // of the cache server
	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json
	LinksFile string // templates of links to other systems; "" for those of CMS
	ViewsFile string // names of filters that many ask for; "" for those that are built in
	Insecure  bool   // allow an address that others can reach, without any identity check

	Access Access // who may ask, and how much

	WriteTimeout string // longest wait for a client to take a part of an answer
	Drain        string // longest wait for requests under way when stopping
	DrainDelay   string // time that /readyz fails before the port is closed

	Hangups <-chan os.Signal // each says to read files again; nil: nothing does

	HealthCheck bool // ask a running server whether it is ready, and exit

	Version string
	Log     *slog.Logger // nil: made of LogLevel and LogFormat, to LogTo
	LogTo   io.Writer    // nil: stderr

	links    []pages.LinkTemplate
	views    []query.View
	cacheURL *url.URL

	writeTimeout, drain, drainDelay time.Duration
}

// setting is one option: its flag, its environment variables, its default.
type setting struct {
	flag     string
	env      []string
	standard string
	usage    string
	target   *string
}

func (o *Options) settings() []setting {
	list := []setting{
		{"listen", []string{"WMSTATS_UI_LISTEN"}, "127.0.0.1:8080", "`address` to serve at", &o.Listen},
		{"cache-url", []string{"WMSTATS_UI_CACHE_URL", "WMSTATS_CACHE_URL"}, "http://127.0.0.1:8081", "`URL` of the cache server", &o.CacheURL},
		{"log-level", []string{"WMSTATS_UI_LOG_LEVEL", "WMSTATS_LOG_LEVEL"}, "info", "`level`: debug, info, warn or error", &o.LogLevel},
		{"log-format", []string{"WMSTATS_UI_LOG_FORMAT", "WMSTATS_LOG_FORMAT"}, "text", "`format`: text or json", &o.LogFormat},
		{"links", []string{"WMSTATS_UI_LINKS"}, "", "JSON `file` with links to other systems, a list of {\"Label\", \"URL\"} with {workflow}, {prepid}, {campaign}, {release}, {requestor} in the URL", &o.LinksFile},
		{"views", []string{"WMSTATS_UI_VIEWS"}, "", "YAML `file` with views of the list: views: [{name, filter, sort, columns}]", &o.ViewsFile},
		{"write-timeout", []string{"WMSTATS_UI_WRITE_TIMEOUT"}, "30s", "longest `wait` for a client to take a part of an answer; a long answer takes as long as it takes", &o.WriteTimeout},
		{"drain", []string{"WMSTATS_UI_DRAIN"}, "10s", "longest `wait` for requests under way when stopping", &o.Drain},
		{"drain-delay", []string{"WMSTATS_UI_DRAIN_DELAY"}, "0s", "`time` that /readyz fails before the port is closed, for balancers", &o.DrainDelay},
	}
	return append(list, o.Access.settings()...)
}

// ParseOptions reads flags, and the environment for what no flag says. Its
// error names every fault at once; help asked for is flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, out io.Writer) (Options, error) {
	var o Options
	var faults error
	set := flag.NewFlagSet("uiserver", flag.ContinueOnError)
	set.SetOutput(out)
	for _, s := range o.settings() {
		set.StringVar(s.target, s.flag, s.standard, s.usage+" ("+strings.Join(s.env, " or ")+")")
	}
	insecure := getenv("WMSTATS_UI_INSECURE")
	switch insecure {
	case "", "0", "false", "1", "true":
	default:
		faults = errors.Join(faults, fmt.Errorf("WMSTATS_UI_INSECURE %q: want true or false", insecure))
	}
	set.BoolVar(&o.Insecure, "insecure", insecure == "1" || insecure == "true",
		"serve at an address that others can reach, though nobody is asked who they are (WMSTATS_UI_INSECURE)")
	set.BoolVar(&o.HealthCheck, "healthcheck", false, "ask the server at --listen whether it is ready, and exit with 0 or 1")
	if err := set.Parse(args); err != nil {
		return Options{}, err
	}
	// The environment comes after the flags, so that the help does not show what
	// is in it: an address may have a password.
	flags := map[string]bool{}
	set.Visit(func(f *flag.Flag) { flags[f.Name] = true })
	for _, s := range o.settings() {
		for _, name := range slices.Backward(s.env) {
			if given := getenv(name); given != "" && !flags[s.flag] {
				*s.target = given
			}
		}
	}
	if set.NArg() > 0 {
		faults = errors.Join(faults, fmt.Errorf("not understood: %s", unsaid(set.Args())))
	}
	return o, errors.Join(faults, o.validate())
}

// unsaid repeats arguments, but for what may be an address with a password.
func unsaid(args []string) string {
	said := make([]string, len(args))
	for i, arg := range args {
		if said[i] = arg; strings.ContainsAny(arg, "@/") {
			said[i] = "(an address)"
		}
	}
	return strings.Join(said, " ")
}

// validate reports all faults at once, and keeps what it had to read.
func (o *Options) validate() (faults error) {
	fault := func(format string, args ...any) { faults = errors.Join(faults, fmt.Errorf(format, args...)) }
	host, _, err := net.SplitHostPort(o.Listen)
	switch {
	case err != nil:
		fault("listen %q: want host:port", o.Listen)
	case !loopback(host) && !o.Insecure && !o.HealthCheck && !o.Access.asks():
		fault("listen %q: others can reach this address and nobody is asked who they are; give --token-file, --htpasswd-file or --identity-header, or say --insecure if that is meant", o.Listen)
	}
	o.Access.validate(fault)
	o.cacheURL, err = url.Parse(strings.TrimSuffix(o.CacheURL, "/"))
	if err != nil || o.cacheURL.Host == "" || (o.cacheURL.Scheme != "http" && o.cacheURL.Scheme != "https") || o.cacheURL.RawQuery != "" {
		fault("cache-url: want http://host:port") // it may have a password in it, also where it can't be parsed
	}
	for _, d := range []struct {
		name, text, standard string
		least                time.Duration
		to                   *time.Duration
	}{
		{"write-timeout", o.WriteTimeout, "30s", time.Nanosecond, &o.writeTimeout},
		{"drain", o.Drain, "10s", 0, &o.drain},
		{"drain-delay", o.DrainDelay, "0s", 0, &o.drainDelay},
	} {
		if *d.to, err = time.ParseDuration(cmp.Or(d.text, d.standard)); err != nil || *d.to < d.least {
			fault("%s %q: want a duration such as 30s", d.name, d.text)
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		fault("log-level %q: want debug, info, warn or error", o.LogLevel)
	}
	if o.LogFormat != "text" && o.LogFormat != "json" {
		fault("log-format %q: want text or json", o.LogFormat)
	}
	o.links, o.views = pages.DefaultLinks(), query.DefaultViews()
	if o.LinksFile != "" {
		if o.links, err = readFile(o.LinksFile, pages.ParseLinks); err != nil {
			fault("links %s: %w", o.LinksFile, err)
		}
	}
	if o.ViewsFile != "" {
		if o.views, err = readFile(o.ViewsFile, query.ParseViews); err != nil {
			fault("views %s: %w", o.ViewsFile, err)
		}
	}
	return faults
}

// readFile reads and parses a configuration file.
func readFile[T any](name string, parse func([]byte) (T, error)) (T, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		var none T
		return none, err
	}
	return parse(data)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// logger is the one that the options ask for.
func (o *Options) logger() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	out := o.LogTo
	if out == nil {
		out = os.Stderr
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel)) // validate has checked it
	settings := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, settings))
	}
	return slog.New(slog.NewTextHandler(out, settings))
}
