package program

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/basepath"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/program/settings"
)

// Options are the options of every server. The zero value is not valid: use
// Defaults.
type Options struct {
	Listen   string // host:port; port 0 takes any
	Insecure bool   // Listen may be a non-loopback address without authentication
	Access   access.Settings
	Metrics  string // who may read /metrics: MetricsIdentity, MetricsOpen, or host:port of their own listener
	BasePath string // path below which the server answers, as package basepath accepts it; "": the root

	HeaderTimeout time.Duration // longest time to read the header of a request
	ReadTimeout   time.Duration // longest time to read a whole request
	WriteTimeout  time.Duration // longest time to write each part of an answer
	IdleTimeout   time.Duration // longest time between requests of a connection

	Drain      time.Duration // longest wait for active requests when stopping
	DrainDelay time.Duration // time that /readyz fails before the port is closed

	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	HealthCheck bool   // ask the server at Listen whether it is alive, and exit
	HealthURL   string // URL to ask instead; "": /livez at Listen

	Hangups <-chan os.Signal // each value makes the server re-read files; nil: none
	Version string           // of the program
	Log     *slog.Logger     // nil: made from LogLevel and LogFormat, to LogTo
	LogTo   io.Writer        // nil: standard error
}

// Defaults returns the options without flags and environment for a server at
// host:port.
func Defaults(listen string) Options {
	return Options{
		Listen: listen, Access: access.Defaults(), Metrics: MetricsIdentity,
		HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		Drain: 10 * time.Second, LogLevel: "info", LogFormat: "text",
	}
}

// Add adds the options to the table of a server. Of the timeouts, only that of writing
// is a setting of every server.
func (o *Options) Add(t *settings.Table) {
	t.Group("Serving")
	t.Text("listen", &o.Listen, "address to listen on, `HOST:PORT`")
	t.Text("base-path", &o.BasePath, "`PATH` below which this server answers, such as /wmstats, on a host that it shares with other programs; /livez, /readyz and /metrics answer at the root too; if empty, everything is at the root")
	t.Bool("insecure", &o.Insecure, "allow --listen on a non-loopback address without authentication")
	t.Text("metrics", &o.Metrics, "`WHO` may read /metrics: identity (clients that may read everything else), open (everybody), or HOST:PORT for a listener of its own without authentication")
	t.Duration("write-timeout", &o.WriteTimeout, "timeout for a client to accept the next part of a response; the whole response may take longer")
	t.Duration("drain", &o.Drain, "at shutdown, longest wait for requests in progress")
	t.Duration("drain-delay", &o.DrainDelay, "at shutdown, time for which /readyz fails before the port is closed, so that load balancers stop sending requests")
	t.Group("Access")
	o.Access.Add(t)
	t.Group("Log")
	t.Text("log-level", &o.LogLevel, "lowest `LEVEL` to log: debug, info, warn or error").Or("WMSTATS_LOG_LEVEL")
	t.Text("log-format", &o.LogFormat, "log `FORMAT`: text or json").Or("WMSTATS_LOG_FORMAT")
	t.Command("healthcheck", &o.HealthCheck, &o.HealthURL, "request /livez of the server at --listen, or with --healthcheck=URL that URL; exit with 0 if the answer is 200, else with 1")
}

// Validate reports invalid options. A health check uses only the address.
func (o *Options) Validate(f *settings.Faults) {
	if host, port, err := net.SplitHostPort(o.Listen); err != nil {
		f.Add("--listen %q: want host:port", o.Listen)
	} else {
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			f.Add("--listen %q: the port must be a number from 0 to 65535", o.Listen)
		}
		if !hosts.Loopback(host) && !o.Insecure && !o.HealthCheck && !o.Access.Asks() {
			f.Add("--listen %q: %w", o.Listen, hosts.Unauthenticated("--token-file, --htpasswd-file, --frontend-hmac-file or --identity-header"))
		}
	}
	if o.HealthCheck {
		if u, err := url.Parse(o.HealthURL); o.HealthURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
			f.Add("--healthcheck: want a URL such as http://host:port/wmstats/readyz, without user and password")
		}
		return
	}
	base, err := basepath.Parse(o.BasePath)
	switch {
	case err != nil:
		f.Add("--base-path %q: %w", o.BasePath, err)
	case basepath.AtRoot(base):
		f.Add("--base-path %q: this path has a meaning of its own at the root", o.BasePath)
	}
	o.BasePath = base
	o.Access.Validate(f)
	o.validateMetrics(f)
	settings.Positive(f, "header-timeout", o.HeaderTimeout)
	settings.Positive(f, "read-timeout", o.ReadTimeout)
	settings.Positive(f, "write-timeout", o.WriteTimeout)
	settings.Positive(f, "idle-timeout", o.IdleTimeout)
	settings.NotNegative(f, "drain", o.Drain)
	settings.NotNegative(f, "drain-delay", o.DrainDelay)
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		f.Add("--log-level %q: want debug, info, warn or error", o.LogLevel)
	}
	if o.LogFormat != "text" && o.LogFormat != "json" {
		f.Add("--log-format %q: want text or json", o.LogFormat)
	}
}

// Reserve reports a base path that is one of these, or is below one: the server answers
// there at the root. Call it after Validate.
func (o *Options) Reserve(f *settings.Faults, paths ...string) {
	for _, path := range paths {
		if o.BasePath == path || strings.HasPrefix(o.BasePath, path+"/") {
			f.Add("--base-path %q: %s belongs to the REST API of the old server, which stays at the root; choose another path", o.BasePath, path)
		}
	}
}

// Logger returns the logger. The options must be valid.
func (o *Options) Logger() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	to := o.LogTo
	if to == nil {
		to = os.Stderr
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel)) // checked by Validate
	handler := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, handler))
	}
	return slog.New(slog.NewTextHandler(to, handler))
}

// Serving returns the limits of connections.
func (o *Options) Serving() serving.Options {
	return serving.Options{
		Header: o.HeaderTimeout, Read: o.ReadTimeout, Part: o.WriteTimeout, Idle: o.IdleTimeout,
		Delay: o.DrainDelay, Linger: serving.Linger(o.Drain),
	}
}
