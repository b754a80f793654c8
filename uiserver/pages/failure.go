package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// Seconds until a page that failed is requested again.
const (
	retryLoading = "3"
	retryDown    = "10"
)

// fail writes the error page for err. more changes a page of something that was not
// found.
func (p *Pages) fail(c echo.Context, section string, state load.State, err error, more ...func(*web.ProblemPage)) error {
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		return nil //nolint:nilerr // the reader left
	}
	page, status, retry := p.explain(section, state, err)
	if status == http.StatusNotFound {
		for _, change := range more {
			change(&page)
		}
	}
	if retry != "" {
		c.Response().Header().Set("Refresh", retry)
		c.Response().Header().Set("Retry-After", retry)
		page.Retry = true
	}
	if status >= http.StatusInternalServerError && retry != retryLoading {
		p.Log.Warn("page failed", "path", c.Request().URL.Path, "status", status, "err", err)
	}
	return p.render(c, status, web.Problem(page))
}

// explain turns an error into a page, its status and the seconds until a retry, ""
// for none.
func (p *Pages) explain(section string, state load.State, err error) (page web.ProblemPage, status int, retry string) {
	problem := wire.ProblemOf(err)
	page.Frame = p.frame(section, "", state, noMeta)
	switch {
	case problem != nil && problem.Slug() == wire.SlugNotReady:
		page.Heading, status, retry = "Loading data", http.StatusServiceUnavailable, retryLoading
		page.Text = "The first full read of CouchDB has not finished. Pages are available as soon as it has."
		if reason := state.Info.StaleReason; reason != "" {
			page.Text = "The cache server has not been able to read CouchDB yet: " + reason + ". Pages are available as soon as the first full read has finished."
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
	case load.Unreachable(err):
		page.Heading, status, retry = "The cache server does not answer", http.StatusBadGateway, retryDown
		page.Text = "Pages need the cache server, which does not answer at present. Nothing is lost: the data are in CouchDB."
		page.Data.State = web.Down
	default:
		page.Heading, status, retry = "This page could not be shown", http.StatusBadGateway, retryDown
		page.Text = "The answer of the cache server could not be used. The log of the UI server has the reason."
	}
	page.Title = page.Heading
	return page, status, retry
}

// nearPath returns the address of the page of a similar name.
func nearPath(section, near string) string {
	switch section {
	case web.CampaignsPath:
		return web.CampaignPath(near)
	case web.ReleasesPath:
		return web.ReleasePath(near)
	case web.SitesPath:
		return web.SitePath(near)
	case web.AgentsPath:
		return web.AgentPath(near)
	}
	return web.WorkflowPath(near)
}

// notFound is the page for an address that does not exist.
func (p *Pages) notFound(c echo.Context) error {
	state, _ := p.begin(c).Wait()
	page := web.ProblemPage{
		Frame:   p.frame("", "Not found", state, noMeta),
		Heading: "Not found",
		Text:    "There is no page at " + wire.Shorten(web.At(c.Request().Context(), c.Request().URL.Path)),
	}
	for _, path := range wire.Near(c.Request().URL.Path, web.Sections(), 3) {
		page.Near = append(page.Near, web.Link{Text: strings.TrimPrefix(path, "/"), Href: path})
	}
	return p.render(c, http.StatusNotFound, web.Problem(page))
}

// retryLater makes the browser reload a page that is complete except for the state
// of the data.
func retryLater(c echo.Context, state web.State) {
	if state == web.Down || state == web.Loading {
		c.Response().Header().Set("Refresh", retryDown)
	}
}

// statusOfMissing returns the status of a page whose data are missing: that of the
// error if the data arrive soon, else 200.
func statusOfMissing(err error) int {
	if problem := wire.ProblemOf(err); problem != nil && problem.Slug() == wire.SlugNotReady {
		return problem.Status
	}
	return http.StatusOK
}
