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
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/klauspost/compress/gzhttp"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/web"
)

// maxHeader is how many bytes the header of a request may have.
const maxHeader = 64 << 10

// Bounds of a question to the cache server for a page. Whoever looks at it waits.
const (
	pageTimeout = 5 * time.Second
	pageBytes   = 64 << 20
)

// App is one UI server as a value: New, Start, Addr, Stop, or Run for all.
type App struct {
	*program.Server

	o       Options
	client  *cacheclient.Client
	own     *identity.Secret // token at the cache server; nil: none
	metrics *metrics
	routed  http.Handler
}

// New makes the server; it opens no port and asks the cache server nothing.
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
	if a.metrics, err = newMetrics(); err != nil {
		return nil, fmt.Errorf("set up the metrics: %w", err)
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
		BaseURL: o.CacheURL, UserAgent: "wmstats-uiserver/" + o.Version, Transport: a.metrics.transport("pages", transport), Token: token,
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

// routes puts the parts to their addresses.
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
		return nil, fmt.Errorf("compression of pages: %w", err)
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
		e.HEAD(path, answer) // what many balancers ask
	}
	if at, _ := a.o.showsMetrics(); at {
		e.GET("/metrics", echo.WrapHandler(a.metrics.handler()))
	}
	e.Any(static.Prefix+"*", echo.WrapHandler(assets))
	e.Any(web.APIPrefix+"/*", echo.WrapHandler(proxy))
	e.Add("QUERY", web.APIPrefix+"/find", echo.WrapHandler(proxy))
	all.Routes(e, echo.WrapMiddleware(func(next http.Handler) http.Handler { return compress(next) }), pages.Secure)
	return a.metrics.counted(e.Routes(), a.recovered(secured(a.guarded(e)))), nil
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
			a.Log.Error("handler panicked", "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", string(stack))
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
		a.Log.Error("request failed", "path", c.Request().URL.Path, "err", err)
	}
	if werr := c.String(status, http.StatusText(status)+"\n"); werr != nil {
		a.Log.Debug("client left", "err", werr)
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
	a.Log.Info("serving", "url", "http://"+a.Addr(), "cache_url", nameless(a.o.cacheURL))
	a.Serve()
	return nil
}

// nameless is an address without who asks: a user may be a token.
func nameless(u *url.URL) string {
	plain := *u
	plain.User = nil
	return plain.String()
}

// Run serves until ctx ends or the server breaks.
func Run(ctx context.Context, o Options) error {
	a, err := New(o) //nolint:contextcheck // it waits for nothing; what it undoes after an error must not depend on ctx
	if err != nil {
		return err
	}
	return program.Run(ctx, o.Options, a.Log, a)
}

// Reload reads the files again that may change while the server runs: those of
// who may ask, and its own token. One that can't be used is logged, and the last
// good one stays. Links and views are read at the start alone.
func (a *App) Reload() {
	a.Gate.Reload()
	if a.own != nil {
		a.own.Reload()
	}
}
