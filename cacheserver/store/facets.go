package store

import (
	"context"
	"fmt"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// Facets counts the values of the fields in q.Facets. Counts are exact and apply
// all conditions but those on the field itself. The result is shared and must
// not be changed.
func (g *Generation) Facets(ctx context.Context, q wire.Query) (map[string]wire.FacetResult, error) {
	return g.facets(ctx, q, "")
}

// Facet counts the values of one field that begin with prefix, in lower case, as
// Facets does. Distinct and Other count only such values.
func (g *Generation) Facet(ctx context.Context, q wire.Query, f wire.Facet, prefix string) (wire.FacetResult, error) {
	q.Facets = []wire.Facet{f}
	all, err := g.facets(ctx, q, prefix)
	return all[f.Field], err
}

func (g *Generation) facets(ctx context.Context, q wire.Query, prefix string) (map[string]wire.FacetResult, error) {
	out := make(map[string]wire.FacetResult, len(q.Facets))
	filter := filterKey(q)
	var s *table.Scan
	for _, f := range q.Facets {
		key := fmt.Sprintf("facet|%s|%s|%d|%q|%s", g.id, f.Field, f.Limit, prefix, filter)
		if kept, ok := g.with.opt.Cache.Get(key); ok {
			if r, ok := kept.(wire.FacetResult); ok {
				out[f.Field] = r
				continue
			}
		}
		if s == nil {
			var err error
			if s, err = g.table.Scan(budget.From(ctx), g.time.Unix(), q); err != nil {
				return nil, err
			}
		}
		r, err := s.Facet(f, prefix)
		if err != nil {
			return nil, err
		}
		out[f.Field] = r
		g.with.opt.Cache.Set(key, r, int64(len(key)+64+64*len(r.Values)))
	}
	return out, nil
}

// Count returns the number of workflows that match q. The result is not kept.
func (g *Generation) Count(ctx context.Context, q wire.Query) (int, error) {
	if !narrows(q) {
		return g.Total(), nil
	}
	s, err := g.table.Scan(budget.From(ctx), g.time.Unix(), q)
	if err != nil {
		return 0, err
	}
	set, err := s.Matches("")
	if err != nil || set == nil {
		return g.Total(), err
	}
	return set.Len(), nil
}

// Values counts all values of one field among the workflows that match q, in any
// order. The result is not kept.
func (g *Generation) Values(ctx context.Context, q wire.Query, field string) ([]wire.FacetValue, error) {
	s, err := g.table.Scan(budget.From(ctx), g.time.Unix(), q)
	if err != nil {
		return nil, err
	}
	return s.Values(field)
}

// EachName calls f with the names of all workflows, ascending, until it returns
// false. A name must not be kept.
func (g *Generation) EachName(f func(name []byte) bool) {
	g.table.Range(0, g.Total(), func(b *block.Block, i, j int) bool {
		for ; i < j; i++ {
			if !f(b.Name(g.table.Layout, i)) {
				return false
			}
		}
		return true
	})
}

// Stats groups the workflows that match q by one or two fields and adds up the
// fields in sum, which must be whole numbers, in each group; -1, unknown, is
// ignored. total is the number of matching workflows. The error may be a
// *table.TooManyGroupsError or a *table.ArgumentError.
func (g *Generation) Stats(ctx context.Context, q wire.Query, by, sum []string) (groups []wire.StatsGroup, total int, err error) {
	s, err := g.table.Scan(budget.From(ctx), g.time.Unix(), q)
	if err != nil {
		return nil, 0, err
	}
	return s.Stats(by, sum)
}
