package api

import (
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// group is a kind of sum over workflows: /sites, /campaign, /agent, /release.
type group struct {
	path  string
	noun  string // for people
	key   string // of the summary record in the answer of one
	term  func(name string) wire.Term
	find  func(snap *store.Snapshot, name string) (record []byte, ok bool, names []string)
	write func(c echo.Context, a *API, snap *store.Snapshot, p listParams) error
	keys  []schema.Field // of the list's records
}

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
	agents := groupOf("/agent", "agent", "Agent", self("Agents"), a.o.Store.Agents,
		func(d *schema.AgentDetail) string { return d.Agent.Agent })
	agents.keys = schema.Describe[schema.Agent]()
	agents.write = func(c echo.Context, a *API, snap *store.Snapshot, p listParams) error {
		details := a.o.Store.Agents(snap)
		flat := make([]schema.Agent, len(details))
		for i := range details {
			flat[i] = details[i].Agent
		}
		return writeRecords(c, a, snap, p, "agents", agents.keys, flat)
	}
	// Jobs that have no site yet are counted under (none).
	site := func(name string) wire.Term {
		if name == schema.None {
			return wire.Term{Field: "HasUnplacedJobs", Op: wire.Has}
		}
		return self("Sites")(name)
	}
	sites := groupOf("/sites", "site", "Site", site, (*store.Snapshot).Sites,
		func(s *schema.Site) string { return s.Site })
	summary := sites.find
	sites.find = func(snap *store.Snapshot, want string) ([]byte, bool, []string) {
		if d, ok := snap.Site(want); ok {
			return schema.AppendJSON(nil, &d), true, nil
		}
		return summary(snap, want)
	}
	return []group{
		sites,
		groupOf("/campaign", "campaign", "Campaign", orNone("Campaign"), (*store.Snapshot).Campaigns,
			func(s *schema.Campaign) string { return s.Campaign }),
		groupOf("/release", "release", "Release", orNone("Release"), (*store.Snapshot).Releases,
			func(s *schema.Release) string { return s.Release }),
		agents,
	}
}

// groupOf makes a group whose sums are records of type T.
func groupOf[T any](path, noun, key string, term func(string) wire.Term, all func(*store.Snapshot) []T, name func(*T) string) group {
	g := group{path: path, noun: noun, key: key, term: term, keys: schema.Describe[T]()}
	g.find = func(snap *store.Snapshot, want string) ([]byte, bool, []string) {
		records := all(snap)
		names := make([]string, len(records))
		for i := range records {
			if names[i] = name(&records[i]); names[i] == want {
				return schema.AppendJSON(nil, &records[i]), true, nil
			}
		}
		return nil, false, names
	}
	g.write = func(c echo.Context, a *API, snap *store.Snapshot, p listParams) error {
		return writeRecords(c, a, snap, p, noun+"s", g.keys, all(snap))
	}
	return g
}

// around are some hundred of sorted names that come before and after a name:
// comparing it with all of them could take long.
func around(names []string, name string) []string {
	const each = 256
	at, _ := slices.BinarySearch(names, name)
	return names[max(0, at-each):min(len(names), at+each)]
}

// listGroup handles GET /sites and its kin.
func (a *API) listGroup(g group) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := parseListParams(c, g.keys)
		if err != nil {
			return err
		}
		snap, err := a.snapshot(c, p.Query)
		if err != nil {
			return err
		}
		return g.write(c, a, snap, p)
	}
}

// showGroup handles GET /sites/{site} and its kin: the summary record and the
// page of its workflows.
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
		snap, err := a.snapshot(c, q)
		if err != nil {
			return err
		}
		record, ok, names := g.find(snap, name)
		if !ok {
			return wire.NotFound(g.noun, name, wire.Near(name, around(names, name), 3))
		}
		filter := q
		filter.Terms = append(slices.Clone(q.Terms), g.term(name))
		return a.writeSelection(c, snap, selection{
			query: q, filter: filter, name: "workflows", group: &member{g.key, record},
		})
	}
}

// listStatuses handles GET /status: the sums by status, in the order of the
// life cycle.
func (a *API) listStatuses(c echo.Context) error {
	fields := schema.Describe[schema.StatusSummary]()
	p, err := parseListParams(c, fields)
	if err != nil {
		return err
	}
	snap, err := a.snapshot(c, p.Query)
	if err != nil {
		return err
	}
	return writeRecords(c, a, snap, p, "statuses", fields, snap.Statuses())
}

// writeRecords writes a list of records that is not paged. snap is nil for
// lists that no generation has.
func writeRecords[T any](c echo.Context, a *API, snap *store.Snapshot, p listParams, name string, fields []schema.Field, records []T) error {
	began := a.o.Now()
	format, err := chooseFormat(c, p.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	encoded, version, err := encodeAll(c.Request().Context(), records)
	if err != nil {
		return err
	}
	ans := answer{
		format: format, body: render.List(format, fields, p.keys, len(encoded), render.Slice(encoded)),
		version: version, keys: p.keys, pinned: p.Gen != "", began: began, filter: a.o.Now().Sub(began),
	}
	if p.Download {
		ans.name = name
	}
	if snap != nil {
		a.describeState(c, snap)
	}
	c.Response().Header()[wire.HeaderTotal] = []string{strconv.Itoa(len(encoded))}
	return a.write(c, ans)
}
