package table

import (
	"errors"
	"fmt"
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

// errField says that the record has no such key.
var errField = errors.New("the record has no such field")

// errByName says that records are in the order of their names already.
var errByName = errors.New("the order of names needs no sort")

// column returns the column that a condition, a facet or a group looks into: of the
// main value of a list, such as Campaign, the list of all (wire.MainField).
func (s *Scan) column(key string) (int, *block.Column, error) {
	key, alone := wire.FieldOfMain(key)
	k, ok := s.table.Layout.Column(key)
	if ok && !alone {
		if all := s.table.Layout.Columns[k].All; all != "" {
			k, ok = s.table.Layout.Column(all)
		}
	}
	if !ok {
		return 0, nil, errField
	}
	return k, &s.table.Layout.Columns[k], nil
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

// sideways returns what Matches returns for a facet. Most facets are on fields that no
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
