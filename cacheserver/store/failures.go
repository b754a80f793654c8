package store

import (
	"cmp"

	"github.com/dmwm/wmstats/schema"
)

// lockedNames is how many workflows are looked at with the writers' lock held.
const lockedNames = 64

// Failures counts the failed jobs of a generation by agent: those of the named
// workflows, as their agents report now, or, where names is nil, of all.
func (g *Snapshot) Failures(names []string) map[string]int64 {
	out := map[string]int64{}
	if names == nil {
		for a := range g.sums.Agents.All() {
			out[a.Agent] = a.Failure
		}
		return out
	}
	for len(names) > 0 {
		n := min(len(names), lockedNames)
		g.addFailures(names[:n], out)
		names = names[n:]
	}
	return out
}

func (g *Snapshot) addFailures(names []string, to map[string]int64) {
	s := g.store
	status, _ := s.layout.Column("Status")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		e := s.entries[name]
		at, ok := g.tree.Search(name)
		if e == nil || !ok {
			continue
		}
		b, i := g.tree.At(at)
		col := &s.layout.Columns[status]
		for _, d := range s.joined(e, col.Dict.Texts()[b.Int(col, i)]) {
			counts, err := s.names.Counts(d.packed)
			if err != nil {
				continue // unpack has logged it when the record was made
			}
			to[cmp.Or(s.names.Agent(d.packed), schema.Unknown)] += counts.Derive().Failure
		}
	}
}
