// Package pages makes the pages of the dashboard: each file takes one request,
// asks the cache server for what the page needs, at the same time, turns the
// answers into the props of package web, and writes the rendered page in one
// go. It keeps nothing but the last state of the cache server that it saw (to
// tell the time of the last data when that server is away), and it never adds
// up numbers: every total comes from the cache server.
package pages

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// APIPrefix is where this server forwards the API of the cache server.
const APIPrefix = "/api"

// Options of the pages.
type Options struct {
	Client      *cacheclient.Client
	Assets      *static.Assets
	Links       []LinkTemplate // to other systems, on the page of a workflow; the first one for selections
	Views       []View         // beside "all"
	Version     string
	Started     time.Time
	Now         func() time.Time
	AgeingAfter time.Duration // silence of the source that is worth a banner; 0: 5 min
	Log         *slog.Logger
}

// Pages holds what all pages share. It is safe for concurrent use.
type Pages struct {
	Options
	assets  web.AssetURLs
	columns web.Columns
	views   []namedView
	last    atomic.Pointer[schema.CacheInfo] // newest state seen; nil before the first
}

// defaultAgeing is twice the longest time between two answers of a source that
// is well: a long poll of the changes feed is renewed each minute or two.
const defaultAgeing = 5 * time.Minute

// New checks the options.
func New(o Options) (*Pages, error) {
	if o.Client == nil || o.Assets == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("pages: client, assets, clock and log are all needed")
	}
	if o.AgeingAfter == 0 {
		o.AgeingAfter = defaultAgeing
	}
	p := &Pages{Options: o, columns: web.NewColumns()}
	var err error
	if p.views, err = readViews(o.Views, p.columns); err != nil {
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

// Routes adds all pages. Names are the rest of the path, so that they keep
// their slashes however they were written.
func (p *Pages) Routes(e *echo.Echo, with ...echo.MiddlewareFunc) {
	with = append(slices.Clone(with), p.bounded)
	get := func(path string, handler echo.HandlerFunc) {
		e.GET(path, handler, with...)
		e.HEAD(path, handler, with...)
	}
	get("/", p.overview)
	get("/attention", p.attention)
	get("/workflows", p.workflows)
	get("/workflows/*", p.workflow)
	get("/campaigns", p.campaigns)
	get("/campaigns/*", p.campaign)
	get("/releases", p.releases)
	get("/releases/*", p.release)
	get("/sites", p.sites)
	get("/sites/*", p.site)
	get("/agents", p.agents)
	get("/agents/*", p.agent)
	get(errorsPath, p.errors)
	get("/go", p.palette)
	get("/facet/*", p.facetValues)
	get(columnsPath, p.chooseColumns)
	get("/selection", p.selection)
	get("/changed", p.changed)
	get("/api", p.api)
	get("/about", p.about)
	e.GET(pulsePath, p.pulse) // without the headers of a page, so that a 304 stays small
	p.twins(get)
	e.RouteNotFound("/*", p.notFound, with...)
}

// Bounds of the address of a page, in bytes. A page repeats its address in its
// links, the one of a selection (with the names that were ticked) less often.
const (
	longestPath      = 6 << 10 // a name of wire.MaxValue, partly escaped
	longestAddress   = 16 << 10
	longestSelection = 60 << 10
)

// bounded refuses an address that is too long with a page that says so.
func (p *Pages) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		most := longestAddress
		if u.Path == selectionPath {
			most = longestSelection
		}
		if path := len(u.EscapedPath()); path <= longestPath && path+len(u.RawQuery) <= most {
			return next(c)
		}
		state, _ := p.load(c.Request().Context())
		page := web.ProblemPage{
			Frame: p.frame("", "The address is too long", state, noMeta), Heading: "The address is too long",
			Text: fmt.Sprintf("'%s' is longer than %d bytes, which is what a page takes. The API takes longer ones, and /find takes a question in its body.", shorten(u.Path), most),
		}
		return p.render(c, http.StatusRequestURITooLong, web.Problem(page))
	}
}

// twins redirects the address of a page with a format at its end to the same
// question to the API, as users of Datasette expect, and the API's own
// addresses, which its answers contain, to where this server forwards them.
func (p *Pages) twins(get func(string, echo.HandlerFunc)) {
	for page, path := range map[string]string{
		"workflows": "/fetch", "campaigns": "/campaign", "releases": "/release", "sites": "/sites", "agents": "/agent",
	} {
		for _, format := range []string{"json", "ndjson", "csv"} {
			get("/"+page+"."+format, func(c echo.Context) error {
				query := c.Request().URL.Query()
				query.Del(colsParam)
				query.Set("format", format)
				return c.Redirect(http.StatusFound, APIPrefix+path+"?"+query.Encode())
			})
		}
	}
	forward := func(c echo.Context) error {
		return c.Redirect(http.StatusTemporaryRedirect, APIPrefix+c.Request().URL.RequestURI())
	}
	get("/fetch", forward)
	get("/fetch/*", forward)
	get("/problems/*", forward)
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
