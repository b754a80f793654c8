// Package pages serves the pages of the dashboard, one file per page. The handler
// of a page parses its address (package query), requests its data from the cache
// server concurrently (package load), converts the answers into props of package
// web and renders them. It computes no totals: they all come from the cache server.
//
// The file of a page uses no other page. What all pages share is in frame.go
// (options, headers, rendering) and failure.go (error pages); what some share is in
// system_links.go, heat.go, group_page.go and group_table.go. Only routes.go knows
// all pages. docs/explanation/architecture.md has the order of these files, and
// scripts/importcheck enforces it.
package pages

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	Links   []LinkTemplate // to other systems, on the page of a workflow; the first also for selected workflows
	Views   []query.View   // in addition to "all"
	Version string
	Started time.Time
	Now     func() time.Time
	Log     *slog.Logger
}

// Pages serves all pages. It is safe for concurrent use.
type Pages struct {
	Options
	assets web.AssetURLs
	lists  *query.Lists
}

// New returns Pages, or an error if an option is missing or invalid.
func New(o Options) (*Pages, error) {
	if o.Loader == nil || o.Assets == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("pages: loader, assets, clock and log are required")
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

// begin starts the requests of a page.
func (p *Pages) begin(c echo.Context) load.Round {
	return p.Loader.Begin(c.Request().Context(), lastVisit(c.Request()))
}

// visitCookie has the time of the reader's last visit of Attention, Unix s by the
// clock of the cache server. It is a cookie so that pages count new items without
// a script.
const visitCookie = "seen"

// lastVisit returns that time; 0 if the reader has not been there.
func lastVisit(r *http.Request) int64 {
	kept, err := r.Cookie(visitCookie)
	if err != nil {
		return 0
	}
	at, err := strconv.ParseInt(kept.Value, 10, 64)
	if err != nil {
		return 0
	}
	return max(at, 0)
}

// more starts a second round of requests.
func (p *Pages) more(c echo.Context) load.Round { return p.Loader.More(c.Request().Context()) }

// frame returns the frame of a page. meta has the headers of the answer that the
// page shows; it is noMeta for a page without one.
func (p *Pages) frame(section, title string, state load.State, meta load.Meta) web.Frame {
	f := web.Frame{
		Title: title, Section: section, Now: p.Now().Unix(), Assets: p.assets, Released: p.Version, Data: state.Data(meta),
	}
	watch(&f, wire.Query{})
	return f
}

// startOfDay returns the start of the current day in UTC.
func (p *Pages) startOfDay() time.Time { return p.Now().UTC().Truncate(24 * time.Hour) }

// clockEnd is the time in Unix s up to which clocks of the source are believed: ten
// minutes ahead at most. It moves every ten minutes, so that equal requests have equal
// answers.
func (p *Pages) clockEnd() int64 {
	const step = 10 * time.Minute
	return p.Now().Truncate(step).Add(step).Unix()
}

var noMeta = load.Meta{}

// watch limits the changes that a page polls for to the conditions of q.
func watch(f *web.Frame, q wire.Query) {
	f.Data.Pulse = query.PulseAddress(q, f.Data.Generation)
}

// watchRows limits the changes that a page polls for to the rows of its list.
func watchRows(f *web.Frame, q query.List) {
	f.Data.Pulse = query.PulseOfRows(q, f.Data.Generation)
}

// status returns 400 if a part of the address could not be used, else 200.
func status(notes []web.Note) int {
	if slices.ContainsFunc(notes, func(n web.Note) bool { return n.Bad }) {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// unix returns a time in Unix seconds, 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// policy forbids everything that pages do not need. They have no inline styles or
// scripts, so neither is allowed.
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

// render renders a page completely before it writes it, so that an error never
// leaves half a page with status 200.
func (p *Pages) render(c echo.Context, status int, page templ.Component) error {
	var buf bytes.Buffer
	reader := web.Reader{Theme: theme(c.Request()), Address: origin(c.Request()) + c.Request().URL.RequestURI()}
	if err := page.Render(web.WithReader(c.Request().Context(), reader), &buf); err != nil {
		if c.Request().Context().Err() != nil {
			return nil //nolint:nilerr // the reader left
		}
		p.Log.Error("page not rendered", "path", c.Request().URL.Path, "err", err)
		return c.String(http.StatusInternalServerError, "This page could not be rendered. The server log has the reason.\n")
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

// theme returns the theme that the reader chose, "" for that of the system. The
// script keeps it in a cookie, so that the first paint has it.
func theme(r *http.Request) string {
	chosen, err := r.Cookie("theme")
	if err != nil || chosen.Value != "light" && chosen.Value != "dark" {
		return ""
	}
	return chosen.Value
}

// redirect answers with another address of this server. No other place sends a
// Location: the base path is added here.
func redirect(c echo.Context, status int, address string) error {
	return c.Redirect(status, web.At(c.Request().Context(), address))
}

// name returns the last part of the path: the name of a workflow, site, ...
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

// origin returns the address of this server for the reader, with its base path, for
// commands shown on pages. An invalid host is replaced by localhost.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	for _, ch := range r.Host {
		plain := ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'
		if !plain && ch != '.' && ch != ':' && ch != '-' && ch != '[' && ch != ']' {
			return scheme + "://localhost" + web.Base(r.Context())
		}
	}
	return scheme + "://" + r.Host + web.Base(r.Context())
}
