package api

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
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
		path: "/sites", noun: "site", key: "Site", term: site, kind: timeline.Site,
		find: func(generation *store.Generation, want string) (groupRecord, bool, []string) {
			if d, ok := generation.Site(want); ok {
				return groupRecord{schema.AppendJSON(nil, &d), d.NotEnded()}, true, nil
			}
			return recordNamed(generation.Sites(), want, func(s *schema.Site) (string, *schema.Counters) { return s.Site, &s.Counters })
		},
	}
	campaigns := group{
		path: "/campaign", noun: "campaign", key: "Campaign", term: orNone("Campaign"), kind: timeline.Campaign, more: a.campaignHolds,
		find: func(generation *store.Generation, want string) (groupRecord, bool, []string) {
			return recordNamed(generation.Campaigns(), want, func(s *schema.Campaign) (string, *schema.Counters) { return s.Campaign, &s.Counters })
		},
	}
	releases := group{
		path: "/release", noun: "release", key: "Release", term: orNone("Release"), kind: timeline.Release,
		find: func(generation *store.Generation, want string) (groupRecord, bool, []string) {
			return recordNamed(generation.Releases(), want, func(s *schema.Release) (string, *schema.Counters) { return s.Release, &s.Counters })
		},
	}
	agents := group{
		path: "/agent", noun: "agent", key: "Agent", term: self("Agents"), kind: timeline.Agent, more: a.agentDrain,
		find: func(generation *store.Generation, want string) (groupRecord, bool, []string) {
			return recordNamed(a.o.Store.Agents(generation), want, func(d *schema.AgentDetail) (string, *schema.Counters) { return d.Agent.Agent, &d.Counters })
		},
	}
	return []group{
		listed(a, sites, true, (*store.Generation).SitesAt),
		listed(a, campaigns, false, still((*store.Generation).Campaigns)),
		listed(a, releases, false, still((*store.Generation).Releases)),
		listed(a, agents, true, func(generation *store.Generation, at store.AsOf) []schema.Agent {
			details := generation.AgentsAt(at)
			flat := make([]schema.Agent, len(details))
			for i := range details {
				flat[i] = details[i].Agent
			}
			return flat
		}),
	}
}

// recordNamed returns the record of a name, or all names. of returns the name and
// the counters of a record.
func recordNamed[T any](records []T, want string, of func(*T) (string, *schema.Counters)) (found groupRecord, ok bool, names []string) {
	names = make([]string, len(records))
	for i := range records {
		name, counters := of(&records[i])
		if name == want {
			return groupRecord{schema.AppendJSON(nil, &records[i]), counters.NotEnded()}, true, nil
		}
		names[i] = name
	}
	return found, false, names
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
		found, ok, names := g.find(generation, name)
		if !ok {
			return wire.NotFound(g.noun, name, wire.Near(name, around(names, name), 3))
		}
		filter := q
		filter.Terms = append(slices.Clone(q.Terms), g.term(name))
		with := &member{key: g.key, record: found.record, more: func(ctx context.Context, o *objectWriter) error {
			rate := a.rate(g.kind, name, found.jobsLeft)
			o.value("Rate", rate)
			if g.more == nil {
				return nil
			}
			return g.more(ctx, generation, o, g.term(name), rate)
		}}
		return a.sendWorkflows(c, generation, workflowList{query: q, filter: filter, group: with})
	}
}

// rate returns how fast the jobs of a name end, with an estimate for those that
// are left.
func (a *API) rate(kind timeline.Kind, name string, left int64) (r schema.Rate) {
	now := a.o.Now().Unix()
	if a.o.History != nil {
		r = a.o.History.Rate(kind, name, now-schema.RateSpan)
	}
	r.Estimate(left, now)
	return r
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
