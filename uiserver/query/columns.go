package query

import (
	"slices"

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
