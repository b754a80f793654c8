package app

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/filewatch"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// sourceAddress returns the URL of the source; a file has none.
func (o *Options) sourceAddress() string {
	if o.RequestCache != "" {
		return o.RequestCache
	}
	return o.CouchURL
}

// validateSecure reports errors in the options of TLS and of the token.
func (o *Options) validateSecure(f *settings.Faults) {
	o.CouchTLS.Validate(f, "couch", o.sourceAddress())
	if o.CouchTokenFile != "" && (o.CouchUser != "" || hasUser(o.sourceAddress())) {
		f.Add("--couch-token-file replaces user and password: set one of them")
	}
}

// openSecure reads the files of TLS and the token for the first time.
func (a *App) openSecure(registry *prometheus.Registry) (err error) {
	if a.files.tls, err = tlsclient.New(tlsclient.Options{Files: a.o.CouchTLS, Server: "source", Log: a.Log}); err != nil {
		return fmt.Errorf("--couch-ca, --couch-cert, --couch-key: %w", err)
	}
	a.files.connections = a.files.tls.Number()
	if a.o.CouchTokenFile != "" {
		o := filewatch.Options{What: "source token", Settle: true, Log: a.Log}
		if a.files.token, err = filewatch.Open(a.o.CouchTokenFile, identity.ParseSecret, o); err != nil {
			return fmt.Errorf("--couch-token-file: %w", err)
		}
		_, a.files.tokens = a.files.token.Numbered()
	}
	if err := registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wmstats_source_certificate_expires_timestamp_seconds",
		Help: "Unix time at which the client certificate for the source expires; 0 without a client certificate.",
	}, func() float64 { return float64(max(0, a.certificateExpires())) })); err != nil {
		return fmt.Errorf("register the metric of the certificate: %w", err)
	}
	return nil
}

// useSecure makes the follower try at once with changed files. Requests use them
// directly.
func (a *App) useSecure() {
	changed := false
	if n := a.files.tls.Number(); n != a.files.connections {
		a.files.connections, changed = n, true
	}
	if f := a.files.token; f != nil {
		if _, n := f.Numbered(); n != a.files.tokens {
			a.files.tokens, changed = n, true
		}
	}
	if changed {
		a.follower.TryNow()
	}
}

// token returns the source of the bearer token; nil: none.
func (a *App) token() func() string {
	if a.files.token == nil {
		return nil
	}
	return a.files.token.Value
}

// certificateExpires returns when the client certificate expires, in Unix s; -1: there
// is none.
func (a *App) certificateExpires() int64 {
	if expires := a.files.tls.Expires(); !expires.IsZero() {
		return expires.Unix()
	}
	return -1
}

// certificateCheck is the line of /readyz?verbose about the client certificate; none
// without one.
func (a *App) certificateCheck() []health.Check {
	expires := a.files.tls.Expires()
	if expires.IsZero() {
		return nil
	}
	return []health.Check{tlsclient.Check(expires, time.Now())}
}
