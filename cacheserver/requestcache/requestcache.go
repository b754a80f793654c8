// Package requestcache is a source without CouchDB: the requestcache answer of
// the old WMStats server, from its URL or from a saved file. It converts the
// documents in it to the rows of a source and reports the changes from one
// answer to the next. It decodes no document except for a Detail, and knows
// neither agents' health nor failing jobs: the answer has none.
//
// An answer has 180 to 350 MB. It is read once, from beginning to end, into a
// temporary file of consecutive documents (spool.go); only the offset of each
// one, and its hash, stays in memory. Full reads and details then read from
// that file, so they see the same answer, even while the URL is read again or
// the user's file is overwritten. An invalid or truncated answer replaces
// nothing.
package requestcache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// Options sets the origin of the answers, and timeouts.
type Options struct {
	// From is the URL of a requestcache (http or https, a user and password in
	// it are used) or the name of a file, plain or gzip.
	From string

	Interval time.Duration // between two checks; 0: 5 min for a URL, 2 s for a file
	Retry    time.Duration // between two checks after a failure; 0: 10 s, but never more than Interval
	Idle     time.Duration // maximum silence of the server, also before the first byte; 0: 5 min
	Dir      string        // of the temporary file; "": the system's

	// Answered receives the time until the first byte of an answer. nil: not
	// reported.
	Answered func(what string, took time.Duration)

	Token func() string     // returns the bearer token, for each request to a URL; nil: none
	TLS   *tlsclient.Client // of connections to a URL; nil: the system's authorities, and no certificate

	UserAgent string           // "": wmstats
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: none
}

// withDefaults fills in zero values and reports all errors at once.
func (o Options) withDefaults() (Options, *url.URL, error) {
	var faults []error
	var at *url.URL
	usual := 2 * time.Second
	switch {
	case o.From == "":
		faults = append(faults, errors.New("no URL and no file of a requestcache"))
	case strings.Contains(o.From, "://"), strings.HasPrefix(o.From, "http:"), strings.HasPrefix(o.From, "https:"): // also for a mistyped URL: errors about files do not contain the name then
		u, err := url.Parse(o.From)
		// The cause would repeat the URL, and with it a password.
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			faults = append(faults, errors.New("URL of a requestcache: want http://host/path or https://host/path"))
		}
		at, usual = u, 5*time.Minute
	}
	for _, d := range []time.Duration{o.Interval, o.Retry, o.Idle} {
		if d < 0 {
			faults = append(faults, errors.New("times must not be negative"))
		}
	}
	o.Interval = cmp.Or(o.Interval, usual)
	o.Retry = min(cmp.Or(o.Retry, 10*time.Second), o.Interval)
	o.Idle = cmp.Or(o.Idle, 5*time.Minute)
	o.UserAgent = cmp.Or(o.UserAgent, "wmstats")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, at, errors.Join(faults...)
}

// Source reads one requestcache. It is safe for concurrent use.
type Source struct {
	o    Options
	from origin

	looking chan struct{} // holds one token: its holder checks for a new answer

	mu      sync.Mutex
	current *answer // nil before the first one
	failure error   // of the last check; nil: it succeeded
	due     time.Time
	closed  bool
}

// New checks the options. It reads nothing.
func New(o Options) (*Source, error) {
	o, at, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("requestcache options: %w", err)
	}
	s := &Source{o: o, looking: make(chan struct{}, 1)}
	s.looking <- struct{}{}
	if at == nil {
		s.from = &fileOrigin{path: o.From}
		return s, nil
	}
	if o.TLS == nil {
		if s.o.TLS, err = tlsclient.New(tlsclient.Options{}); err != nil {
			return nil, fmt.Errorf("requestcache options: %w", err)
		}
	}
	transport := s.o.TLS.Transport(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      256 << 10,
	})
	s.from = &urlOrigin{at: at, client: &http.Client{Transport: transport}, idle: o.Idle, agent: o.UserAgent, token: o.Token, answered: o.Answered}
	return s, nil
}

// Close removes the temporary file, once no reader uses it, and closes idle
// connections.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.from.close()
	if s.current == nil {
		return nil
	}
	old := s.current
	s.current = nil
	return old.release()
}

// Name returns the name of the source for people: the URL without credentials
// and query, or the name of the file.
func (s *Source) Name(context.Context) (string, error) { return s.from.name(), nil }

// instance distinguishes this source from others: their positions are not
// valid here.
func (s *Source) instance() string {
	return fmt.Sprintf("requestcache-%016x", xxhash.Sum64String(s.from.id()))
}

// origin is where answers come from.
type origin interface {
	name() string
	id() string // identifies it; no credentials
	// fetch opens the answer, unless it is still the one that was kept last.
	fetch(ctx context.Context) (body body, fresh bool, err error)
	// keep reports that the last fetched answer is valid, or that it is
	// invalid and need not be fetched again until it changes.
	keep(good bool)
	close()
}

// look returns the current answer, after checking for a newer one if that is
// due. The caller must release it. After a failure the error is returned until
// a check succeeds: until then the source may be outdated.
func (s *Source) look(ctx context.Context) (*answer, error) {
	select {
	case <-s.looking:
		defer func() { s.looking <- struct{}{} }()
	case <-ctx.Done():
		return nil, &Error{Op: "wait for a requestcache", Kind: ctx.Err()}
	}
	s.mu.Lock()
	due := !s.o.Now().Before(s.due)
	before := s.current
	s.mu.Unlock()
	if due {
		made, err := s.refresh(ctx, before)
		if ctx.Err() != nil {
			return nil, &Error{Op: "look for a requestcache", Kind: ctx.Err()}
		}
		s.settle(made, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, &Error{Op: "look for a requestcache", Kind: couch.ErrUnreachable, Err: errors.New("the source is closed")}
	case s.failure != nil:
		return nil, s.failure
	}
	s.current.retain()
	return s.current, nil
}

// settle stores the outcome of a check. made is nil when there is nothing new.
func (s *Source) settle(made *answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure = err; err != nil {
		s.due = s.o.Now().Add(s.o.Retry)
		return
	}
	s.due = s.o.Now().Add(s.o.Interval)
	if made == nil {
		return
	}
	old := s.current
	s.current = made
	if s.closed {
		old, s.current = made, nil
	}
	if old != nil {
		if err := old.release(); err != nil {
			s.o.Log.Warn("could not remove temporary file", "err", err)
		}
	}
}

// refresh fetches and spools an answer; nil: nothing new.
func (s *Source) refresh(ctx context.Context, before *answer) (made *answer, err error) {
	began := s.o.Now()
	body, fresh, err := s.from.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, nil
	}
	defer body.Close()
	made, err = spool(&until{ctx, body}, s.o.Dir)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.broken() {
			s.from.keep(false)
		}
		return nil, body.explain(err)
	}
	s.from.keep(true)
	if before != nil {
		if made.version == before.version {
			return nil, made.release()
		}
		made.compare(before)
	}
	s.o.Log.Info("requestcache read", "requests", len(made.docs[couch.Requests]), "agent_reports", len(made.docs[couch.WMStats]),
		"bytes", made.bytes, "took", s.o.Now().Sub(began))
	return made, nil
}

// until reads as long as a context is not cancelled.
type until struct {
	ctx  context.Context
	from io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}

// fileOrigin is a file that may be replaced at any time.
type fileOrigin struct {
	path  string
	seen  state // of the last fetched answer
	kept  state // of the last kept one
	fault error // of the last invalid one
	bad   state
}

// state distinguishes a changed file from an unchanged one.
type state struct {
	size  int64
	mtime time.Time
}

func (f *fileOrigin) name() string { return "file " + filepath.Base(f.path) }

func (f *fileOrigin) id() string { return f.path }

func (f *fileOrigin) close() {}

func (f *fileOrigin) keep(good bool) {
	if good {
		f.kept, f.bad = f.seen, state{}
	} else {
		f.bad = f.seen
	}
}

func (f *fileOrigin) fetch(context.Context) (body, bool, error) {
	const op = "open a requestcache file"
	file, err := os.Open(f.path)
	if err != nil {
		return nil, false, &Error{Op: op, Kind: couch.ErrUnreachable, Err: err, Public: "the requestcache file can't be opened"}
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, false, errors.Join(&Error{Op: op, Kind: couch.ErrForm, Err: err, Public: "the requestcache file can't be read"}, file.Close())
	}
	f.seen = state{info.Size(), info.ModTime()}
	switch f.seen {
	case f.bad:
		return nil, false, errors.Join(f.fault, file.Close())
	case f.kept:
		return nil, false, file.Close()
	}
	return &fileBody{File: file, origin: f}, true, nil
}

// fileBody is the text of a file.
type fileBody struct {
	*os.File
	origin *fileOrigin
}

// explain remembers an invalid file, so that it is not read again only to find
// the same error.
func (b *fileBody) explain(err error) error {
	b.origin.fault = err
	return err
}
