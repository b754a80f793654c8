// Package apiproxy forwards the API of the cache server through the UI server, so
// that one port serves people and programs. It forwards documented paths and methods
// only, streams in both directions, and passes on only the request headers that the
// API reads. X-Forwarded-Prefix tells the cache server which prefix its links need.
// The package does not interpret answers.
package apiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/basepath"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/schema/wire"
)

// Options of a Proxy.
type Options struct {
	Upstream  *url.URL          // the cache server
	Prefix    string            // path under which this server has the API: /api
	OldAPI    bool              // forward the REST API of the old server instead, which has no prefix
	Transport http.RoundTripper // with timeouts for connecting, none for bodies
	Log       *slog.Logger

	Trusted  peers.List    // front ends of this server, whose X-Forwarded-For is passed on
	Identity string        // header with the authenticated user name, set by this server; "": none
	Signed   bool          // the headers that CMS's front end signs are verified by this server, and passed on
	Token    func() string // token of this server, for requests without Authorization; nil: none
	Consumes bool          // Authorization is for this server and is replaced by Token

	Draining <-chan struct{} // closed when this server shuts down; nil: never
	Header   time.Duration   // longest wait for the start of an answer, in addition to a long poll; 0: 2 min
	Silence  time.Duration   // longest pause within an answer; 0: 1 min
}

// Proxy is an http.Handler for everything below Prefix.
type Proxy struct {
	prefix  string
	log     *slog.Logger
	reverse *httputil.ReverseProxy
	old     bool
}

// single are the documented paths, named those with a name below them, and parts
// those below the name of a workflow.
// /metrics is not among them: operators read it from the cache server directly.
var (
	single = []string{
		"/fetch", "/status", "/sites", "/campaign", "/release", "/agent", "/stats", "/errors", "/logs", "/history", "/history/agents", "/history/alerts", "/history/failures", "/history/sites", "/attention", "/stray", "/changes", "/pulse",
		"/suggest", "/suggest/sites", "/suggest/campaign", "/suggest/release", "/suggest/agent",
		"/quarantine", "/problems", "/openapi.json", "/version", "/about", "/livez", "/readyz", "/healthz", "/find",
	}
	named = []string{"/fetch", "/sites", "/campaign", "/release", "/agent", "/facet", "/problems"}
	parts = []string{"/errors", "/holds", "/jobs", "/logs"}
)

// New returns a proxy.
func New(o Options) *Proxy {
	p := &Proxy{prefix: o.Prefix, log: o.Log, old: o.OldAPI}
	p.reverse = &httputil.ReverseProxy{
		Transport:     newUpstream(o),
		FlushInterval: -1, // flush each write: streams of changes and long lists
		Rewrite: func(r *httputil.ProxyRequest) {
			upstream := *o.Upstream
			path := strings.TrimPrefix(r.In.URL.EscapedPath(), o.Prefix)
			joined := strings.TrimSuffix(upstream.EscapedPath(), "/") + path
			// The escaped path is kept: %2F in a name is not a slash.
			if plain, err := url.PathUnescape(joined); err == nil {
				upstream.Path, upstream.RawPath = plain, joined
			}
			upstream.RawQuery = r.In.URL.RawQuery
			r.Out.URL = &upstream
			r.Out.Host = o.Upstream.Host
			o.choose(r)
			if o.Trusted.Contains(peers.Peer(r.In)) {
				r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			}
			r.SetXForwarded()
			if !o.OldAPI {
				r.Out.Header.Set(wire.HeaderPrefix, basepath.Seen(r.In.Context())+o.Prefix)
			}
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Set("X-Content-Type-Options", "nosniff") // also if another program answers at that address
			return nil
		},
		ErrorHandler: p.unreachable,
		ErrorLog:     slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return p
}

// passed are the headers that the API reads. Others are forwarded only where this
// server has checked them, so that a client can't impersonate a user to a cache server
// that trusts this one.
var passed = []string{
	"Accept", "Accept-Encoding", "Authorization", "Cache-Control", "Content-Encoding", "Content-Length", "Content-Type",
	"Cms-Auth-Status", "If-None-Match", "Last-Event-Id", "Prefer", "User-Agent", wire.HeaderRequestID,
}

// choose sets the headers of the forwarded request.
func (o *Options) choose(r *httputil.ProxyRequest) {
	for name := range r.Out.Header {
		if !slices.Contains(passed, name) && (o.Identity == "" || name != http.CanonicalHeaderKey(o.Identity)) {
			delete(r.Out.Header, name)
		}
	}
	if o.Identity != "" {
		// Set again from the incoming request: a client that names this header in
		// Connection makes ReverseProxy remove it.
		name := http.CanonicalHeaderKey(o.Identity)
		if r.Out.Header[name] = r.In.Header[name]; r.Out.Header[name] == nil {
			delete(r.Out.Header, name)
		}
	}
	if o.Signed { // set again for the same reason
		for name, values := range r.In.Header {
			if identity.Signed(name) {
				r.Out.Header[name] = values
			}
		}
	}
	if o.Token != nil && (o.Consumes || r.In.Header.Get("Authorization") == "") {
		r.Out.Header.Set("Authorization", "Bearer "+o.Token())
	}
}

// ServeHTTP forwards documented paths and methods, and refuses others.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.old { // the cache server knows its calls, and answers errors in their form
		p.reverse.ServeHTTP(w, r)
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), p.prefix)
	if !documented(path) {
		seen := basepath.Seen(r.Context())
		known := make([]string, len(single))
		for i, one := range single {
			known[i] = p.prefix + one
		}
		near := wire.Near(r.URL.Path, known, 3)
		for i := range near {
			near[i] = seen + near[i]
		}
		p.problem(w, wire.NotFound("address", seen+r.URL.Path, near))
		return
	}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	if path == "/find" || path == "/v1/find" {
		methods = []string{http.MethodPost, "QUERY", http.MethodOptions}
	}
	if !slices.Contains(methods, r.Method) {
		allow := strings.Join(methods, ", ")
		w.Header().Set("Allow", allow)
		p.problem(w, wire.NewProblem(wire.SlugMethodNotAllowed, basepath.Seen(r.Context())+r.URL.Path+" supports "+allow+"."))
		return
	}
	p.reverse.ServeHTTP(w, r)
}

// documented reports whether the API has the escaped path. A name is one segment
// and never . or ..
func documented(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/v1"); ok && strings.HasPrefix(rest, "/") {
		path = rest
	}
	if slices.Contains(single, path) {
		return true
	}
	for _, part := range parts {
		if whole, ok := strings.CutSuffix(path, part); ok && strings.HasPrefix(whole, "/fetch/") {
			path = whole
			break
		}
	}
	at := strings.LastIndexByte(path, '/')
	if at <= 0 || !slices.Contains(named, path[:at]) {
		return false
	}
	name, err := url.PathUnescape(path[at+1:])
	return err == nil && name != "" && name != "." && name != ".."
}

// unreachable answers if the cache server does not.
func (p *Proxy) unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client left
	}
	log := p.log
	problem := wire.NewProblem(wire.SlugSourceFailed, "The cache server does not respond.")
	problem.Title = "Cache server unreachable"
	if reason := tlsclient.Public(err); reason != "" {
		problem.Detail = "The cache server can't be reached: " + reason + "."
	}
	w.Header().Set("Retry-After", "5")
	if p.old {
		problem.Status = http.StatusServiceUnavailable
		log = log.With("error_id", oldError(w.Header(), "401", problem.Status, "Database unavailable"))
	}
	log.Warn("API request not forwarded", "method", r.Method, "path", r.URL.Path, "err", err)
	p.problem(w, problem)
}

func (p *Proxy) problem(w http.ResponseWriter, problem *wire.Problem) { WriteProblem(w, problem) }

// ProblemHeaders sets the headers of a problem.
func ProblemHeaders(h http.Header, problem *wire.Problem) {
	h.Set("Cache-Control", "no-store")
	if problem.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(problem.RetryAfter))
	}
	if len(problem.Challenges) > 0 {
		h["Www-Authenticate"] = problem.Challenges
	}
}

// WriteProblem writes a problem of this server.
func WriteProblem(w http.ResponseWriter, problem *wire.Problem) {
	ProblemHeaders(w.Header(), problem)
	body, err := json.Marshal(problem)
	if err != nil {
		body = fmt.Appendf(nil, `{"title":%q,"status":%d}`, problem.Title, problem.Status)
	}
	w.Header().Set("Content-Type", wire.MediaProblem)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(problem.Status)
	_, _ = w.Write(append(body, '\n')) // an error here is a client that left
}
