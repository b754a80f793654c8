package table

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// Scan is a query prepared for one table: which records match, in which order,
// and how many there are of each value. It reads the columns of the blocks and
// never whole records. It keeps no results; that is up to its caller. It is not
// safe for concurrent use. It spends the budget of its request; when that is
// exhausted, its methods return the budget's error.
type Scan struct {
	budget *budget.Budget
	table  *Table
	now    int64 // time of the generation, Unix s
	checks []check
	common *Set // for facets: the matches of all conditions; nil before the first use
}

// check is one condition. Cheap conditions come first.
type check struct {
	field string // of a Term, else empty
	cost  int
	share int // of the matching records, in percent, if it can be estimated
	// keep clears the bits of the records of a run that don't match.
	keep func(r *run, words []uint64)
	// whole does the same for all records at once; it replaces keep.
	whole func(s *Set)
}

// Costs of a condition, in the order in which they are evaluated.
const (
	costWhole = iota
	costCode
	costNumber
	costList
	costText
	costSearch
)

// errField means that the record has no such key.
var errField = errors.New("the record has no such field")

// errByName means that records are already in the order of their names.
var errByName = errors.New("the order of names needs no sort")

// column returns the column that a condition, facet or group uses: for the main
// value of a list, such as Campaign, the list of all (wire.MainField).
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

// err returns why the scan had to stop; nil while it may continue.
func (s *Scan) err() error {
	if err := s.budget.Stopped(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// spend counts the work on a run: each steps per record.
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

// sideways returns the result of Matches for a facet. Most facets are on fields
// without a condition: they share one set, which must not be changed.
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
