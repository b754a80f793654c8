package couchfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are all options of a Server. The zero value works.
type Options struct {
	User, Password string        // basic authentication; none when both are empty
	NotAdmin       bool          // they are not an administrator's: _active_tasks is refused
	Lockout        int           // number of wrong logins that lock a name for an address; 5 when 0, none when negative
	LockoutTime    time.Duration // from the first of them; 5 min when 0

	Version string         // in the welcome and the Server header; "3.5.0" when empty
	Vendor  map[string]any // "vendor" of the welcome; the Apache Foundation's name when nil

	// BuiltinViews makes every known view answer in every database. Without it a
	// view exists where its design document was put, as on a real server.
	BuiltinViews bool
	Views        []View // added to the known views, or instead of one of the same name

	Uncompressed     bool // store documents plain: more memory, faster reads
	MaxDocumentBytes int  // of a document written over HTTP; 8,000,000 when 0

	Now func() time.Time // clock for creation times; time.Now when nil
	Log *slog.Logger     // discarded when nil
}

// Server is the stand-in. All methods may be called at any time from any
// goroutine.
type Server struct {
	opts   Options
	coll   *collation
	views  map[string]View // by design/name
	faults faultTable
	salt   atomic.Uint32
	logins logins
	builds indexBuilds

	writers sync.Pool // of *bufio.Writer, rowBuffer each: most answers are short

	mu           sync.RWMutex
	dbs          map[string]*database
	incarnations uint64

	closed    chan struct{}
	closeOnce sync.Once
}

// New returns an empty server.
func New(opts Options) *Server {
	if opts.Version == "" {
		opts.Version = "3.5.0"
	}
	if opts.Vendor == nil {
		opts.Vendor = map[string]any{"name": "The Apache Software Foundation"}
	}
	if opts.MaxDocumentBytes == 0 {
		opts.MaxDocumentBytes = 8_000_000
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Lockout == 0 {
		opts.Lockout = 5
	}
	if opts.LockoutTime == 0 {
		opts.LockoutTime = 5 * time.Minute
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		opts: opts, coll: newCollation(),
		views: make(map[string]View), dbs: make(map[string]*database),
		logins:       logins{user: opts.User, password: opts.Password, wrong: make(map[string]*wrongLogins)},
		builds:       indexBuilds{builds: make(map[string]*indexBuild)},
		incarnations: uint64(opts.Now().UnixNano()), closed: make(chan struct{}),
	}
	for _, v := range slices.Concat(Views(), tierZeroViews(), opts.Views) {
		s.views[v.Design+"/"+v.Name] = v
	}
	return s
}

// Close ends all feeds and frozen answers. The documents stay readable.
func (s *Server) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "CouchDB/"+s.opts.Version+" (Erlang OTP/25)")
	c := &call{server: s, w: w, r: r, query: r.URL.Query(), salt: byte(s.salt.Add(1))}
	err := s.serve(c)
	if errors.Is(err, errAborted) || errors.Is(err, errAnswered) {
		return
	}
	if err = s.finish(c, err); err != nil { // the client must not take a part for the whole answer
		s.opts.Log.Debug("answer broken off", "method", r.Method, "path", r.URL.Path, "err", err)
		_ = c.abort()
	}
}

// finish answers with an error while that is still possible, and sends what a
// fault held back.
func (s *Server) finish(c *call, err error) error {
	if err != nil {
		couchErr := &Error{http.StatusInternalServerError, "internal_server_error", err.Error()}
		if errors.As(err, &couchErr); c.begun {
			return err
		}
		if err = c.fail(couchErr); err != nil {
			return err
		}
	}
	if c.held != nil {
		return c.held.release()
	}
	return nil
}

func (s *Server) serve(c *call) error {
	if err := c.applyFaults(s.faults.meet(c.r)); err != nil {
		return err
	}
	for _, part := range strings.Split(strings.Trim(c.r.URL.EscapedPath(), "/"), "/") {
		segment, err := url.PathUnescape(part)
		if err != nil {
			return badRequest("path: " + err.Error())
		}
		c.path = append(c.path, segment)
	}
	if err := s.authenticate(c); err != nil {
		return err
	}
	switch c.path[0] {
	case "":
		return s.welcome(c)
	case "_up":
		return c.send(http.StatusOK, `{"status":"ok","seeds":{}}`)
	case "_session":
		return s.session(c)
	case "_all_dbs":
		return s.allDatabases(c)
	case "_active_tasks":
		return s.activeTasks(c)
	}
	return s.serveDatabase(c)
}

func (s *Server) welcome(c *call) error {
	if err := c.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	vendor, err := json.Marshal(s.opts.Vendor)
	if err != nil {
		return fmt.Errorf("vendor: %w", err)
	}
	return c.send(http.StatusOK, `{"couchdb":"Welcome","version":`+quoted(s.opts.Version)+
		`,"git_sha":"11f0d3643","uuid":"00000000000000000000000000000000",`+
		`"features":["access-ready","partitioned","pluggable-storage-engines","reshard","scheduler"],`+
		`"vendor":`+string(vendor)+`}`)
}

// session answers with the client's name. Cookies are not supported: every request
// carries its name.
func (s *Server) session(c *call) error {
	if err := c.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	name, roles, authenticated := "null", "", ""
	if user, _, sent := c.r.BasicAuth(); sent {
		name, authenticated = quoted(user), `,"authenticated":"default"`
	}
	if (name != "null" || !s.logins.asks()) && !s.opts.NotAdmin {
		roles = `"_admin"`
	}
	return c.send(http.StatusOK, `{"ok":true,"userCtx":{"name":`+name+`,"roles":[`+roles+
		`]},"info":{"authentication_handlers":["cookie","default"]`+authenticated+`}}`)
}

func (s *Server) allDatabases(c *call) error {
	if err := c.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	list, err := json.Marshal(s.Databases())
	if err != nil {
		return fmt.Errorf("database names: %w", err)
	}
	return c.send(http.StatusOK, string(list))
}
