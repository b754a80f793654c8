// Package requestcache is a source that needs no CouchDB: the requestcache
// answer of the old WMStats server, from its URL or from a file that somebody
// saved. It gives the documents in it the form of a source's rows and tells
// what has changed from one answer to the next. It decodes no document except
// for a Detail, and knows neither agents' health nor failing jobs: the answer
// has none.
//
// An answer has 180 to 350 MB. It is read once, from front to end, into a
// temporary file of documents one after the other (spool.go); what stays in
// memory is where each one begins, and a hash of it. A first read and a detail
// then read from that file, so they see the same answer, even while the URL is
// asked again or the user's file is overwritten. An answer that is broken or
// cut replaces nothing.
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
)

// Options tells where the answers come from and how patient to be.
type Options struct {
	// From is the URL of a requestcache (http or https, a user and password in
	// it are used) or the name of a file, plain or gzip.
	From string

	Interval time.Duration // between two looks; 0: 5 min at a URL, 2 s at a file
	Retry    time.Duration // between two looks after a failure; 0: 10 s, but never more than Interval
	Idle     time.Duration // longest silence of the server; 0: 5 min, which it may take to begin
	Dir      string        // of the temporary file; "": the system's

	// Answered is told how long the server took until the first byte of an
	// answer. nil: nobody.
	Answered func(what string, took time.Duration)

	UserAgent string           // "": wmstats
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: none
}

// withDefaults fills what is not set and reports all faults at once.
func (o Options) withDefaults() (Options, *url.URL, error) {
	var faults []error
	var at *url.URL
	usual := 2 * time.Second
	switch {
	case o.From == "":
		faults = append(faults, errors.New("no URL and no file of a requestcache"))
	case strings.Contains(o.From, "://"), strings.HasPrefix(o.From, "http:"), strings.HasPrefix(o.From, "https:"): // also a URL that is mistyped: no file is named in an error then
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

	looking chan struct{} // holds one token: who has it looks

	mu      sync.Mutex
	current *answer // nil before the first one
	failure error   // of the last look; nil: it went well
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
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      256 << 10,
	}
	s.from = &urlOrigin{at: at, client: &http.Client{Transport: transport}, idle: o.Idle, agent: o.UserAgent, answered: o.Answered}
	return s, nil
}

// Close removes the temporary file, once nobody reads it, and idle connections.
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

// Name of the source for people: the URL without credentials and query, or the
// name of the file.
func (s *Source) Name(context.Context) (string, error) { return s.from.name(), nil }

// instance tells this source from others: a position is of no use there.
func (s *Source) instance() string {
	return fmt.Sprintf("requestcache-%016x", xxhash.Sum64String(s.from.id()))
}

// origin is where answers come from.
type origin interface {
	name() string
	id() string // tells it from others; no credentials
	// fetch opens the answer, unless it is still the one that was kept last.
	fetch(ctx context.Context) (body body, fresh bool, err error)
	// keep says that the answer that was fetched last is good, or that it is
	// broken and need not be fetched again until it changes.
	keep(good bool)
	close()
}

// look brings the current answer, after looking for a newer one if that is
// due. The caller must release it. After a failure the error stays until a
// look goes well: until then the source is not to be trusted to be up to date.
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

// settle keeps the outcome of a look. made is nil when there is nothing new.
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

// until reads for as long as a context lives.
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

// fileOrigin is a file that may be written anew at any time.
type fileOrigin struct {
	path  string
	seen  state // of the answer that was fetched last
	kept  state // of the one that was kept
	fault error // of the one that was broken
	bad   state
}

// state is how a changed file is told from an unchanged one.
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

// explain keeps what is wrong with a file, so that it is not read again just
// to find the same.
func (b *fileBody) explain(err error) error {
	b.origin.fault = err
	return err
}
