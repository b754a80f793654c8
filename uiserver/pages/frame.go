// Package pages makes the pages of the dashboard: one file a page. A page reads
// its address (package query), asks the cache server for what it needs, all at
// once (package load), turns the answers into the props of package web and
// renders them in one go. It adds no numbers up: every total comes from the cache
// server.
//
// A page's file uses no other page's. What all of them need stands in frame.go
// (who they are and how they are written) and failure.go (pages in place of a
// page), what a few need in system_links.go, heat.go, group_page.go and
// group_table.go; routes.go alone knows all pages. docs/explanation/architecture.md has the
// order of these files, and scripts/importcheck holds them to it.
package pages

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Options of the pages.
type Options struct {
	Loader  *load.Loader
	Assets  *static.Assets
	Links   []LinkTemplate // to other systems, on the page of a workflow; the first one for selections
	Views   []query.View   // beside "all"
	Version string
	Started time.Time
	Now     func() time.Time
	Log     *slog.Logger
}

// Pages holds what all pages share. It is safe for concurrent use.
type Pages struct {
	Options
	assets web.AssetURLs
	lists  *query.Lists
}

// New checks the options.
func New(o Options) (*Pages, error) {
	if o.Loader == nil || o.Assets == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("pages: loader, assets, clock and log are all needed")
	}
	p := &Pages{Options: o}
	var err error
	if p.lists, err = query.NewLists(o.Views); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	p.assets = web.AssetURLs{
		Style: o.Assets.URL(static.Style), Script: o.Assets.URL(static.Script), Icon: o.Assets.URL(static.Icon),
	}
	if p.assets.Style == "" || p.assets.Script == "" || p.assets.Icon == "" {
		return nil, fmt.Errorf("pages: an asset is missing: %+v", p.assets)
	}
	return p, nil
}

// begin starts the questions of a page.
func (p *Pages) begin(c echo.Context) load.Round { return p.Loader.Begin(c.Request().Context()) }

// more starts a second round of questions.
func (p *Pages) more(c echo.Context) load.Round { return p.Loader.More(c.Request().Context()) }

// frame is the frame of a page. meta are the headers of the answer that the
// page is made of, noMeta where it is made of none.
func (p *Pages) frame(section, title string, state load.State, meta load.Meta) web.Frame {
	f := web.Frame{
		Title: title, Section: section, Now: p.Now().Unix(), Assets: p.assets, Released: p.Version, Data: state.Data(meta),
	}
	watch(&f, wire.Query{})
	return f
}

// startOfDay is the beginning of this day, in UTC.
func (p *Pages) startOfDay() time.Time { return p.Now().UTC().Truncate(24 * time.Hour) }

var noMeta = load.Meta{}

// watch makes the frame of a page ask for news on the conditions of q only.
func watch(f *web.Frame, q wire.Query) {
	f.Data.Pulse = query.PulseAddress(q, f.Data.Generation)
}

// status is 400 when something in the address could not be used.
func status(notes []web.Note) int {
	if slices.ContainsFunc(notes, func(n web.Note) bool { return n.Bad }) {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// unix is a time in seconds; 0 when it is not given.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// policy forbids everything that a page does not need. There is no inline
// style or script anywhere, so neither is allowed.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Secure sets the security headers of every page.
func Secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		return next(c)
	}
}

// render writes a page in one go: an error half way never leaves half a page
// with status 200.
func (p *Pages) render(c echo.Context, status int, page templ.Component) error {
	var buf bytes.Buffer
	if err := page.Render(c.Request().Context(), &buf); err != nil {
		if c.Request().Context().Err() != nil {
			return nil //nolint:nilerr // the reader left
		}
		p.Log.Error("page not rendered", "path", c.Request().URL.Path, "err", err)
		return c.String(http.StatusInternalServerError, "This page could not be made; the log of the server has the reason.\n")
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
		c.Response().Header().Set("Content-Length", fmt.Sprint(buf.Len()))
		c.Response().WriteHeader(status)
		return nil
	}
	return c.HTMLBlob(status, buf.Bytes())
}

// name is the last part of the path: the name of one workflow, site, ...
func name(c echo.Context) (string, error) {
	raw := c.Param("*")
	if c.Request().URL.RawPath == "" {
		return raw, nil // the path was already unescaped
	}
	plain, err := url.PathUnescape(raw)
	if err != nil {
		return "", fmt.Errorf("name %q in the address: %w", raw, err)
	}
	return plain, nil
}

// origin is the address of this server as the reader sees it, for commands
// that are shown. A host of a strange form is not repeated.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	for _, ch := range r.Host {
		plain := ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'
		if !plain && ch != '.' && ch != ':' && ch != '-' && ch != '[' && ch != ']' {
			return scheme + "://localhost"
		}
	}
	return scheme + "://" + r.Host
}
