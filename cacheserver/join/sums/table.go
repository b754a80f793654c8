package sums

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// group is a running sum that can be shown as a record of type R.
type group[R any] interface {
	empty() bool
	record(name string) *R
}

// Rows are the records of one kind, by name. They are immutable and share
// unchanged records, so that a view of thousands of groups costs only what the
// changed ones cost.
type Rows[R any] struct {
	pages []*page[R]
	n     int
}

// page is a fixed number of rows; those after the last one are nil. A view
// copies the changed pages and the list of pages: this length costs least at
// some thousand groups.
type page[R any] [pageLen]*R

const pageLen = 32

// All yields the records in order. They must not be changed.
func (r Rows[R]) All() iter.Seq[*R] {
	return func(yield func(*R) bool) {
		for i := range r.n {
			if !yield(r.at(i)) {
				return
			}
		}
	}
}

func (r Rows[R]) at(i int) *R { return r.pages[i/pageLen][i%pageLen] }

// Len returns the number of records.
func (r Rows[R]) Len() int { return r.n }

func rowsOf[R any](list []*R) Rows[R] {
	r := Rows[R]{n: len(list)}
	for rows := range slices.Chunk(list, pageLen) {
		p := new(page[R])
		copy(p[:], rows)
		r.pages = append(r.pages, p)
	}
	return r
}

// table holds the groups of one kind by name. Records are created for a view,
// and only for the groups that changed since the last one.
type table[G group[R], R any] struct {
	fresh  func() G
	groups map[string]*entry[G]
	dirty  []*entry[G]
	names  []string // of rows
	rows   Rows[R]
}

// entry is a group with its index in the rows.
type entry[G any] struct {
	group G
	name  string
	at    int // index in rows; -1: not in rows
	dirty bool
}

func newTable[G group[R], R any](fresh func() G) *table[G, R] {
	return &table[G, R]{fresh: fresh, groups: map[string]*entry[G]{}}
}

// at returns the group of a name, which is about to be changed.
func (t *table[G, R]) at(name string) G {
	e, ok := t.groups[name]
	if !ok {
		e = &entry[G]{group: t.fresh(), name: strings.Clone(name), at: -1}
		t.groups[e.name] = e
	}
	if !e.dirty {
		e.dirty = true
		t.dirty = append(t.dirty, e)
	}
	return e.group
}

// view returns the records by name.
func (t *table[G, R]) view() Rows[R] {
	if len(t.dirty) == 0 {
		return t.rows
	}
	pages := slices.Clone(t.rows.pages)
	var room [8]int
	own := room[:0] // pages that no view has yet
	var come, gone []*entry[G]
	for _, e := range t.dirty {
		e.dirty = false
		switch {
		case e.group.empty():
			delete(t.groups, e.name)
			if e.at >= 0 {
				gone = append(gone, e)
			}
		case e.at < 0:
			come = append(come, e)
		default:
			k := e.at / pageLen
			if !slices.Contains(own, k) {
				own = append(own, k)
				again := *pages[k]
				pages[k] = &again
			}
			pages[k][e.at%pageLen] = e.group.record(e.name)
		}
	}
	clear(t.dirty)
	t.dirty = t.dirty[:0]
	t.rows.pages = pages
	if len(come)+len(gone) > 0 {
		t.rename(come, gone)
	}
	return t.rows
}

// rename inserts rows of new names and removes others.
func (t *table[G, R]) rename(come, gone []*entry[G]) {
	rows := make(map[string]*R, t.rows.Len()+len(come))
	for i, name := range t.names {
		rows[name] = t.rows.at(i)
	}
	for _, e := range gone {
		delete(rows, e.name)
	}
	for _, e := range come {
		rows[e.name] = e.group.record(e.name)
	}
	t.names = slices.Sorted(maps.Keys(rows))
	list := make([]*R, len(t.names))
	for i, name := range t.names {
		list[i] = rows[name]
		t.groups[name].at = i
	}
	t.rows = rowsOf(list)
}
