package program

import (
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/program/settings"
)

// Options are those that every server has. The zero value is not valid: take
// Defaults.
type Options struct {
	Listen   string // host:port; port 0 takes any
	Insecure bool   // Listen may be reached by others, without any identity
	Access   access.Settings

	HeaderTimeout time.Duration // for the header of a request
	ReadTimeout   time.Duration // for the whole of a request
	WriteTimeout  time.Duration // for each part of an answer
	IdleTimeout   time.Duration // between requests of a connection

	Drain      time.Duration // longest wait for requests under way when stopping
	DrainDelay time.Duration // time that /readyz fails before the port is closed

	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	HealthCheck bool // ask the server that runs with these options how it is, and end

	Hangups <-chan os.Signal // each says to read files again; nil: nothing does
	Version string           // of the program
	Log     *slog.Logger     // nil: made from LogLevel and LogFormat, to LogTo
	LogTo   io.Writer        // nil: standard error
}

// Defaults are the options without flags and environment of a server at host:port.
func Defaults(listen string) Options {
	return Options{
		Listen: listen, Access: access.Defaults(),
		HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		Drain: 10 * time.Second, LogLevel: "info", LogFormat: "text",
	}
}

// Add adds the options to the table of a server. Of the time-outs only that of
// writing is a setting of every server.
func (o *Options) Add(t *settings.Table) {
	t.Text("listen", &o.Listen, "address to serve at, host:port")
	t.Bool("insecure", &o.Insecure, "allow --listen on an address that others can reach, without any identity")
	o.Access.Add(t)
	t.Duration("write-timeout", &o.WriteTimeout, "longest wait for a client to take a part of an answer; a long answer takes as long as it takes")
	t.Duration("drain", &o.Drain, "longest wait for requests under way when stopping")
	t.Duration("drain-delay", &o.DrainDelay, "time that /readyz fails before the port is closed, for balancers")
	t.Text("log-level", &o.LogLevel, "debug, info, warn or error").Or("WMSTATS_LOG_LEVEL")
	t.Text("log-format", &o.LogFormat, "text or json").Or("WMSTATS_LOG_FORMAT")
	t.Command("healthcheck", &o.HealthCheck, "ask the server at --listen how it is, and exit with 0 or 1")
}

// Validate reports what can't be. A health check uses nothing but the address.
func (o *Options) Validate(f *settings.Faults) {
	if host, port, err := net.SplitHostPort(o.Listen); err != nil {
		f.Add("--listen %q: want host:port", o.Listen)
	} else {
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			f.Add("--listen %q: the port must be a number from 0 to 65535", o.Listen)
		}
		if !hosts.Loopback(host) && !o.Insecure && !o.HealthCheck && !o.Access.Asks() {
			f.Add("--listen %q can be reached by others, and this server asks nobody who they are: use a loopback address, or --token-file, --htpasswd-file or --identity-header, or --insecure", o.Listen)
		}
	}
	if o.HealthCheck {
		return
	}
	o.Access.Validate(f)
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

// Logger is the log that the options ask for; they have been validated.
func (o *Options) Logger() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	to := o.LogTo
	if to == nil {
		to = os.Stderr
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel)) // Validate has read it
	handler := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, handler))
	}
	return slog.New(slog.NewTextHandler(to, handler))
}

// Serving has the bounds of connections.
func (o *Options) Serving() serving.Options {
	return serving.Options{
		Header: o.HeaderTimeout, Read: o.ReadTimeout, Part: o.WriteTimeout, Idle: o.IdleTimeout,
		Delay: o.DrainDelay, Linger: serving.Linger(o.Drain),
	}
}
