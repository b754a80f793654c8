package cacheclient

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// List is one page of workflows.
type List struct {
	wire.Envelope[schema.Workflow]
	Meta Meta
}

// Site, Campaign, Release and Agent are the summary of one of each with a page of
// its workflows.
type (
	Site struct {
		Site schema.SiteDetail
		Rate schema.Rate
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Campaign struct {
		Campaign   schema.Campaign
		Rate       schema.Rate
		WorstSites []schema.SiteFailures
		Holds      []schema.Hold
		Left       []schema.StatusLeft
		MostLeft   []schema.WorkflowLeft
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Release struct {
		Release schema.Release
		Rate    schema.Rate
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Agent struct {
		Agent schema.AgentDetail
		Rate  schema.Rate
		Drain schema.Drain
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
)

// Fetch reads one page of workflows, with the facets requested by the query.
func (c *Client) Fetch(ctx context.Context, q wire.Query) (List, error) {
	q.Envelope, q.Format, q.Download, q.All = true, wire.JSON, false, false
	var list List
	meta, err := c.get(ctx, "/fetch", q.Values(), &list.Envelope)
	list.Meta = meta
	return list, err
}

// Workflow reads everything known about one workflow. For an unknown workflow the
// error is a *wire.Problem with status 404 and similar names.
func (c *Client) Workflow(ctx context.Context, name string) (schema.Detail, Meta, error) {
	var d schema.Detail
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(name), nil, &d)
	return d, meta, err
}

// Holds reads what holds one workflow back. It does not depend on CouchDB.
func (c *Client) Holds(ctx context.Context, name string) ([]schema.Hold, Meta, error) {
	var holds []schema.Hold
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(name)+"/holds", nil, &holds)
	return holds, meta, err
}

// Sites reads the summaries of all sites. Agents does the same for agents.
func (c *Client) Sites(ctx context.Context) ([]schema.Site, Meta, error) {
	return all[schema.Site](ctx, c, "/sites")
}
func (c *Client) Agents(ctx context.Context) ([]schema.AgentDetail, Meta, error) {
	return all[schema.AgentDetail](ctx, c, "/agent")
}

// SitePage reads one page of sites. Terms, Sort and Fields use the keys of the site
// record (wire.Groups); without a Limit it reads all records from Idx on. Meta.Total
// counts the records under the conditions, Meta.Next is the address of the next
// page. CampaignPage, ReleasePage and AgentPage do the same for those.
func (c *Client) SitePage(ctx context.Context, q wire.Query) ([]schema.Site, Meta, error) {
	return groupPage[schema.Site](ctx, c, "/sites", q)
}
func (c *Client) CampaignPage(ctx context.Context, q wire.Query) ([]schema.Campaign, Meta, error) {
	return groupPage[schema.Campaign](ctx, c, "/campaign", q)
}
func (c *Client) ReleasePage(ctx context.Context, q wire.Query) ([]schema.Release, Meta, error) {
	return groupPage[schema.Release](ctx, c, "/release", q)
}
func (c *Client) AgentPage(ctx context.Context, q wire.Query) ([]schema.Agent, Meta, error) {
	return groupPage[schema.Agent](ctx, c, "/agent", q)
}

// StrayPage is SitePage for workflows with stray jobs.
func (c *Client) StrayPage(ctx context.Context, q wire.Query) ([]schema.StrayWorkflow, Meta, error) {
	return groupPage[schema.StrayWorkflow](ctx, c, "/stray", q)
}

func groupPage[T any](ctx context.Context, c *Client, path string, q wire.Query) ([]T, Meta, error) {
	q.Format, q.Download = wire.JSON, false
	var records []T
	meta, err := c.get(ctx, path, wire.Groups[T]().Values(q), &records)
	return records, meta, err
}

// mostPages limits the number of next links to follow, in case they never end.
const mostPages = 1000

// all reads a whole list by its next links, which stay on one generation. The limits
// of one call apply to all pages together.
func all[T any](ctx context.Context, c *Client, path string) ([]T, Meta, error) {
	within, cancel := context.WithTimeout(ctx, c.http.Timeout)
	defer cancel()
	left := c.maxBody
	var out []T
	var first Meta
	var query url.Values
	for page := range mostPages {
		var records []T
		meta, err := c.getWithin(within, path, query, &records, &left)
		if err != nil && within.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if err != nil {
			return nil, meta, err
		}
		if page == 0 {
			first = meta
		}
		out = append(out, records...)
		if meta.Next == "" {
			return out, first, nil
		}
		next, err := url.Parse(meta.Next)
		if err != nil || !strings.HasSuffix(next.Path, path) {
			return nil, meta, fmt.Errorf("get %s: next page %q is a different resource", path, meta.Next)
		}
		query = next.Query()
	}
	return nil, first, fmt.Errorf("get %s: more than %d pages", path, mostPages)
}

// Site reads one site with a page of its workflows; all parameters of a list are
// allowed. Campaign, Release and Agent do the same for those.
func (c *Client) Site(ctx context.Context, name string, q wire.Query) (Site, error) {
	var g Site
	meta, err := c.get(ctx, "/sites/"+url.PathEscape(name), plain(q), &g)
	g.Meta = meta
	return g, err
}

func (c *Client) Campaign(ctx context.Context, name string, q wire.Query) (Campaign, error) {
	var g Campaign
	meta, err := c.get(ctx, "/campaign/"+url.PathEscape(name), plain(q), &g)
	g.Meta = meta
	return g, err
}

func (c *Client) Release(ctx context.Context, name string, q wire.Query) (Release, error) {
	var g Release
	meta, err := c.get(ctx, "/release/"+url.PathEscape(name), plain(q), &g)
	g.Meta = meta
	return g, err
}

func (c *Client) Agent(ctx context.Context, name string, q wire.Query) (Agent, error) {
	var g Agent
	meta, err := c.get(ctx, "/agent/"+url.PathEscape(name), plain(q), &g)
	g.Meta = meta
	return g, err
}

// plain returns the parameters for a group, without envelope and facets.
func plain(q wire.Query) url.Values {
	q.Envelope, q.Facets, q.Format, q.Download, q.All = false, nil, wire.JSON, false, false
	return q.Values()
}

// Stats reads workflow counts and totals of counters under the terms of q, grouped
// by up to two fields. Without by there is one group with all workflows.
func (c *Client) Stats(ctx context.Context, q wire.Query, by, sum []string) (wire.Stats, Meta, error) {
	v := wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names, Gen: q.Gen}.Values()
	if len(by) > 0 {
		v.Set("by", strings.Join(by, ","))
	}
	if len(sum) > 0 {
		v.Set("sum", strings.Join(sum, ","))
	}
	var s wire.Stats
	meta, err := c.get(ctx, "/stats", v, &s)
	return s, meta, err
}

// Statuses reads the summaries of all statuses with workflows.
func (c *Client) Statuses(ctx context.Context) ([]schema.StatusSummary, Meta, error) {
	return all[schema.StatusSummary](ctx, c, "/status")
}

// Attention reads the workflows and agents that need attention; v has the
// parameters of the API.
func (c *Client) Attention(ctx context.Context, v url.Values) (wire.Attention, Meta, error) {
	var a wire.Attention
	meta, err := c.get(ctx, "/attention", v, &a)
	return a, meta, err
}

// Suggest reads what each condition of q does, and what may have been meant by
// values that no workflow has.
func (c *Client) Suggest(ctx context.Context, q wire.Query) (wire.Suggestions, Meta, error) {
	v := wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names, Gen: q.Gen}.Values()
	var s wire.Suggestions
	meta, err := c.get(ctx, "/suggest", v, &s)
	return s, meta, err
}

// SuggestGroups is Suggest for a list of groups: path is that of the list, and v are
// filters of it.
func (c *Client) SuggestGroups(ctx context.Context, path string, v url.Values) (wire.Suggestions, Meta, error) {
	var s wire.Suggestions
	meta, err := c.get(ctx, "/suggest"+path, v, &s)
	return s, meta, err
}

// Changes reads the changes to the workflows under the terms of q since a
// generation. Age conditions can't be followed; for them the error is a
// *wire.Problem.
func (c *Client) Changes(ctx context.Context, q wire.Query, since string) (wire.Change, Meta, error) {
	var change wire.Change
	meta, err := c.get(ctx, "/changes", q.ValuesSince(since), &change)
	return change, meta, err
}

// Facet reads the values of a field that begin with prefix, ignoring case, with
// counts under the terms of q except those on the field itself.
func (c *Client) Facet(ctx context.Context, q wire.Query, field, prefix string, limit int) (wire.FacetPage, Meta, error) {
	v := wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names, Gen: q.Gen}.Values()
	if prefix != "" {
		v.Set("prefix", prefix)
	}
	v.Set("limit", strconv.Itoa(limit))
	var page wire.FacetPage
	meta, err := c.get(ctx, "/facet/"+url.PathEscape(field), v, &page)
	return page, meta, err
}

// Pulse reads the freshness of the data. since, Unix s, asks how many items of
// Attention are new; 0 asks for none. Attention and New are -1 if absent.
func (c *Client) Pulse(ctx context.Context, since int64) (wire.Pulse, error) {
	v := url.Values{}
	if since > 0 {
		v.Set("since", strconv.FormatInt(since, 10))
	}
	info := wire.Pulse{Attention: -1, New: -1}
	_, err := c.get(ctx, "/pulse", v, &info)
	return info, err
}

// About reads the description of the running server and its recent activity.
func (c *Client) About(ctx context.Context) (wire.About, error) {
	var about wire.About
	_, err := c.get(ctx, "/about", nil, &about)
	return about, err
}
