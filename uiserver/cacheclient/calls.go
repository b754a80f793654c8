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

// Site, Campaign, Release and Agent are the summary of one such thing with a
// page of its workflows.
type (
	Site struct {
		Site schema.SiteDetail
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Campaign struct {
		Campaign schema.Campaign
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Release struct {
		Release schema.Release
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
	Agent struct {
		Agent schema.AgentDetail
		wire.Group[schema.Workflow]
		Meta Meta `json:"-"`
	}
)

// Fetch reads one page of workflows, with facets if the query asks for some.
func (c *Client) Fetch(ctx context.Context, q wire.Query) (List, error) {
	q.Envelope, q.Format, q.Download, q.All = true, wire.JSON, false, false
	var list List
	meta, err := c.get(ctx, "/fetch", q.Values(), &list.Envelope)
	list.Meta = meta
	return list, err
}

// Workflow reads all that is known of one workflow. An unknown one is a
// *wire.Problem with status 404 and near names.
func (c *Client) Workflow(ctx context.Context, name string) (schema.Detail, Meta, error) {
	var d schema.Detail
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(name), nil, &d)
	return d, meta, err
}

// Sites, Campaigns, Releases and Agents read the summaries of all of them.
func (c *Client) Sites(ctx context.Context) ([]schema.Site, Meta, error) {
	return all[schema.Site](ctx, c, "/sites")
}
func (c *Client) Campaigns(ctx context.Context) ([]schema.Campaign, Meta, error) {
	return all[schema.Campaign](ctx, c, "/campaign")
}
func (c *Client) Releases(ctx context.Context) ([]schema.Release, Meta, error) {
	return all[schema.Release](ctx, c, "/release")
}
func (c *Client) Agents(ctx context.Context) ([]schema.AgentDetail, Meta, error) {
	return all[schema.AgentDetail](ctx, c, "/agent")
}

// SitePage, CampaignPage, ReleasePage and AgentPage read one page of such a list.
// Terms, Text, Sort, Fields, Gen, Idx and Limit are in the keys of the list's own
// record (wire.Groups); without a Limit it is all from Idx on. Meta.Total counts
// the records under the conditions, Meta.Next leads on.
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

func groupPage[T any](ctx context.Context, c *Client, path string, q wire.Query) ([]T, Meta, error) {
	q.Format, q.Download = wire.JSON, false
	var records []T
	meta, err := c.get(ctx, path, wire.Groups[T]().Values(q), &records)
	return records, meta, err
}

// mostPages bounds a walk along next links, against a server that never ends.
const mostPages = 1000

// all reads a whole list along its next links, which stay on one generation. The
// bounds of one call are those of all of it.
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
			return nil, meta, fmt.Errorf("get %s: next page %q is somewhere else", path, meta.Next)
		}
		query = next.Query()
	}
	return nil, first, fmt.Errorf("get %s: more than %d pages", path, mostPages)
}

// Site reads one site with a page of its workflows; all parameters of a list
// are allowed. Campaign, Release and Agent are the same for those.
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

// plain are the parameters of a group: no envelope, no facets.
func plain(q wire.Query) url.Values {
	q.Envelope, q.Facets, q.Format, q.Download, q.All = false, nil, wire.JSON, false, false
	return q.Values()
}

// Stats counts the workflows under the terms of q in groups of up to two
// fields, and sums up counters. Without by it is one group: all of them.
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

// Statuses reads the summaries of the statuses that are there.
func (c *Client) Statuses(ctx context.Context) ([]schema.StatusSummary, Meta, error) {
	return all[schema.StatusSummary](ctx, c, "/status")
}

// Attention reads what needs attention: under all rules, or those named.
func (c *Client) Attention(ctx context.Context, rules []string) (wire.Attention, Meta, error) {
	v := url.Values{}
	if len(rules) > 0 {
		v.Set("rule", strings.Join(rules, ","))
	}
	var a wire.Attention
	meta, err := c.get(ctx, "/attention", v, &a)
	return a, meta, err
}

// Changes reads what was done since a generation to the list of workflows under
// the terms of q. Bounds of age can't be followed: they are a *wire.Problem.
func (c *Client) Changes(ctx context.Context, q wire.Query, since string) (wire.Change, Meta, error) {
	v := wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names}.Values()
	// since= is a generation here; the bound of the time has its long name.
	if at := v.Get("since"); at != "" {
		v.Set("minStatusTime", at)
	}
	v.Set("since", since)
	var change wire.Change
	meta, err := c.get(ctx, "/changes", v, &change)
	return change, meta, err
}

// Facet reads the values of a field that begin with prefix, in any case of
// letters, with counts under the terms of q but those on the field itself.
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

// Pulse reads how fresh the data are. Attention is -1 when it is not told.
func (c *Client) Pulse(ctx context.Context) (wire.Pulse, error) {
	info := wire.Pulse{Attention: -1}
	_, err := c.get(ctx, "/pulse", nil, &info)
	return info, err
}

// About reads what the server says of itself and of what it did lately.
func (c *Client) About(ctx context.Context) (wire.About, error) {
	var about wire.About
	_, err := c.get(ctx, "/about", nil, &about)
	return about, err
}
