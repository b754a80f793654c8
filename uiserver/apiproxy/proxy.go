// Package apiproxy forwards the API of the cache server through the UI server,
// so that one port serves people and programs. It forwards documented paths
// and methods only, streams in both directions, and changes nothing but what a
// reverse proxy has to: hop-by-hop headers. X-Forwarded-Prefix tells the cache
// server where its addresses have to lead back to. It knows nothing of what the
// answers mean.
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

	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
)

// Options of a Proxy.
type Options struct {
	Upstream  *url.URL          // the cache server
	Prefix    string            // path under which this server has the API: /api
	Transport http.RoundTripper // with time-outs for connecting, none for bodies
	Log       *slog.Logger

	Trusted  peers.List    // front ends of this server, whose X-Forwarded-For is passed on
	Identity string        // header with the name of who asks, which this server has checked; "": none
	Token    func() string // of this server, for requests that bring no Authorization of their own; nil: none
	Consumes bool          // Authorization is for this server: Token takes its place

	Draining <-chan struct{} // closed when this server is going down; nil: never
	Header   time.Duration   // longest wait for an answer to begin, beside what a long poll waits; 0: 2 min
	Silence  time.Duration   // longest wait for more of an answer that has begun; 0: 1 min
}

// Proxy is an http.Handler for everything below Prefix.
type Proxy struct {
	prefix  string
	log     *slog.Logger
	reverse *httputil.ReverseProxy
}

// single are the documented paths; those in named have a name below them, and
// below a workflow's there are parts.
// /metrics is not among them: it is for the operators of the cache server, who
// reach it directly.
var (
	single = []string{
		"/fetch", "/status", "/sites", "/campaign", "/release", "/agent", "/stats", "/errors", "/history", "/attention", "/changes", "/pulse",
		"/quarantine", "/problems", "/openapi.json", "/version", "/about", "/livez", "/readyz", "/healthz", "/find",
	}
	named = []string{"/fetch", "/sites", "/campaign", "/release", "/agent", "/facet", "/problems"}
	parts = []string{"/errors", "/jobs", "/logs"}
)

// New makes a proxy.
func New(o Options) *Proxy {
	p := &Proxy{prefix: o.Prefix, log: o.Log}
	p.reverse = &httputil.ReverseProxy{
		Transport:     newUpstream(o),
		FlushInterval: -1, // each write goes out at once: streams of changes and long lists
		Rewrite: func(r *httputil.ProxyRequest) {
			upstream := *o.Upstream
			path := strings.TrimPrefix(r.In.URL.EscapedPath(), o.Prefix)
			joined := strings.TrimSuffix(upstream.EscapedPath(), "/") + path
			// The escaped form is kept as it came: %2F in a name is not a slash.
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
			r.Out.Header.Set("X-Forwarded-Prefix", o.Prefix)
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Set("X-Content-Type-Options", "nosniff") // whatever answers at that address
			return nil
		},
		ErrorHandler: p.unreachable,
		ErrorLog:     slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return p
}

// passed are the headers that the API reads. Nothing else goes on: least of all
// one by which a client could pass for another, where this server is trusted.
var passed = []string{
	"Accept", "Accept-Encoding", "Authorization", "Cache-Control", "Content-Encoding", "Content-Length", "Content-Type",
	"If-None-Match", "Last-Event-Id", "Prefer", "User-Agent", wire.HeaderRequestID,
}

// choose makes the header of the request that goes on.
func (o *Options) choose(r *httputil.ProxyRequest) {
	for name := range r.Out.Header {
		if !slices.Contains(passed, name) && (o.Identity == "" || name != http.CanonicalHeaderKey(o.Identity)) {
			delete(r.Out.Header, name)
		}
	}
	if o.Identity != "" {
		// As it was checked: a client that names this header in Connection has had
		// it taken away on the way here.
		name := http.CanonicalHeaderKey(o.Identity)
		if r.Out.Header[name] = r.In.Header[name]; r.Out.Header[name] == nil {
			delete(r.Out.Header, name)
		}
	}
	if o.Token != nil && (o.Consumes || r.In.Header.Get("Authorization") == "") {
		r.Out.Header.Set("Authorization", "Bearer "+o.Token())
	}
}

// ServeHTTP refuses what is not documented and forwards the rest.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), p.prefix)
	if !documented(path) {
		known := make([]string, len(single))
		for i, one := range single {
			known[i] = p.prefix + one
		}
		p.problem(w, wire.NotFound("address", r.URL.Path, wire.Near(r.URL.Path, known, 3)))
		return
	}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	if path == "/find" || path == "/v1/find" {
		methods = []string{http.MethodPost, "QUERY", http.MethodOptions}
	}
	if !slices.Contains(methods, r.Method) {
		allow := strings.Join(methods, ", ")
		w.Header().Set("Allow", allow)
		p.problem(w, wire.NewProblem(wire.SlugMethodNotAllowed, r.URL.Path+" has: "+allow+"."))
		return
	}
	p.reverse.ServeHTTP(w, r)
}

// documented reports whether the escaped path is one that the API has. A name
// is one segment, and never one that leads elsewhere.
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

// unreachable answers for a cache server that does not.
func (p *Proxy) unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client left
	}
	p.log.Warn("api not forwarded", "method", r.Method, "path", r.URL.Path, "err", err)
	problem := wire.NewProblem(wire.SlugSourceFailed, "The cache server does not answer.")
	problem.Title = "Cache server away"
	w.Header().Set("Retry-After", "5")
	p.problem(w, problem)
}

func (p *Proxy) problem(w http.ResponseWriter, problem *wire.Problem) { WriteProblem(w, problem) }

// ProblemHeaders writes what belongs to a problem beside its body.
func ProblemHeaders(h http.Header, problem *wire.Problem) {
	h.Set("Cache-Control", "no-store")
	if problem.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(problem.RetryAfter))
	}
	if len(problem.Challenges) > 0 {
		h["Www-Authenticate"] = problem.Challenges
	}
}

// WriteProblem writes a problem of this server's own.
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
