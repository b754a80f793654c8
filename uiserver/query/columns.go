package query

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// keys returns the chosen columns. The name is always first, because it is the
// header of the row.
func (l *Lists) keys(q List) []web.Column {
	keys := q.Cols
	if len(keys) == 0 {
		keys = []string{web.DefaultSet}
	}
	if set, ok := web.SetKeys(keys[0]); ok {
		keys = set
	}
	first, _ := l.columns.Named("Workflow")
	columns := []web.Column{first}
	for _, key := range keys {
		if column, ok := l.columns.Named(key); ok && column.Key != first.Key {
			columns = append(columns, column)
		}
	}
	return columns
}

// shown returns the columns of a query, and that of its order.
func (l *Lists) shown(q List) []web.Column {
	columns := l.keys(q)
	if len(q.Sort) == 0 || slices.ContainsFunc(columns, func(c web.Column) bool { return c.Key == q.Sort[0].Field }) {
		return columns
	}
	const afterStatus = 2
	if column, ok := l.columns.Named(q.Sort[0].Field); ok {
		columns = slices.Insert(columns, min(afterStatus, len(columns)), column)
	}
	return columns
}

// OrderChip returns the order of a list, with the link that undoes it: to the
// standard order, and from that to the order of names.
func (l *Lists) OrderChip(q List) web.ActiveFilter {
	next := q.Top()
	next.Sort = standardOrder()
	if q.inStandardOrder() {
		next.Sort = nil
	}
	keys := q.Sort
	if len(keys) == 0 {
		keys = []wire.SortKey{{Field: "Workflow"}}
	}
	var parts []string
	for _, key := range keys {
		column, _ := l.columns.Named(key.Field)
		parts = append(parts, column.Label+web.Head{Sort: ariaSort(key.Desc, column.Time())}.Arrow())
	}
	return web.ActiveFilter{Label: "sorted by", Value: strings.Join(parts, ", "), Href: next.Here()}
}

// Columns returns the chosen columns except the name, and the other columns.
func (l *Lists) Columns(q List) (chosen, others []web.Column) {
	all := l.keys(q)
	for _, column := range l.columns.All {
		if !slices.ContainsFunc(all, func(c web.Column) bool { return c.Key == column.Key }) {
			others = append(others, column)
		}
	}
	return all[1:], others
}

// Fields returns the fields needed by the rows of a list: its columns, and fields
// that their cells are drawn from.
func (l *Lists) Fields(q List, more ...string) []string {
	var out []string
	add := func(keys ...string) {
		for _, key := range keys {
			if !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	for _, column := range l.shown(q) {
		add(column.Key)
		switch column.Key {
		case "TotalJobs":
			add(web.JobKeys()...)
		case "FailureRate":
			add("Failure")
		}
	}
	add(more...)
	return out
}

// Sets returns links to the built-in column sets.
func (q List) Sets() []web.Choice {
	var out []web.Choice
	for _, name := range web.SetNames() {
		choice := web.Choice{Label: name}
		current := len(q.Cols) == 1 && q.Cols[0] == name || len(q.Cols) == 0 && name == web.DefaultSet
		if !current {
			next := q
			next.Cols = []string{name}
			if name == web.DefaultSet {
				next.Cols = nil
			}
			choice.Href = next.Here()
		}
		out = append(out, choice)
	}
	return out
}
