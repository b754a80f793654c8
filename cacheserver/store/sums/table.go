package sums

import "slices"

// group is a running sum that can be shown as a record of type R.
type group[R any] interface {
	empty() bool
	record(name string) *R
}

// table is the groups of one kind by name. Their records are made when a view
// is asked for, and only for the groups that changed since the last one.
type table[G group[R], R any] struct {
	make   func() G
	groups map[string]G
	dirty  map[string]bool
	names  []string // of rows
	rows   []*R
}

func newTable[G group[R], R any](make func() G) *table[G, R] {
	return &table[G, R]{make: make, groups: map[string]G{}, dirty: map[string]bool{}, rows: []*R{}}
}

// at gives the group of a name, which is about to be changed.
func (t *table[G, R]) at(name string) G {
	t.dirty[name] = true
	g, ok := t.groups[name]
	if !ok {
		g = t.make()
		t.groups[name] = g
	}
	return g
}

// view gives the records by name. They and the slice are never changed again.
func (t *table[G, R]) view() []*R {
	if len(t.dirty) == 0 {
		return t.rows
	}
	rows := slices.Clone(t.rows)
	for name := range t.dirty {
		at, known := slices.BinarySearch(t.names, name)
		g := t.groups[name]
		switch {
		case !g.empty() && known:
			rows[at] = g.record(name)
		case !g.empty():
			t.names = slices.Insert(t.names, at, name)
			rows = slices.Insert(rows, at, g.record(name))
		default:
			delete(t.groups, name)
			if known {
				t.names = slices.Delete(t.names, at, at+1)
				rows = slices.Delete(rows, at, at+1)
			}
		}
	}
	clear(t.dirty)
	t.rows = rows
	return rows
}
