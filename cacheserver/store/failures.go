package store

import (
	"cmp"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// Failures counts the failed jobs of a generation by agent: those of the named
// workflows or, if names is nil, of all.
func (g *Generation) Failures(names []string) map[string]int64 {
	out := map[string]int64{}
	if names == nil {
		for a := range g.sums.Agents.All() {
			out[a.Agent.Agent] = a.Failure
		}
		return out
	}
	for _, name := range names {
		at, ok := g.table.Search(name)
		if !ok {
			continue
		}
		b, i := g.table.At(at)
		g.state.EachReport(b.Source(i), func(r join.JoinedReport) {
			out[cmp.Or(r.Agent, schema.Unknown)] += r.Failed
		})
	}
	return out
}
