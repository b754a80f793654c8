package load

import (
	"context"
	"net/url"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// Workflows is one page of workflows, with the facets requested by the query.
type Workflows = wire.Envelope[schema.Workflow]

// List requests a page of workflows.
func (r Round) List(q wire.Query) *Answer[Workflows] {
	return ask(r, func(ctx context.Context) (Workflows, Meta, error) {
		list, err := r.loader.Client.Fetch(ctx, q)
		return list.Envelope, list.Meta, err
	})
}

// Stats requests workflow counts and counter totals of a query by group.
func (r Round) Stats(q wire.Query, by, sum []string) *Answer[wire.Stats] {
	return ask(r, func(ctx context.Context) (wire.Stats, Meta, error) { return r.loader.Client.Stats(ctx, q, by, sum) })
}

// Facet requests the values of a field that begin with prefix.
func (r Round) Facet(q wire.Query, field, prefix string, limit int) *Answer[wire.FacetPage] {
	return ask(r, func(ctx context.Context) (wire.FacetPage, Meta, error) {
		return r.loader.Client.Facet(ctx, q, field, prefix, limit)
	})
}

// Suggest requests what each condition of a query does, and what may have been
// meant by values that no workflow has.
func (r Round) Suggest(q wire.Query) *Answer[wire.Suggestions] {
	return ask(r, func(ctx context.Context) (wire.Suggestions, Meta, error) { return r.loader.Client.Suggest(ctx, q) })
}

// SuggestGroups is Suggest for a list of groups, by its path in the API.
func (r Round) SuggestGroups(path string, v url.Values) *Answer[wire.Suggestions] {
	return ask(r, func(ctx context.Context) (wire.Suggestions, Meta, error) {
		return r.loader.Client.SuggestGroups(ctx, path, v)
	})
}

// Changes requests the changes to the workflows under a query since a generation.
func (r Round) Changes(q wire.Query, since string) *Answer[wire.Change] {
	return ask(r, func(ctx context.Context) (wire.Change, Meta, error) { return r.loader.Client.Changes(ctx, q, since) })
}

// Statuses requests the summaries of all statuses.
func (r Round) Statuses() *Answer[[]schema.StatusSummary] { return ask(r, r.loader.Client.Statuses) }

// Campaigns requests the summaries of campaigns under a query in their own keys,
// all of them if it has no Limit. Meta.Total counts them. Releases, Sites and
// Agents do the same for those.
func (r Round) Campaigns(q wire.Query) *Answer[[]schema.Campaign] {
	return ask(r, func(ctx context.Context) ([]schema.Campaign, Meta, error) {
		return r.loader.Client.CampaignPage(ctx, q)
	})
}

func (r Round) Releases(q wire.Query) *Answer[[]schema.Release] {
	return ask(r, func(ctx context.Context) ([]schema.Release, Meta, error) { return r.loader.Client.ReleasePage(ctx, q) })
}

func (r Round) Sites(q wire.Query) *Answer[[]schema.Site] {
	return ask(r, func(ctx context.Context) ([]schema.Site, Meta, error) { return r.loader.Client.SitePage(ctx, q) })
}

func (r Round) Agents(q wire.Query) *Answer[[]schema.Agent] {
	return ask(r, func(ctx context.Context) ([]schema.Agent, Meta, error) { return r.loader.Client.AgentPage(ctx, q) })
}

// Strays requests the workflows with stray jobs under a query in their own keys.
func (r Round) Strays(q wire.Query) *Answer[[]schema.StrayWorkflow] {
	return ask(r, func(ctx context.Context) ([]schema.StrayWorkflow, Meta, error) {
		return r.loader.Client.StrayPage(ctx, q)
	})
}

// Group is the summary of one campaign, release, site or agent with a page of its
// workflows.
type Group[T any] struct {
	Record    T
	Rate      schema.Rate
	Workflows Workflows
}

// groupOf converts the page of a group into the form of a list.
func groupOf[T any](record T, rate schema.Rate, page wire.Group[schema.Workflow], meta Meta) Group[T] {
	return Group[T]{record, rate, Workflows{Generation: meta.Generation, Total: page.Total, Idx: page.Idx, Limit: page.Limit, Items: page.Workflows}}
}

// HeldCampaign is a campaign with what holds its workflows, and the work left.
type HeldCampaign struct {
	schema.Campaign
	WorstSites []schema.SiteFailures
	web.Held
}

// DrainedAgent is an agent with what it still has.
type DrainedAgent struct {
	schema.AgentDetail
	Drain schema.Drain
}

// Campaign requests one campaign with a page of its workflows; Release, Site and
// Agent do the same for those.
func (r Round) Campaign(name string, q wire.Query) *Answer[Group[HeldCampaign]] {
	return ask(r, func(ctx context.Context) (Group[HeldCampaign], Meta, error) {
		g, err := r.loader.Client.Campaign(ctx, name, q)
		return groupOf(HeldCampaign{g.Campaign, g.WorstSites, web.Held{Holds: g.Holds, Left: g.Left, MostLeft: g.MostLeft}}, g.Rate, g.Group, g.Meta), g.Meta, err
	})
}

func (r Round) Release(name string, q wire.Query) *Answer[Group[schema.Release]] {
	return ask(r, func(ctx context.Context) (Group[schema.Release], Meta, error) {
		g, err := r.loader.Client.Release(ctx, name, q)
		return groupOf(g.Release, g.Rate, g.Group, g.Meta), g.Meta, err
	})
}

func (r Round) Site(name string, q wire.Query) *Answer[Group[schema.SiteDetail]] {
	return ask(r, func(ctx context.Context) (Group[schema.SiteDetail], Meta, error) {
		g, err := r.loader.Client.Site(ctx, name, q)
		return groupOf(g.Site, g.Rate, g.Group, g.Meta), g.Meta, err
	})
}

func (r Round) Agent(name string, q wire.Query) *Answer[Group[DrainedAgent]] {
	return ask(r, func(ctx context.Context) (Group[DrainedAgent], Meta, error) {
		g, err := r.loader.Client.Agent(ctx, name, q)
		return groupOf(DrainedAgent{g.Agent, g.Drain}, g.Rate, g.Group, g.Meta), g.Meta, err
	})
}

// Attention requests the workflows and agents that need attention; v has the
// parameters of the API.
func (r Round) Attention(v url.Values) *Answer[wire.Attention] {
	return ask(r, func(ctx context.Context) (wire.Attention, Meta, error) { return r.loader.Client.Attention(ctx, v) })
}

// FailingJobs requests the failing jobs of all workflows by group; filters are
// parameters of the API. Total is the number of all groups.
func (r Round) FailingJobs(filters url.Values, by []string, limit int) *Answer[wire.Envelope[schema.ErrorSummary]] {
	return ask(r, func(ctx context.Context) (wire.Envelope[schema.ErrorSummary], Meta, error) {
		rows, meta, err := r.loader.Client.Errors(ctx, filters, by, limit)
		return wire.Envelope[schema.ErrorSummary]{Total: max(meta.Total, len(rows)), Items: rows}, meta, err
	})
}

// FailingJobsReported is FailingJobs with the number of reported jobs.
func (r Round) FailingJobsReported(filters url.Values, by []string, limit int) *Answer[wire.ErrorsEnvelope] {
	return ask(r, func(ctx context.Context) (wire.ErrorsEnvelope, Meta, error) {
		answer, meta, err := r.loader.Client.FailingJobs(ctx, filters, by, limit)
		answer.Total = max(meta.Total, len(answer.Items))
		return answer, meta, err
	})
}

// JobErrors requests the failing jobs of one workflow by group.
func (r Round) JobErrors(workflow string, filters url.Values, by ...string) *Answer[[]schema.JobError] {
	return ask(r, func(ctx context.Context) ([]schema.JobError, Meta, error) {
		return r.loader.Client.JobErrors(ctx, workflow, filters, by)
	})
}

// Samples requests samples of the failing jobs of one workflow from CouchDB.
func (r Round) Samples(workflow string, filters url.Values) *Answer[[]schema.JobSample] {
	return ask(r, func(ctx context.Context) ([]schema.JobSample, Meta, error) {
		return r.loader.Client.Jobs(ctx, workflow, filters)
	})
}

// Logs requests the log entries of agents and services for one workflow from
// CouchDB.
func (r Round) Logs(workflow string) *Answer[[]schema.LogEntry] {
	return ask(r, func(ctx context.Context) ([]schema.LogEntry, Meta, error) { return r.loader.Client.Logs(ctx, workflow) })
}

// AllLogs requests the log messages about all workflows in groups; v has the
// parameters of the API.
func (r Round) AllLogs(v url.Values) *Answer[[]schema.LogGroup] {
	return ask(r, func(ctx context.Context) ([]schema.LogGroup, Meta, error) { return r.loader.Client.AllLogs(ctx, v) })
}

// About requests the description of the running cache server.
func (r Round) About() *Answer[wire.About] {
	return ask(r, func(ctx context.Context) (about wire.About, _ Meta, err error) {
		about, err = r.loader.Client.About(ctx)
		return about, Meta{}, err
	})
}

// OpenAPI requests the OpenAPI document.
func (r Round) OpenAPI() *Answer[map[string]any] {
	return ask(r, func(ctx context.Context) (doc map[string]any, _ Meta, err error) {
		doc, err = r.loader.Client.OpenAPI(ctx)
		return doc, Meta{}, err
	})
}

// Peek requests the first bytes of any answer.
func (r Round) Peek(path string, query url.Values, most int64) *Answer[cacheclient.Peek] {
	return ask(r, func(ctx context.Context) (peek cacheclient.Peek, _ Meta, err error) {
		peek, err = r.loader.Client.Peek(ctx, path, query, most)
		return peek, Meta{}, err
	})
}
