package api

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func (a *API) allGroups() []group {
	self := func(field string) func(string) wire.Term {
		return func(name string) wire.Term { return wire.Term{Field: field, Op: wire.In, Values: []string{name}} }
	}
	// A workflow without a campaign or release is counted under (none).
	orNone := func(field string) func(string) wire.Term {
		return func(name string) wire.Term {
			if name == schema.None {
				return wire.Term{Field: field, Op: wire.HasNot}
			}
			return self(field)(name)
		}
	}
	// Jobs without a site are counted under (none).
	site := func(name string) wire.Term {
		if name == schema.None {
			return wire.Term{Field: "HasUnplacedJobs", Op: wire.Has}
		}
		return self("Sites")(name)
	}
	sites := group{
		path: "/sites", noun: "site", key: "Site", term: site,
		find: func(generation *store.Generation, want string) ([]byte, bool, []string) {
			if d, ok := generation.Site(want); ok {
				return schema.AppendJSON(nil, &d), true, nil
			}
			return recordNamed(generation.Sites(), want, func(s *schema.Site) string { return s.Site })
		},
	}
	campaigns := group{
		path: "/campaign", noun: "campaign", key: "Campaign", term: orNone("Campaign"), more: a.campaignHolds,
		find: func(generation *store.Generation, want string) ([]byte, bool, []string) {
			return recordNamed(generation.Campaigns(), want, func(s *schema.Campaign) string { return s.Campaign })
		},
	}
	releases := group{
		path: "/release", noun: "release", key: "Release", term: orNone("Release"),
		find: func(generation *store.Generation, want string) ([]byte, bool, []string) {
			return recordNamed(generation.Releases(), want, func(s *schema.Release) string { return s.Release })
		},
	}
	agents := group{
		path: "/agent", noun: "agent", key: "Agent", term: self("Agents"), more: a.agentDrain,
		find: func(generation *store.Generation, want string) ([]byte, bool, []string) {
			return recordNamed(a.o.Store.Agents(generation), want, func(d *schema.AgentDetail) string { return d.Agent.Agent })
		},
	}
	return []group{
		listed(a, sites, true, (*store.Generation).Sites),
		listed(a, campaigns, false, (*store.Generation).Campaigns),
		listed(a, releases, false, (*store.Generation).Releases),
		listed(a, agents, true, func(generation *store.Generation) []schema.Agent {
			details := a.o.Store.Agents(generation)
			flat := make([]schema.Agent, len(details))
			for i := range details {
				flat[i] = details[i].Agent
			}
			return flat
		}),
	}
}

// recordNamed returns the encoded record of a name, or all names.
func recordNamed[T any](records []T, want string, name func(*T) string) (record []byte, ok bool, names []string) {
	names = make([]string, len(records))
	for i := range records {
		if names[i] = name(&records[i]); names[i] == want {
			return schema.AppendJSON(nil, &records[i]), true, nil
		}
	}
	return nil, false, names
}

// around returns some hundred sorted names around a name: comparing it with
// all of them could take long.
func around(names []string, name string) []string {
	const each = 256
	at, _ := slices.BinarySearch(names, name)
	return names[max(0, at-each):min(len(names), at+each)]
}

// showGroup handles GET /sites/{site} and the other group pages: the summary
// record and the page of its workflows.
func (a *API) showGroup(g group) echo.HandlerFunc {
	return func(c echo.Context) error {
		q, err := wire.ParseQuery(c.QueryParams())
		if err != nil {
			return err
		}
		name, err := pathName(c)
		if err != nil {
			return err
		}
		generation, err := a.generation(c, q)
		if err != nil {
			return err
		}
		record, ok, names := g.find(generation, name)
		if !ok {
			return wire.NotFound(g.noun, name, wire.Near(name, around(names, name), 3))
		}
		filter := q
		filter.Terms = append(slices.Clone(q.Terms), g.term(name))
		with := &member{key: g.key, record: record}
		if g.more != nil {
			with.more = func(ctx context.Context) ([]byte, error) { return g.more(ctx, generation, g.term(name)) }
		}
		return a.sendWorkflows(c, generation, workflowList{query: q, filter: filter, group: with})
	}
}

// listStatuses handles GET /status: the totals by status, in the order of the
// life cycle.
func (a *API) listStatuses(c echo.Context) error {
	fields := schema.Describe[schema.StatusSummary]()
	p, err := parseListParams(c, fields)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, p.Query)
	if err != nil {
		return err
	}
	return sendWhole(c, a, generation, p, "statuses", fields, generation.Statuses())
}
