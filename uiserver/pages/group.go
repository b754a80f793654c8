package pages

import (
	"context"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// workflowsOf is the page of workflows that belongs to one campaign, release,
// site or agent.
type workflowsOf struct {
	wire.Group[schema.Workflow]
	meta cacheclient.Meta
}

// one reads the name and the query of such a page, and asks for it. read is
// asked again on the newest generation when the pinned one is gone. more are
// asked at the same time.
func (p *Pages) one(c echo.Context, read func(ctx context.Context, name string, q wire.Query) (workflowsOf, error), more ...func(name string) call) (
	named string, q listQuery, notes []web.Note, found workflowsOf, state pulse, err error,
) {
	if named, err = name(c); err != nil {
		return named, q, nil, found, state, wire.NotFound("name", c.Param("*"), nil)
	}
	q, notes = p.parseList(c.Request())
	ask := func(ctx context.Context) (err error) {
		asked := q.Query
		asked.Fields = p.fields(q)
		found, err = read(ctx, named, asked)
		return err
	}
	calls := []call{ask}
	for _, one := range more {
		calls = append(calls, one(named))
	}
	state, err = p.load(c.Request().Context(), calls...)
	if problem := cacheclient.ProblemIn(err); problem != nil && problem.Slug() == wire.SlugGenerationExpired {
		notes = append(notes, web.Note{Text: "Generation " + q.Gen + " is no longer kept; this is the newest."})
		q.Gen = ""
		state, err = p.load(c.Request().Context(), calls...)
	}
	return named, q, append(notes, pinNote(q, state)...), found, state, err
}

// groupPage fills what the pages of one campaign, release and site share.
func (p *Pages) groupPage(path, kind, field, named string, q listQuery, notes []web.Note, found workflowsOf, state pulse) web.GroupPage {
	all := q.top()
	all.Terms = append(exactly(field, named), all.Terms...)
	page := web.GroupPage{
		Frame: p.frame(path, named, state, found.meta), Notes: notes, Kind: kind, Name: named,
		List: p.list(q, "Workflows of "+named, found.meta.Generation, found.Idx, found.Total, found.Workflows),
		All:  all.address(workflowsPath),
	}
	page.Errors = errorsQuery{listQuery: listQuery{Query: wire.Query{Terms: exactly(field, named)}}, jobs: url.Values{}}.with()
	if kind == siteParam {
		page.Errors = errorsPath + "?" + url.Values{siteParam: {exactText(named)}}.Encode() // where they fail
	}
	page.List.Selection = all.selectionAddress()
	fresh := q
	fresh.Gen = ""
	page.Data.Newest = fresh.here()
	watch(&page.Frame, all.Query)
	return page
}

func (p *Pages) campaign(c echo.Context) error {
	var record schema.Campaign
	var past web.History
	var worst web.WorstSites
	named, q, notes, found, state, err := p.one(c, func(ctx context.Context, name string, q wire.Query) (workflowsOf, error) {
		answer, err := p.Client.Campaign(ctx, name, q)
		record = answer.Campaign
		return workflowsOf{answer.Group, answer.Meta}, err
	}, func(named string) call { return p.historyOf("state", named, "", &past) },
		func(named string) call { return p.worstSites(named, &worst) })
	if err != nil {
		return p.fail(c, "/campaigns", state, err)
	}
	page := p.groupPage("/campaigns", "campaign", "Campaign", named, q, notes, found, state)
	page.Rollup, page.Counters, page.History, page.Worst = &record.Rollup, record.Counters, &past, &worst
	page.JSON = APIPrefix + "/campaign" + web.CampaignPath(named)[len("/campaigns"):]
	return p.render(c, statusFor(notes), web.Group(page))
}

// What the page of a campaign tells of its sites, and how long it waits for it:
// the failing jobs of all workflows may have to be read from the source first.
const (
	worstShown = 10
	worstWait  = 2 * time.Second
)

// worstSites asks for the sites where most jobs of a campaign fail. The page
// does without them: why there are none is said in their place.
func (p *Pages) worstSites(campaign string, out *web.WorstSites) call {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, worstWait)
		defer cancel()
		q := errorsQuery{listQuery: listQuery{Query: wire.Query{Terms: exactly("Campaign", campaign)}}, jobs: url.Values{}}
		rows, meta, err := p.Client.Errors(ctx, q.filters(), []string{siteParam}, worstShown)
		out.Total = int64(max(meta.Total, len(rows)))
		for _, e := range rows {
			out.Rows = append(out.Rows, web.ErrorRow{ErrorSummary: e, Href: q.with(siteParam, exactText(e.Site))})
		}
		if err == nil {
			return nil
		}
		if out.Missing = missingOf("failing jobs", "", err); out.Missing == nil {
			p.Log.Warn("a part of a page is left out", "part", "sites with most failed jobs", "err", err)
			out.Missing = &web.Missing{Title: "The failing jobs could not be had in time.", Text: "Their own page waits longer for them."}
		}
		return nil
	}
}

func (p *Pages) release(c echo.Context) error {
	var record schema.Release
	named, q, notes, found, state, err := p.one(c, func(ctx context.Context, name string, q wire.Query) (workflowsOf, error) {
		answer, err := p.Client.Release(ctx, name, q)
		record = answer.Release
		return workflowsOf{answer.Group, answer.Meta}, err
	})
	if err != nil {
		return p.fail(c, "/releases", state, err)
	}
	page := p.groupPage("/releases", "release", "Release", named, q, notes, found, state)
	page.Rollup, page.Counters = &record.Rollup, record.Counters
	page.JSON = APIPrefix + "/release" + web.ReleasePath(named)[len("/releases"):]
	return p.render(c, statusFor(notes), web.Group(page))
}

func (p *Pages) site(c echo.Context) error {
	var record schema.SiteDetail
	var past web.History
	named, q, notes, found, state, err := p.one(c, func(ctx context.Context, name string, q wire.Query) (workflowsOf, error) {
		answer, err := p.Client.Site(ctx, name, q)
		record = answer.Site
		return workflowsOf{answer.Group, answer.Meta}, err
	}, func(named string) call { return p.historyOf("state", "", named, &past) })
	if err != nil {
		return p.fail(c, "/sites", state, err)
	}
	page := p.groupPage("/sites", "site", "Sites", named, q, notes, found, state)
	page.Site, page.Counters, page.History = &record, record.Counters, &past
	page.JSON = APIPrefix + web.SitePath(named)
	return p.render(c, statusFor(notes), web.Group(page))
}

func (p *Pages) agent(c echo.Context) error {
	var record schema.AgentDetail
	named, q, notes, found, state, err := p.one(c, func(ctx context.Context, name string, q wire.Query) (workflowsOf, error) {
		answer, err := p.Client.Agent(ctx, name, q)
		record = answer.Agent
		return workflowsOf{answer.Group, answer.Meta}, err
	})
	if err != nil {
		return p.fail(c, "/agents", state, err)
	}
	shared := p.groupPage("/agents", "agent", "Agents", named, q, notes, found, state)
	return p.render(c, statusFor(notes), web.Agent(web.AgentPage{
		Frame: shared.Frame, Notes: notes, Workflows: shared.List,
		AgentCard: web.AgentCard{AgentDetail: record, List: shared.All},
		JSON:      APIPrefix + "/agent" + web.AgentPath(named)[len("/agents"):],
	}))
}
