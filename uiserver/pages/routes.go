package pages

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Routes adds the routes of all pages. A name is the rest of the path, so that it
// may contain slashes, encoded or not.
func (p *Pages) Routes(e *echo.Echo, with ...echo.MiddlewareFunc) {
	with = append(slices.Clone(with), p.bounded)
	get := func(path string, handler echo.HandlerFunc) {
		e.GET(path, handler, with...)
		e.HEAD(path, handler, with...)
	}
	get(web.OverviewPath, p.overview)
	get(web.AttentionPath, p.attention)
	get(web.StrayPath, p.strays)
	get(web.WorkflowsPath, p.workflows)
	get(web.WorkflowsPath+"/*", p.workflow)
	get(web.CampaignsPath, p.campaigns)
	get(web.CampaignsPath+"/*", p.campaign)
	get(web.ReleasesPath, p.releases)
	get(web.ReleasesPath+"/*", p.release)
	get(web.SitesPath, p.sites)
	get(web.SitesPath+"/*", p.site)
	get(web.AgentsPath, p.agents)
	get(web.AgentsPath+"/*", p.agent)
	get(web.ErrorsPath, p.errors)
	get(web.LogsPath, p.logs)
	get(web.GoPath, p.palette)
	get(web.FacetPath+"*", p.facetValues)
	get(web.ColumnsPath, p.chooseColumns)
	get(web.SelectionPath, p.selection)
	get(web.PinnedPath, p.pinned)
	get(web.ChangedPath, p.changed)
	get(web.ComparePath, p.compared)
	get(web.APIPrefix, p.api)
	get(web.AboutPath, p.about)
	e.GET(web.PulsePath, p.pulse) // without the headers of a page, so that a 304 stays small
	twins(get)
	e.RouteNotFound("/*", p.notFound, with...)
}

// Limits of the address of a page, in bytes. A page repeats its address in its
// links; the page Selected workflows, whose address has names, does so less often.
const (
	longestPath      = 6 << 10 // a name of wire.MaxValue, partly escaped
	longestAddress   = 16 << 10
	longestSelection = 60 << 10
)

// bounded answers an address that is too long with an error page.
func (p *Pages) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		most := longestAddress
		if u.Path == web.SelectionPath {
			most = longestSelection
		}
		if path := len(u.EscapedPath()); path <= longestPath && path+len(u.RawQuery) <= most {
			return next(c)
		}
		state, _ := p.begin(c).Wait()
		page := web.ProblemPage{
			Frame: p.frame("", "The address is too long", state, noMeta), Heading: "The address is too long",
			Text: fmt.Sprintf("'%s' is longer than %d bytes, the limit for pages. The API accepts longer addresses, and /find takes the query in its body.", wire.Shorten(web.At(c.Request().Context(), u.Path)), most),
		}
		return p.render(c, http.StatusRequestURITooLong, web.Problem(page))
	}
}

// twins redirects the address of a page with a format suffix to the same query of
// the API, as users of Datasette expect, and addresses of the API, which its answers
// contain, to the prefix where this server forwards them.
func twins(get func(string, echo.HandlerFunc)) {
	for page, path := range map[string]string{
		web.WorkflowsPath: "/fetch", web.CampaignsPath: "/campaign", web.ReleasesPath: "/release", web.SitesPath: "/sites", web.AgentsPath: "/agent",
		web.StrayPath: "/stray", web.AttentionPath: "/attention", web.ErrorsPath: "/errors",
	} {
		for _, format := range wire.Formats() {
			get(page+"."+string(format), func(c echo.Context) error {
				params := c.Request().URL.Query()
				params.Del(query.ColsParam)
				params.Del(query.RowsParam)
				params.Set("format", string(format))
				return redirect(c, http.StatusFound, web.APIPrefix+path+"?"+params.Encode())
			})
		}
	}
	forward := func(c echo.Context) error {
		return redirect(c, http.StatusTemporaryRedirect, web.APIPrefix+c.Request().URL.RequestURI())
	}
	get("/fetch", forward)
	get("/fetch/*", forward)
	get("/problems/*", forward)
}
