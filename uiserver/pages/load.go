package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// pulse is the state of the cache server, or why it is not known.
type pulse struct {
	info      schema.CacheInfo
	attention int // -1 when it is not known
	err       error
}

// call is one question to the cache server; it stores its answer itself.
type call func(context.Context) error

// load makes all calls of a page and asks for the pulse at the same time. The
// error is the first of the calls'; a missing pulse spoils no page.
func (p *Pages) load(ctx context.Context, calls ...call) (pulse, error) {
	var state pulse
	var group errgroup.Group
	group.Go(func() error {
		news, err := p.Client.Pulse(ctx)
		state.info, state.attention, state.err = news.CacheInfo, news.Attention, err
		return nil
	})
	for _, c := range calls {
		group.Go(func() error { return c(ctx) })
	}
	err := group.Wait()
	if state.err == nil && state.info.Generation != "" {
		p.last.Store(&state.info)
	}
	return state, err
}

// optional drops the error of a call whose part a page can do without: a cache
// server that refuses the question is older than this server.
func (p *Pages) optional(what string, err error) error {
	problem := cacheclient.ProblemIn(err)
	if problem == nil || problem.Status >= http.StatusInternalServerError {
		return err
	}
	p.Log.Warn("a part of a page is left out", "part", what, "err", err)
	return nil
}

// frame is the frame of a page. meta are the headers of the answer that the
// page is made of; they stand in where the pulse is missing.
func (p *Pages) frame(section, title string, state pulse, meta cacheclient.Meta) web.Frame {
	f := web.Frame{
		Title: title, Section: section, Now: p.Now().Unix(), Assets: p.assets, Released: p.Version,
		Data: web.Data{Info: state.info, State: p.state(state), Generation: meta.Generation, Attention: state.attention},
	}
	if state.err != nil {
		f.Data.Info = p.lastInfo(meta)
		if meta.Stale {
			f.Data.State = web.Stale
		} else if meta.Generation != "" {
			f.Data.State = web.Unknown
		}
	}
	if f.Data.Generation == "" {
		f.Data.Generation = f.Data.Info.Generation
	}
	watch(&f, wire.Query{})
	return f
}

// noMeta stands for the headers of an answer where a page has none.
var noMeta = cacheclient.Meta{}

// state judges a pulse.
func (p *Pages) state(state pulse) web.State {
	switch problem := cacheclient.ProblemIn(state.err); {
	case problem != nil && problem.Slug() == wire.SlugNotReady:
		return web.Loading
	case errors.Is(state.err, cacheclient.ErrUnreachable):
		return web.Down
	case state.err != nil:
		return web.Unknown
	case state.info.Generation == "":
		return web.Loading
	case state.info.Stale:
		return web.Stale
	}
	silent := p.Now().Sub(time.Unix(state.info.CheckTime, 0))
	if state.info.CheckTime > 0 && silent > p.AgeingAfter {
		return web.Ageing
	}
	return web.Fresh
}

// lastInfo is the newest state that was seen, with what the headers of an
// answer say of it.
func (p *Pages) lastInfo(meta cacheclient.Meta) schema.CacheInfo {
	var info schema.CacheInfo
	if last := p.last.Load(); last != nil {
		info = *last
	}
	if meta.Generation != "" && meta.Generation != info.Generation {
		info = schema.CacheInfo{Generation: meta.Generation, Source: info.Source, Workflows: info.Workflows}
		if !meta.GenerationTime.IsZero() {
			info.CacheTime = meta.GenerationTime.Unix()
		}
	}
	if meta.Stale {
		info.Stale, info.StaleReason = true, meta.StaleReason
	}
	return info
}

// Seconds until a page that could not be made is asked for again.
const (
	retryLoading = "3"
	retryDown    = "10"
)

// fail writes the page that says why there is none.
func (p *Pages) fail(c echo.Context, section string, state pulse, err error) error {
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		return nil //nolint:nilerr // the reader left
	}
	page, status, retry := p.explain(section, state, err)
	if retry != "" {
		c.Response().Header().Set("Refresh", retry)
		c.Response().Header().Set("Retry-After", retry)
		page.Retry = true
	}
	if status >= http.StatusInternalServerError && retry != retryLoading {
		p.Log.Warn("page not made", "path", c.Request().URL.Path, "status", status, "err", err)
	}
	return p.render(c, status, web.Problem(page))
}

// problemFor is the problem in an error of a parser.
func problemFor(err error) *wire.Problem {
	if problem := cacheclient.ProblemIn(err); problem != nil {
		return problem
	}
	return wire.BadValue("", err.Error())
}

// explain turns an error into a page, its status and when to try again.
func (p *Pages) explain(section string, state pulse, err error) (page web.ProblemPage, status int, retry string) {
	problem := cacheclient.ProblemIn(err)
	page.Frame = p.frame(section, "", state, noMeta)
	switch {
	case problem != nil && problem.Slug() == wire.SlugNotReady:
		page.Heading, status, retry = "The data are being loaded", http.StatusServiceUnavailable, retryLoading
		page.Text = "The cache server reads all documents for the first time. That takes a moment; pages come as soon as it is done."
		if reason := state.info.StaleReason; reason != "" {
			page.Text = "The cache server has not been able to read its source yet: " + reason + ". Pages come as soon as the first read is done."
		}
		if _, progress, ok := strings.Cut(problem.Detail, wire.ReadingPrefix); ok {
			page.Text += " " + wire.ReadingPrefix + progress
		}
		page.Data.State = web.Loading
	case problem != nil && problem.Status == http.StatusNotFound:
		page.Heading, page.Text, status = "Not found", problem.Detail, http.StatusNotFound
		page.All = web.Link{Text: "All " + strings.TrimPrefix(section, "/"), Href: section}
		for _, near := range problem.DidYouMean {
			page.Near = append(page.Near, web.Link{Text: near, Href: nearPath(section, near)})
		}
	case problem != nil && problem.Status < http.StatusInternalServerError:
		page.Heading, page.Text, status = problem.Title, problem.Detail, problem.Status
		for _, near := range problem.DidYouMean {
			page.Near = append(page.Near, web.Link{Text: near, Href: section})
		}
	case problem != nil:
		page.Heading, status, retry = "The cache server could not answer", http.StatusBadGateway, retryDown
		page.Text = problem.Detail
	case errors.Is(err, cacheclient.ErrUnreachable):
		page.Heading, status, retry = "The cache server does not answer", http.StatusBadGateway, retryDown
		page.Text = "This server makes pages from what the cache server holds, and that one does not answer at present. Nothing is lost: the data are in CouchDB."
		page.Data.State = web.Down
	default:
		page.Heading, status, retry = "This page could not be made", http.StatusBadGateway, retryDown
		page.Text = "The cache server's answer could not be used. The log of this server has the reason."
	}
	page.Title = page.Heading
	return page, status, retry
}

// nearPath is the page of a name that resembles the one asked for.
func nearPath(section, near string) string {
	switch section {
	case "/campaigns":
		return web.CampaignPath(near)
	case "/releases":
		return web.ReleasePath(near)
	case "/sites":
		return web.SitePath(near)
	case "/agents":
		return web.AgentPath(near)
	}
	return web.WorkflowPath(near)
}

// notFound is the page for an address that does not exist.
func (p *Pages) notFound(c echo.Context) error {
	state, _ := p.load(c.Request().Context())
	page := web.ProblemPage{
		Frame:   p.frame("", "Not found", state, noMeta),
		Heading: "Not found",
		Text:    "There is no page " + shorten(c.Request().URL.Path),
	}
	known := []string{"/attention", "/workflows", "/campaigns", "/sites", "/releases", "/agents", "/errors", "/api", "/about"}
	for _, path := range wire.Near(c.Request().URL.Path, known, 3) {
		page.Near = append(page.Near, web.Link{Text: strings.TrimPrefix(path, "/"), Href: path})
	}
	return p.render(c, http.StatusNotFound, web.Problem(page))
}
