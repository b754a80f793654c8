package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/serving"
)

// Access are the options about who may ask, and how much.
type Access struct {
	TokenFile      string // hashed bearer tokens
	HtpasswdFile   string // users with bcrypt hashes
	IdentityHeader string // name of the client, set by a front end in TrustedPeers
	TrustedPeers   string // addresses and networks of front ends; empty: loopback, for X-Forwarded-For only
	Hosts          string // names under which it may be asked; empty: see hosts.For
	Metrics        string // identity, open, or host:port of a listener of their own

	Rate             float64 // requests a second of one client; 0: no bound
	Burst            int     // requests at once after a pause
	StreamsPerClient int     // limit=all at once
	MaxStreams       int     // the same, of all clients
	FeedsPerClient   int     // streams and long polls of /changes
	MaxFeeds         int     // the same, of all clients
	MaxBody          int64   // bytes of a request's body

	HeaderTimeout time.Duration // for the header of a request
	ReadTimeout   time.Duration // for the whole of a request
	WriteTimeout  time.Duration // for each part of an answer
	IdleTimeout   time.Duration // between requests of a connection
}

// Values of Access.Metrics that are not addresses.
const (
	metricsIdentity = "identity"
	metricsOpen     = "open"
)

func defaultAccess() Access {
	return Access{
		Metrics: metricsIdentity,
		Rate:    200, Burst: 2000, StreamsPerClient: 2, MaxStreams: 64, FeedsPerClient: 20, MaxFeeds: 1000, MaxBody: 64 << 10,
		HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
}

func (a *Access) settings(
	text func(string, *string, string) setting, duration func(string, *time.Duration, string) setting,
) []setting {
	return []setting{
		text("token-file", &a.TokenFile, "file of bearer tokens that may ask, hashed; \"cacheserver token NAME\" makes one"),
		text("htpasswd-file", &a.HtpasswdFile, "file of users that may ask, as htpasswd -B writes it"),
		text("identity-header", &a.IdentityHeader, "header in which a front end among --trusted-peers names who asks, such as X-Remote-User"),
		text("trusted-peers", &a.TrustedPeers, "addresses and networks of front ends, such as 10.0.0.5,10.1.0.0/16: their X-Forwarded-For is believed, and they are not limited; left out: loopback"),
		text("hosts", &a.Hosts, "names under which this server may be asked beside those of its own machine, with commas between; *: any. Left out on loopback: none, where nobody is asked who they are and there are no --trusted-peers; else any"),
		text("metrics", &a.Metrics, "who may read /metrics: identity (as everything else), open (all), or host:port, a listener of its own"),
		{"rate-limit", "requests a second of one client, an identity or an address; 0: no limit", strconv.FormatFloat(a.Rate, 'g', -1, 64), false,
			func(s string) (err error) {
				if a.Rate, err = strconv.ParseFloat(s, 64); err != nil || math.IsNaN(a.Rate) || math.IsInf(a.Rate, 0) {
					return errors.New("want a number of requests a second, such as 200")
				}
				return nil
			}},
		wholeNumber("rate-burst", &a.Burst, "requests that a client may send at once after a pause"),
		wholeNumber("streams-per-client", &a.StreamsPerClient, "reads of limit=all by one client at once"),
		wholeNumber("max-streams", &a.MaxStreams, "reads of limit=all at once in all"),
		wholeNumber("feeds-per-client", &a.FeedsPerClient, "streams and long polls of /changes by one client at once"),
		wholeNumber("max-feeds", &a.MaxFeeds, "streams and long polls of /changes at once in all"),
		{"max-body", "largest body of a request, such as 64KiB", strconv.FormatInt(a.MaxBody, 10), false,
			func(s string) (err error) { a.MaxBody, err = parseBytes(s); return err }},
		duration("header-timeout", &a.HeaderTimeout, "longest wait for the header of a request"),
		duration("read-timeout", &a.ReadTimeout, "longest wait for the whole of a request"),
		duration("write-timeout", &a.WriteTimeout, "longest wait for a client to take a part of an answer; a long answer takes as long as it takes"),
		duration("idle-timeout", &a.IdleTimeout, "how long a connection without a request stays open"),
	}
}

// asks says whether clients have to say who they are.
func (a *Access) asks() bool {
	return a.TokenFile != "" || a.HtpasswdFile != "" || a.IdentityHeader != ""
}

func (a *Access) validate(fault func(format string, args ...any)) {
	if _, err := peers.Parse(a.TrustedPeers); err != nil {
		fault("--trusted-peers: %w", err)
	}
	if err := identity.CheckHeader(a.IdentityHeader); err != nil {
		fault("--identity-header: %w", err)
	}
	if _, err := hosts.Parse(a.Hosts); err != nil {
		fault("--hosts: %w", err)
	}
	if a.IdentityHeader != "" && a.TrustedPeers == "" {
		fault("--identity-header needs --trusted-peers: the front ends that may set it")
	}
	if a.Rate < 0 {
		fault("--rate-limit %g: must not be negative", a.Rate)
	}
	for name, value := range map[string]int64{
		"rate-burst": int64(a.Burst), "streams-per-client": int64(a.StreamsPerClient), "max-streams": int64(a.MaxStreams), "feeds-per-client": int64(a.FeedsPerClient),
		"max-feeds": int64(a.MaxFeeds), "max-body": a.MaxBody, "header-timeout": int64(a.HeaderTimeout),
		"read-timeout": int64(a.ReadTimeout), "write-timeout": int64(a.WriteTimeout), "idle-timeout": int64(a.IdleTimeout),
	} {
		if value <= 0 {
			fault("--%s: must be more than 0", name)
		}
	}
	switch a.Metrics {
	case metricsIdentity, metricsOpen:
	default:
		if _, _, err := net.SplitHostPort(a.Metrics); err != nil {
			fault("--metrics %q: want identity, open or host:port", a.Metrics)
		}
	}
}

// trusted are the front ends; the options have been checked.
func (a *Access) trusted() peers.List {
	list, err := peers.Parse(a.TrustedPeers)
	if err != nil || len(list) == 0 {
		return peers.Loopback()
	}
	return list
}

// newGate makes what decides on requests.
func (a *App) newGate() (*access.Gate, error) {
	o := &a.o.Access
	known, err := identity.New(identity.Options{
		Tokens: o.TokenFile, Htpasswd: o.HtpasswdFile, Header: o.IdentityHeader, Peers: o.trusted(), Log: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up identities: %w", err)
	}
	return access.New(access.Options{Identity: known, Hosts: hosts.For(o.Hosts, a.o.Listen, o.asks() || o.TrustedPeers != ""), Trusted: o.trusted(), Rate: o.Rate, Burst: o.Burst}), nil
}

// metricsFor is Metrics as the API wants it.
func (a *Access) metricsFor() api.MetricsFor {
	switch a.Metrics {
	case metricsIdentity, "":
		return api.MetricsForKnown
	case metricsOpen:
		return api.MetricsForAll
	}
	return api.MetricsElsewhere
}

// newServer sets the bounds of connections.
func (a *App) newServer(handler http.Handler) (*serving.Server, error) {
	o := &a.o.Access
	server, err := serving.New(serving.Options{
		Handler: handler,
		Header:  o.HeaderTimeout, Read: o.ReadTimeout, Part: o.WriteTimeout, Idle: o.IdleTimeout,
		MaxHeader: 256 << 10, // 1 000 names in one URL
		Delay:     a.o.DrainDelay, Linger: serving.Linger(a.o.Drain),
		Wrap: onewrite.Listener, ConnContext: onewrite.Context,
		ErrorLog: a.serverLog(),
	})
	if err != nil {
		return nil, fmt.Errorf("set up the server: %w", err)
	}
	return server, nil
}

// startMetrics serves the metrics at their own address, if they have one.
func (a *App) startMetrics(ctx context.Context) error {
	if a.o.Access.metricsFor() != api.MetricsElsewhere {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.o.Access.Metrics)
	if err != nil {
		return fmt.Errorf("listen for --metrics: %w", err)
	}
	a.metricsAddr = listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metricsHandler())
	server, err := a.newServer(mux)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	a.onStop("metrics", func(context.Context) error { return server.Close() })
	go func() {
		if err := server.Serve(listener); err != nil {
			a.failed <- fmt.Errorf("serve metrics: %w", err)
		}
	}()
	a.log.Info("metrics have a listener of their own, which asks nobody who they are", "addr", a.metricsAddr)
	return nil
}

// metricsHandler asks nobody who they are, so on loopback it knows its names.
func (a *App) metricsHandler() http.Handler {
	if names := hosts.For(a.o.Access.Hosts, a.o.Access.Metrics, false); names != nil {
		return names.Handler(a.api.MetricsHandler())
	}
	return a.api.MetricsHandler()
}

// warnOfStrangers says in the log that nobody is asked who they are.
func (a *App) warnOfStrangers() {
	if host, _, err := net.SplitHostPort(a.o.Listen); err == nil && !isLoopback(host) && !a.o.Access.asks() {
		a.log.Warn("listening for everybody who can reach this address, without any identity (--insecure)", "addr", a.Addr())
	}
}

// MetricsAddr is where the metrics have a listener of their own, host:port;
// valid after Start, "" when they have none.
func (a *App) MetricsAddr() string { return a.metricsAddr }
