package table

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// Scan prepares a query. now is the time of the generation.
func (t *Table) Scan(b *budget.Budget, now int64, q wire.Query) (*Scan, error) {
	s := &Scan{budget: b, table: t, now: now}
	for _, term := range q.Terms {
		c, err := s.term(term)
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", term.Field, err)
		}
		s.checks = append(s.checks, c)
	}
	if len(q.Names) > 0 {
		s.checks = append(s.checks, check{whole: s.names(q.Names)})
	}
	if q.After != "" {
		s.checks = append(s.checks, check{whole: s.after(q.After)})
	}
	if q.Text != "" {
		s.checks = append(s.checks, s.search(wire.Words(q.Text)))
	}
	slices.SortStableFunc(s.checks, func(a, b check) int { return cmp.Or(a.cost-b.cost, a.share-b.share) })
	return s, s.err()
}

// nameSteps are the steps of finding one name.
const nameSteps = 1000

// names keeps the records of the given names.
func (s *Scan) names(names []string) func(*Set) {
	return func(set *Set) {
		wanted := s.table.NewSet()
		for _, name := range names {
			if !s.budget.Spend(nameSteps) {
				return
			}
			if at, ok := s.table.Search(name); ok {
				wanted.Add(at)
			}
		}
		set.And(wanted)
	}
}

// after keeps the records that come after name.
func (s *Scan) after(name string) func(*Set) {
	return func(set *Set) {
		from, found := s.table.Search(name)
		if found {
			from++
		}
		for k := range s.table.runs() {
			r := s.table.run(k)
			start := r.start()
			if start >= from {
				return
			}
			words := set.run(k)
			gone := min(from-start, r.len())
			clear(words[:gone/64])
			if rest := gone % 64; rest != 0 {
				words[gone/64] &^= 1<<rest - 1
			}
		}
	}
}
