package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// startBalancer starts HAProxy with the given configuration, or the balancer of this
// package.
func (c *Cluster) startBalancer(ctx context.Context, users, api string) error {
	if program, err := exec.LookPath("haproxy"); err == nil && c.o.HAProxy != "" {
		return c.startHAProxy(program, users, api)
	}
	c.Balancer = "the balancer of this program"
	for _, at := range []struct {
		addr    string
		servers []*Program
	}{{users, c.UIs}, {api, c.Caches}} {
		if err := c.serveBalancer(ctx, at.addr, at.servers); err != nil {
			return err
		}
	}
	return nil
}

// startHAProxy replaces the addresses in the configuration.
func (c *Cluster) startHAProxy(program, users, api string) error {
	text, err := os.ReadFile(c.o.HAProxy)
	if err != nil {
		return fmt.Errorf("configuration of HAProxy: %w", err)
	}
	replace := []string{"bind :8080", "bind " + users, "bind :8082", "bind " + api}
	for i, p := range c.UIs {
		replace = append(replace, fmt.Sprintf("192.0.2.2%d:8080", i+1), p.Addr)
	}
	for i, p := range c.Caches {
		replace = append(replace, fmt.Sprintf("192.0.2.1%d:8081", i+1), p.Addr)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			return fmt.Errorf("configuration of HAProxy, %s: it does not contain %q", c.o.HAProxy, replace[i])
		}
	}
	file := filepath.Join(c.dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
		return fmt.Errorf("configuration of HAProxy: %w", err)
	}
	c.Balancer = "HAProxy"
	_, err = c.add("haproxy", program, api, "-db", "-f", file)
	return err
}

// Times of the balancer's checks.
const (
	checkEvery = 500 * time.Millisecond
	checkFor   = 5 * time.Second
	checkFails = 2 // a server is down

	answerFor = 12 * time.Second // until an answer begins, but for those that may take long
)

// round sends each request to the server with the fewest requests under way, in turn
// where several have as many, of those that are ready; and again to another
// one if a server can't be reached, ends the connection without an answer, does not
// begin one in time, or answers 503, as a server does that has not applied a generation
// yet.
type round struct {
	servers []*upstream
	next    atomic.Uint64
	base    http.RoundTripper
}

type upstream struct {
	addr   string
	down   atomic.Bool
	active atomic.Int64 // requests under way
}

func (r *round) RoundTrip(req *http.Request) (*http.Response, error) {
	var failed error
	for _, s := range r.order() {
		resp, err := r.ask(req, s)
		if err == nil && (resp.StatusCode != http.StatusServiceUnavailable || onDemand(req.URL.Path)) {
			return resp, nil
		}
		if err == nil {
			_ = resp.Body.Close()
			err = errors.New(s.addr + " is not ready")
		}
		failed = errors.Join(failed, err)
		if req.Context().Err() != nil || req.ContentLength != 0 {
			return nil, failed
		}
	}
	return nil, failed
}

// order returns the servers in the order in which a request tries them.
func (r *round) order() []*upstream {
	at := int(r.next.Add(1) % uint64(len(r.servers))) //nolint:gosec // a small number
	list := slices.Concat(r.servers[at:], r.servers[:at])
	weight := map[*upstream]int64{}
	for _, s := range list {
		weight[s] = s.active.Load()
		if s.down.Load() {
			weight[s] += math.MaxInt32 // last
		}
	}
	slices.SortStableFunc(list, func(a, b *upstream) int { return cmp.Compare(weight[a], weight[b]) })
	return list
}

// ask sends a request to one server.
func (r *round) ask(req *http.Request, s *upstream) (*http.Response, error) {
	ctx, end := context.WithCancel(req.Context())
	s.active.Add(1)
	cancel := sync.OnceFunc(func() { end(); s.active.Add(-1) })
	one := req.Clone(ctx)
	one.URL.Host = s.addr
	late := time.AfterFunc(answerFor, end)
	if takesLong(req.URL.Path) {
		late.Stop()
	}
	resp, err := r.base.RoundTrip(one)
	if err == nil && !late.Stop() && ctx.Err() != nil { // at the last moment
		_ = resp.Body.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", s.addr, err)
	}
	resp.Body = &endingBody{resp.Body, cancel}
	return resp, nil
}

// endingBody ends its request when it is closed.
type endingBody struct {
	io.ReadCloser

	cancel func()
}

func (b *endingBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close() //nolint:wrapcheck // passes on the error of the body
}

// takesLong reports whether an answer may begin late: a long poll, and reads
// from CouchDB. deploy/haproxy/haproxy-log.cfg has the same paths.
func takesLong(path string) bool {
	parent, _ := filepath.Split(path)
	return onDemand(path) || strings.HasSuffix(path, "/changes") || strings.HasSuffix(parent, "/fetch/") || strings.Contains(path, "/wmstatsserver/")
}

// onDemand tells whether a request is read from CouchDB: then 503 means that CouchDB
// needs longer, and each server would begin that read.
func onDemand(path string) bool {
	return strings.HasSuffix(path, "/errors") || strings.HasSuffix(path, "/jobs") || strings.HasSuffix(path, "/logs")
}

// check asks one server whether it is ready, until ctx ends.
func (s *upstream) check(ctx context.Context) {
	client := &http.Client{Timeout: checkFor}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for fails := 0; ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/readyz", http.NoBody)
		if err != nil {
			return
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			fails++
		} else {
			fails = 0
		}
		s.down.Store(fails >= checkFails)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *Cluster) serveBalancer(ctx context.Context, addr string, servers []*Program) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	r := &round{base: transport}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range servers {
		s := &upstream{addr: p.Addr}
		r.servers = append(r.servers, s)
		go s.check(life)
	}
	proxy := &httputil.ReverseProxy{
		Transport: r, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), // servers are killed on purpose
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", addr
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusServiceUnavailable) },
	}
	listen, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		end()
		return fmt.Errorf("balancer: %w", err)
	}
	srv := &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(listen) }() // it ends when it is closed
	c.closes = append(c.closes, func() {
		end()
		_ = srv.Close() // streams never end on their own
		transport.CloseIdleConnections()
	})
	return nil
}
