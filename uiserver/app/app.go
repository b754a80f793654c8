// Package app assembles and runs the UI server: it connects the parts, and starts
// and stops them in order. The server is a value, so a test can run one on port 0.
// It renders no pages and forwards no requests itself; packages pages and apiproxy
// do, and app only routes to them.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/klauspost/compress/gzhttp"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/basepath"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/uiserver/secondtry"
	"github.com/dmwm/wmstats/web"
)

// maxHeader is the largest size of a request header in bytes.
const maxHeader = 64 << 10

// Limits of a request to the cache server for a page: a reader is waiting for it.
const (
	pageTimeout = 5 * time.Second
	secondAfter = 2 * time.Second // without an answer the request is sent again
	pageBytes   = 64 << 20
)

// App is one UI server, used through New, Start, Addr and Stop, or Run for all.
type App struct {
	*program.Server

	o       Options
	client  *cacheclient.Client
	own     *identity.Secret // token for the cache server; nil: none
	tls     *tlsclient.Client
	metrics *metrics
	routed  http.Handler
}

// New returns a server. It opens no port and sends no requests.
func New(o Options) (*App, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	server, err := program.New(o.Options)
	if err != nil {
		return nil, err
	}
	a := &App{Server: server, o: o}
	if o.CacheTokenFile != "" {
		if a.own, err = identity.NewSecret(o.CacheTokenFile, identity.Options{Log: a.Log}); err != nil {
			return nil, fmt.Errorf("read the token for the cache server: %w", err)
		}
	}
	if a.tls, err = tlsclient.New(tlsclient.Options{Files: o.CacheTLS, Server: "cache server", Log: a.Log}); err != nil {
		return nil, fmt.Errorf("--cache-ca, --cache-cert, --cache-key: %w", err)
	}
	if a.metrics, err = newMetrics(a.tls.Expires); err != nil {
		return nil, fmt.Errorf("set up the metrics: %w", err)
	}
	transport := a.tls.Transport(cacheclient.NewTransport())
	// Forwarded answers keep their encoding. A transport with compression would add
	// Accept-Encoding and unpack answers for clients that did not send it.
	plain := cacheclient.NewTransport()
	plain.DisableCompression = true
	unchanged := a.tls.Transport(plain)
	var token func() string
	if a.own != nil {
		token = a.own.Value
	}
	twice, err := secondtry.New(secondtry.Options{Next: transport, After: secondAfter, Once: onDemand})
	if err != nil {
		return nil, err
	}
	a.client, err = cacheclient.New(cacheclient.Options{
		BaseURL: o.CacheURL, UserAgent: "wmstats-uiserver/" + o.Version, Transport: a.metrics.transport("pages", twice), Token: token,
		Timeout: pageTimeout, MaxBody: pageBytes,
	})
	if err != nil {
		return nil, err
	}
	a.OnStop("connections to the cache server", func(context.Context) error {
		transport.CloseIdleConnections()
		unchanged.CloseIdleConnections()
		return nil
	})
	serve := o.Serving()
	serve.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.routed.ServeHTTP(w, r) })
	serve.MaxHeader = maxHeader
	serve.ErrorLog = slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug)
	if err = a.Handle(serve); err == nil {
		a.routed, err = a.routes(a.metrics.transport("api", unchanged))
	}
	if err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	return a, nil
}

// onDemand reports whether an answer is read from CouchDB and may take long: each
// cache server that is asked begins that read.
func onDemand(r *http.Request) bool {
	return slices.Contains([]string{"errors", "jobs", "logs"}, path.Base(r.URL.Path))
}

// routes returns the handler that routes to all parts.
func (a *App) routes(forward http.RoundTripper) (http.Handler, error) {
	assets, err := static.New()
	if err != nil {
		return nil, err
	}
	loader, err := load.New(load.Options{Client: a.client, Now: time.Now, Log: a.Log})
	if err != nil {
		return nil, err
	}
	all, err := pages.New(pages.Options{
		Loader: loader, Assets: assets, Links: a.o.links, Views: a.o.views, Version: a.o.Version,
		Started: time.Now(), Now: time.Now, Log: a.Log,
	})
	if err != nil {
		return nil, err
	}
	proxy := apiproxy.New(a.proxyOptions(forward))
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{"text/html"}))
	if err != nil {
		return nil, fmt.Errorf("set up compression of pages: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.handleError
	live := func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }
	for path, answer := range map[string]echo.HandlerFunc{
		"/livez":   live,
		"/healthz": live,
		"/readyz":  a.ready,
		"/version": a.version,
	} {
		e.GET(path, answer)
		e.HEAD(path, answer) // many load balancers use HEAD
	}
	if at, _ := a.o.showsMetrics(); at {
		e.GET("/metrics", echo.WrapHandler(a.metrics.handler()))
	}
	e.Any(static.Prefix+"*", echo.WrapHandler(assets))
	e.Any(web.APIPrefix+"/*", echo.WrapHandler(proxy))
	old := a.proxyOptions(forward)
	old.Prefix, old.OldAPI = "", true
	oldAPI := echo.WrapHandler(apiproxy.New(old))
	for _, prefix := range apiproxy.OldPrefixes() {
		e.Any(prefix, oldAPI)
		e.Any(prefix+"/*", oldAPI)
	}
	e.Add("QUERY", web.APIPrefix+"/find", echo.WrapHandler(proxy))
	all.Routes(e, echo.WrapMiddleware(func(next http.Handler) http.Handler { return compress(next) }), pages.Secure)
	within := a.metrics.counted(e.Routes(), a.recovered(secured(a.guarded(e))))
	return basepath.Handler(basepath.Options{Base: a.o.BasePath, Beside: apiproxy.IsOld, Believes: a.believes}, linked(within)), nil
}

// believes reports whether a request comes from a front end, which may say below which
// path it shows this server.
func (a *App) believes(r *http.Request) bool { return a.o.Access.Trusted().Contains(peers.Peer(r)) }

// linked tells pages which path their links need.
func linked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen := basepath.Seen(r.Context()); seen != "" {
			r = r.WithContext(web.WithBase(r.Context(), seen))
		}
		next.ServeHTTP(w, r)
	})
}

// secured sets X-Content-Type-Options on all answers of this server. The proxy sets
// it on forwarded answers, and pages set more headers.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, web.APIPrefix+"/") && !apiproxy.IsOld(r.URL.Path) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
		}
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic of a handler into a logged 500, except ErrAbortHandler,
// which cuts an answer short as net/http documents.
func (a *App) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			stack := make([]byte, 16<<10)
			stack = stack[:runtime.Stack(stack, false)]
			a.Log.Error("handler panicked", "path", r.URL.Path, "panic", fmt.Sprint(cause), "stack", string(stack))
			http.Error(w, "internal error; the server log has the reason", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// handleError answers requests whose handler returned an error.
func (a *App) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	var known *echo.HTTPError
	if errors.As(err, &known) {
		status = known.Code
	} else {
		a.Log.Error("request failed", "path", c.Request().URL.Path, "err", err)
	}
	if werr := c.String(status, http.StatusText(status)+"\n"); werr != nil {
		a.Log.Debug("client disconnected", "err", werr)
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
	if err := a.Listen(ctx); err != nil {
		return err
	}
	if err := a.ListenMetrics(ctx, a.o.Serving(), a.metrics.handler()); err != nil {
		return err
	}
	a.Log.Info("serving", "url", "http://"+a.Addr()+a.o.BasePath, "cache_url", nameless(a.o.cacheURL))
	a.Serve()
	return nil
}

// nameless returns an address without its user, which may be a token.
func nameless(u *url.URL) string {
	plain := *u
	plain.User = nil
	return plain.String()
}

// Run serves until ctx ends or the server fails.
func Run(ctx context.Context, o Options) error {
	a, err := New(o) //nolint:contextcheck // New does not wait, and its cleanup after an error must not depend on ctx
	if err != nil {
		return err
	}
	return program.Run(ctx, o.Options, a.Log, a)
}

// Reload re-reads the files that may change while the server runs: credentials and
// the server's own token and certificate. A file that can't be used is logged, and its last good
// content stays in use. Links and views are read at startup only.
func (a *App) Reload() {
	a.Gate.Reload()
	if a.own != nil {
		a.own.Reload()
	}
	a.tls.Reload()
}
