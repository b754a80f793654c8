package sums

import (
	"iter"
	"slices"
)

// group is a running sum that can be shown as a record of type R.
type group[R any] interface {
	empty() bool
	record(name string) *R
}

// Rows are the records of one kind, by name. They are immutable; two of them
// share what did not change between them, so that a view of thousands of groups
// costs what the few that changed cost.
type Rows[R any] struct{ pages [][]*R } // of pageLen rows, the last one of fewer

const pageLen = 64

// All gives the records in order. They must not be changed.
func (r Rows[R]) All() iter.Seq[*R] {
	return func(yield func(*R) bool) {
		for _, page := range r.pages {
			for _, row := range page {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// Len is the number of records.
func (r Rows[R]) Len() int {
	n := len(r.pages)
	if n == 0 {
		return 0
	}
	return (n-1)*pageLen + len(r.pages[n-1])
}

func rowsOf[R any](list []*R) Rows[R] {
	return Rows[R]{slices.Collect(slices.Chunk(list, pageLen))}
}

// table is the groups of one kind by name. Their records are made when a view
// is asked for, and only for the groups that changed since the last one.
type table[G group[R], R any] struct {
	fresh  func() G
	groups map[string]G
	dirty  map[string]bool
	names  []string // of rows
	rows   Rows[R]
}

func newTable[G group[R], R any](fresh func() G) *table[G, R] {
	return &table[G, R]{fresh: fresh, groups: map[string]G{}, dirty: map[string]bool{}}
}

// at gives the group of a name, which is about to be changed.
func (t *table[G, R]) at(name string) G {
	t.dirty[name] = true
	g, ok := t.groups[name]
	if !ok {
		g = t.fresh()
		t.groups[name] = g
	}
	return g
}

// view gives the records by name.
func (t *table[G, R]) view() Rows[R] {
	pages := slices.Clone(t.rows.pages)
	own := map[int]bool{} // pages that no view has yet
	var come, gone []string
	for name := range t.dirty {
		at, known := slices.BinarySearch(t.names, name)
		g := t.groups[name]
		switch {
		case g.empty():
			delete(t.groups, name)
			if known {
				gone = append(gone, name)
			}
		case !known:
			come = append(come, name)
		default:
			k := at / pageLen
			if !own[k] {
				own[k], pages[k] = true, slices.Clone(pages[k])
			}
			pages[k][at%pageLen] = g.record(name)
		}
	}
	clear(t.dirty)
	t.rows = Rows[R]{pages}
	if len(come)+len(gone) > 0 {
		t.rename(come, gone)
	}
	return t.rows
}

// rename puts in rows of new names and takes out others.
func (t *table[G, R]) rename(come, gone []string) {
	rows := slices.Collect(t.rows.All())
	for _, name := range gone {
		at, _ := slices.BinarySearch(t.names, name)
		t.names = slices.Delete(t.names, at, at+1)
		rows = slices.Delete(rows, at, at+1)
	}
	for _, name := range come {
		at, _ := slices.BinarySearch(t.names, name)
		t.names = slices.Insert(t.names, at, name)
		rows = slices.Insert(rows, at, t.groups[name].record(name))
	}
	t.rows = rowsOf(rows)
}
