package table

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// Scan is a query made ready for one table: which records match, in which order,
// and how many there are of each value. It reads the columns of the blocks and
// never a whole record. It keeps nothing; what is worth keeping is kept by its
// caller. Not safe for concurrent use. It spends the budget of its request; when
// that is exhausted, what it returns is the budget's error.
type Scan struct {
	budget *budget.Budget
	table  *Table
	now    int64 // time of the generation, Unix s
	checks []check
	common *Set // for facets: what matches all conditions; nil before the first that wants it
}

// check is one condition. Conditions that cost least come first.
type check struct {
	field string // of a Term, else empty
	cost  int
	share int // of the records that match, in percent, where that can be guessed
	// keep clears the bits of the records of a run that don't match.
	keep func(r *run, words []uint64)
	// whole does the same for all records at once; it replaces keep.
	whole func(s *Set)
}

// Costs of a condition, in the order they are tried.
const (
	costWhole = iota
	costCode
	costNumber
	costList
	costText
	costSearch
)

// Scan checks the conditions of a query. now is the time of the generation.
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
		s.checks = append(s.checks, s.search(q.Text))
	}
	slices.SortStableFunc(s.checks, func(a, b check) int { return cmp.Or(a.cost-b.cost, a.share-b.share) })
	return s, s.err()
}

// err is why the scan had to stop; nil while it may go on.
func (s *Scan) err() error {
	if err := s.budget.Stopped(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// spend counts the work on a run: each steps for each record.
func (s *Scan) spend(r *run, each int) bool { return s.budget.Spend(each * r.len()) }

// Matches returns the records that match all conditions but those on the field
// without, which may be empty. Nil means all records.
func (s *Scan) Matches(without string) (*Set, error) {
	var set *Set
	for _, c := range s.checks {
		if c.field != "" && c.field == without {
			continue
		}
		if set == nil {
			set = s.table.NewSet()
			set.Fill()
		}
		if c.whole != nil {
			c.whole(set)
			continue
		}
		for k := range s.table.runs() {
			r, words := s.table.run(k), set.run(k)
			if empty(words) {
				continue
			}
			if !s.spend(&r, 2) {
				return nil, s.err()
			}
			c.keep(&r, words)
		}
	}
	return set, s.err()
}

// sideways gives what Matches gives for a facet. Most facets are on fields that no
// condition is on: they share one set, which must not be changed.
func (s *Scan) sideways(field string) (set *Set, err error) {
	if slices.ContainsFunc(s.checks, func(c check) bool { return c.field == field }) {
		return s.Matches(field)
	}
	if s.common == nil {
		s.common, err = s.Matches("")
	}
	return s.common, err
}

func empty(words []uint64) bool {
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}

// sparse says that testing bit by bit is cheaper than testing all.
func sparse(words []uint64) bool {
	n := 0
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	return n < 8*len(words)
}

// narrow keeps the bits of words for which keep is true, of n records.
func narrow(words []uint64, n int, keep func(i int) bool) {
	for k, w := range words {
		for rest := w; rest != 0; rest &= rest - 1 {
			bit := bits.TrailingZeros64(rest)
			if i := k*64 + bit; i >= n || !keep(i) {
				w &^= 1 << bit
			}
		}
		words[k] = w
	}
}

// narrowRecords is narrow for conditions that read the encoded records.
func narrowRecords(r *run, words []uint64, keep func(b *block.Block, i int) bool) {
	b, start, end := 0, 0, r.at(1)
	narrow(words, r.len(), func(i int) bool {
		for i >= end {
			b++
			start, end = end, r.at(b+1)
		}
		return keep(r.blocks[b], i-start)
	})
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
