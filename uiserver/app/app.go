// Package app runs the UI server: it is the only place that knows all of its
// parts, and the order in which they start and stop. The process is a value, so
// a test can run it on port 0. Pages are made in package pages, the API is
// forwarded by package apiproxy; here they only get their addresses.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/klauspost/compress/gzhttp"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/web"
)

// Bounds of the server that nobody has asked to choose.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// Bounds of a question to the cache server for a page. Whoever looks at it waits.
const (
	pageTimeout = 5 * time.Second
	pageBytes   = 64 << 20
)

// App is one UI server.
type App struct {
	log    *slog.Logger
	o      Options
	client *cacheclient.Client
	gate   *access.Gate
	own    *identity.Secret // token at the cache server; nil: none
	server *serving.Server
	routed http.Handler

	mu       sync.Mutex
	listener net.Listener
	served   chan error // gets what ends Serve
	stops    []step
}

type step struct {
	name string
	run  func(context.Context) error
}

// onStop registers a step; Stop runs them last-registered first.
func (a *App) onStop(name string, run func(context.Context) error) {
	a.stops = append(a.stops, step{name, run})
}

// New makes the server; it opens no port and asks the cache server nothing.
func New(o Options) (*App, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	a := &App{o: o, log: o.logger(), served: make(chan error, 1)}
	var err error
	if a.gate, a.own, err = a.newGate(); err != nil {
		return nil, err
	}
	transport := cacheclient.NewTransport()
	// What is forwarded keeps its encoding: a transport that asks for gzip by
	// itself would unpack the answers of clients that did not.
	unchanged := cacheclient.NewTransport()
	unchanged.DisableCompression = true
	var token func() string
	if a.own != nil {
		token = a.own.Value
	}
	a.client, err = cacheclient.New(cacheclient.Options{
		BaseURL: o.CacheURL, UserAgent: "wmstats-uiserver/" + o.Version, Transport: transport, Token: token,
		Timeout: pageTimeout, MaxBody: pageBytes,
	})
	if err != nil {
		return nil, err
	}
	a.onStop("connections to the cache server", func(context.Context) error {
		transport.CloseIdleConnections()
		unchanged.CloseIdleConnections()
		return nil
	})
	a.server, err = serving.New(serving.Options{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.routed.ServeHTTP(w, r) }),
		Header:  headerTimeout, Read: readTimeout, Part: o.writeTimeout, Idle: idleTimeout, MaxHeader: maxHeader,
		Delay: o.drainDelay, Linger: serving.Linger(o.drain),
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	})
	if err == nil {
		a.routed, err = a.routes(unchanged)
	}
	if err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	return a, nil
}

// routes puts the parts to their addresses.
func (a *App) routes(forward http.RoundTripper) (http.Handler, error) {
	assets, err := static.New()
	if err != nil {
		return nil, err
	}
	loader, err := load.New(load.Options{Client: a.client, Now: time.Now, Log: a.log})
	if err != nil {
		return nil, err
	}
	all, err := pages.New(pages.Options{
		Loader: loader, Assets: assets, Links: a.o.links, Views: a.o.views, Version: a.o.Version,
		Started: time.Now(), Now: time.Now, Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	proxy := apiproxy.New(a.proxyOptions(forward))
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{"text/html"}))
	if err != nil {
		return nil, fmt.Errorf("compression of pages: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.handleError
	for path, answer := range map[string]echo.HandlerFunc{
		"/livez":   func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") },
		"/readyz":  a.ready,
		"/version": a.version,
	} {
		e.GET(path, answer)
		e.HEAD(path, answer) // what many balancers ask
	}
	e.Any(static.Prefix+"*", echo.WrapHandler(assets))
	e.Any(web.APIPrefix+"/*", echo.WrapHandler(proxy))
	e.Add("QUERY", web.APIPrefix+"/find", echo.WrapHandler(proxy))
	all.Routes(e, echo.WrapMiddleware(func(next http.Handler) http.Handler { return compress(next) }), pages.Secure)
	return a.recovered(secured(a.guarded(e))), nil
}

// secured says of all that this server makes itself that it is what its header
// says; what is forwarded says so itself, and pages say more.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, web.APIPrefix+"/") {
			w.Header().Set("X-Content-Type-Options", "nosniff")
		}
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic of a handler into a logged 500, but for the one that
// net/http itself documents for cutting an answer short.
func (a *App) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault)
			}
			stack := make([]byte, 16<<10)
			stack = stack[:runtime.Stack(stack, false)]
			a.log.Error("handler panicked", "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", string(stack))
			http.Error(w, "internal error; the log of the server has the reason", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// handleError answers what no page did.
func (a *App) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	var known *echo.HTTPError
	if errors.As(err, &known) {
		status = known.Code
	} else {
		a.log.Error("request failed", "path", c.Request().URL.Path, "err", err)
	}
	if werr := c.String(status, http.StatusText(status)+"\n"); werr != nil {
		a.log.Debug("client left", "err", werr)
	}
}

func (a *App) version(c echo.Context) error {
	body, err := json.Marshal(map[string]string{"Version": a.o.Version, "Go": runtime.Version()})
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, append(body, '\n'))
}

// Start opens the port and serves until Stop.
func (a *App) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use by another program: choose another with --listen", a.o.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen at %s: %w", a.o.Listen, err)
	}
	a.mu.Lock()
	a.listener = listener
	a.onStop("HTTP server", a.server.Shutdown)
	a.mu.Unlock()
	host, _, _ := net.SplitHostPort(a.o.Listen)
	if !loopback(host) && !a.gate.Asks() {
		a.log.Warn("others can reach this address, and nobody is asked who they are (--insecure)", "listen", listener.Addr().String())
	}
	a.log.Info("serving", "url", "http://"+listener.Addr().String(), "cache_url", nameless(a.o.cacheURL))
	go func() { a.served <- a.server.Serve(listener) }()
	return nil
}

// nameless is an address without who asks: a user may be a token.
func nameless(u *url.URL) string {
	plain := *u
	plain.User = nil
	return plain.String()
}

// Addr is the address that is served; nil before Start.
func (a *App) Addr() net.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// Stop runs every step even if one fails, and returns what went wrong. A
// second call does nothing.
func (a *App) Stop(ctx context.Context) (err error) {
	a.mu.Lock()
	stops := a.stops
	a.stops = nil
	a.mu.Unlock()
	for _, s := range slices.Backward(stops) {
		if serr := s.run(ctx); serr != nil {
			err = errors.Join(err, fmt.Errorf("stop %s: %w", s.name, serr))
		}
	}
	return err
}

// Run serves until ctx ends or the server breaks.
func Run(ctx context.Context, o Options) error {
	a, err := New(o) //nolint:contextcheck // it waits for nothing; what it undoes after an error must not depend on ctx
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // told to stop before it had started
		}
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	err = a.live(ctx)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.drain+o.drainDelay)
	defer cancel()
	return errors.Join(err, a.Stop(drain))
}

// live waits for the end, and reads files again as often as it is told to.
func (a *App) live(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			a.log.Info("stopping", "drain", a.o.drain)
			return nil
		case err := <-a.served:
			return err
		case <-a.o.Hangups:
			a.Reload()
		}
	}
}

// Reload reads the files again that may change while the server runs: those of
// who may ask, and its own token. One that can't be used is logged, and the last
// good one stays. Links and views are read at the start alone.
func (a *App) Reload() {
	a.log.Info("told to read files again")
	a.gate.Reload()
	if a.own != nil {
		a.own.Reload()
	}
}
