// Package tlsclient is the client's side of TLS: the authorities that are trusted, and
// the certificate that is shown to a server that wants one. Both are read again when
// their files change, and connections are then opened again (transport.go). It names
// why a handshake failed (failures.go) and says when a certificate expires. It knows
// no requests.
package tlsclient

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/program/filewatch"
	"github.com/dmwm/wmstats/program/health"
)

// Files are the names of PEM files. Each may be empty.
type Files struct {
	CA   string // authorities; "": those of the system
	Cert string // certificate of this program and its issuers, the certificate first; "": none
	Key  string // key of the certificate; "": it is in Cert
}

// Options of a Client.
type Options struct {
	Files

	Server string        // the server for people: "CouchDB"
	Every  time.Duration // longest time until a changed file is noticed; 0: 2 s
	Now    func() time.Time
	Log    *slog.Logger
}

// Client has the authorities and the certificate for connections to one server. It is
// safe for concurrent use.
type Client struct {
	server    string
	now       func() time.Time
	log       *slog.Logger
	authority *filewatch.File[*x509.CertPool] // nil: those of the system
	cert, key *filewatch.File[string]         // nil: none

	state atomic.Pointer[state]
	mu    sync.Mutex
	read  [2]int // numbers of the contents of cert and key that were tried last
	fault string // why they are not in use; "": they are

	warned time.Time // of a certificate that expires
}

// state is what new connections use.
type state struct {
	number    int // changes with the rest
	authority int // number of the content
	pool      *x509.CertPool
	cert      *tls.Certificate // nil: none
	expires   time.Time        // zero: no certificate

	wanted *atomic.Bool // a server has requested a certificate
}

// New reads the files. Here a file that can't be used is an error.
func New(o Options) (*Client, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{server: o.Server, now: o.Now, log: o.Log}
	file := func(what string) filewatch.Options {
		return filewatch.Options{What: o.Server + " " + what, Every: o.Every, Settle: true, Now: o.Now, Log: o.Log}
	}
	first := &state{number: 1, wanted: new(atomic.Bool)}
	var err error
	if o.CA != "" {
		if c.authority, err = filewatch.Open(o.CA, parseAuthorities, file("authorities")); err != nil {
			return nil, err
		}
		first.pool, first.authority = c.authority.Numbered()
	}
	if o.Cert != "" {
		if c.cert, err = filewatch.Open(o.Cert, parseCertificates, file("certificate")); err != nil {
			return nil, err
		}
		c.key = c.cert
		if o.Key != "" && o.Key != o.Cert {
			if c.key, err = filewatch.Open(o.Key, parseKey, file("key")); err != nil {
				return nil, err
			}
		}
		var certs, keys string
		certs, c.read[0] = c.cert.Numbered()
		keys, c.read[1] = c.key.Numbered()
		if first.cert, first.expires, err = pair(certs, keys); err != nil {
			return nil, fmt.Errorf("read the %s certificate: %w", o.Server, err)
		}
	}
	c.state.Store(first)
	c.warn(first)
	return c, nil
}

// current returns what new connections use, after a look at the files.
func (c *Client) current() *state {
	s := c.state.Load()
	if !c.HasFiles() {
		return s
	}
	var read [2]int
	authority := s.authority
	if c.authority != nil {
		_, authority = c.authority.Numbered()
	}
	if c.cert != nil {
		_, read[0] = c.cert.Numbered()
		_, read[1] = c.key.Numbered()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.state.Load()
	if authority != s.authority || read != c.read {
		s = c.renew(s)
	}
	c.warn(s)
	return s
}

// renew uses changed files; the caller holds the lock. A certificate and a key that do
// not belong together change nothing: often one file is written before the other.
func (c *Client) renew(old *state) *state {
	next := *old
	if c.authority != nil {
		next.pool, next.authority = c.authority.Numbered()
	}
	if c.cert != nil {
		var certs, keys string
		certs, c.read[0] = c.cert.Numbered()
		keys, c.read[1] = c.key.Numbered()
		cert, expires, err := pair(certs, keys)
		c.fault = ""
		if err != nil {
			c.fault = "the " + c.server + " certificate and key can't be used"
			c.log.Error("the client certificate and key can't be used; keeping the last good ones", "server", c.server, "err", err)
		} else {
			next.cert, next.expires = cert, expires
		}
	}
	if next.pool == old.pool && next.cert == old.cert {
		c.state.Store(&next)
		return &next
	}
	next.number++
	c.warned = time.Time{}
	c.state.Store(&next)
	about := []any{"server", c.server}
	if next.cert != nil {
		about = append(about, "expires", next.expires)
	}
	c.log.Info("opening new connections with the changed certificate or authorities", about...)
	return &next
}

// Expiry warnings begin soon before the certificate expires, and are repeated.
const (
	soon      = 7 * 24 * time.Hour
	warnAgain = 24 * time.Hour
)

// warn logs that the certificate expires; the caller holds the lock, except in New.
func (c *Client) warn(s *state) {
	now := c.now()
	if s.expires.IsZero() || s.expires.Sub(now) > soon || now.Sub(c.warned) < warnAgain {
		return
	}
	c.warned = now
	if now.After(s.expires) {
		c.log.Error("the client certificate has expired", "server", c.server, "expired", s.expires)
		return
	}
	c.log.Warn("the client certificate expires soon", "server", c.server, "expires", s.expires)
}

// Expires returns when the first certificate of the chain expires; zero without a
// certificate. It looks at the files.
func (c *Client) Expires() time.Time { return c.current().expires }

// Number changes when connections have to be opened again. It looks at the files.
func (c *Client) Number() int { return c.current().number }

// Reload reads the files now.
func (c *Client) Reload() {
	if c.authority != nil {
		c.authority.Reload()
	}
	if c.cert != nil {
		c.cert.Reload()
		if c.key != c.cert {
			c.key.Reload()
		}
	}
	c.current()
}

// HasFiles reports whether there are files to be read again.
func (c *Client) HasFiles() bool { return c.authority != nil || c.cert != nil }

// Faults names the files that can't be used, with reasons; their last good content is
// in use.
func (c *Client) Faults() (faults []string) {
	c.current()
	if c.authority != nil && c.authority.Fault() != "" {
		faults = append(faults, c.authority.Fault())
	}
	if c.cert != nil {
		for _, f := range []*filewatch.File[string]{c.cert, c.key} {
			if fault := f.Fault(); fault != "" && (len(faults) == 0 || faults[len(faults)-1] != fault) {
				faults = append(faults, fault)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != "" {
		faults = append(faults, c.fault)
	}
	return faults
}

// config returns the settings of connections with a state.
func (s *state) config() *tls.Config {
	none := &tls.Certificate{}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: s.pool,
		// The certificate is sent whatever authorities the server names: its list has
		// no issuer of a proxy certificate.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.wanted.Store(true)
			return cmp.Or(s.cert, none), nil
		},
	}
}

// Check is the line of /readyz?verbose about a certificate.
func Check(expires, now time.Time) health.Check {
	c := health.Check{Name: "certificate", OK: expires.Sub(now) > soon, Note: "expires at " + expires.UTC().Format(time.RFC3339)}
	if now.After(expires) {
		c.Note = "expired at " + expires.UTC().Format(time.RFC3339)
	}
	return c
}
