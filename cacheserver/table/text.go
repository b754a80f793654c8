package table

import (
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// globs are the values of a condition on texts, with or without wire.Star.
type globs struct {
	budget   *budget.Budget
	exact    map[string]bool
	patterns [][]string // parts between the stars, which must occur in order
}

func newGlobs(b *budget.Budget, values []string) *globs {
	g := &globs{budget: b, exact: map[string]bool{}}
	for _, v := range values {
		if strings.Contains(v, wire.Star) {
			g.patterns = append(g.patterns, strings.Split(v, wire.Star))
		} else {
			g.exact[v] = true
		}
	}
	return g
}

// text reports whether a text matches one of the values. When the budget is
// exhausted it returns false at once.
func (g *globs) text(text string) bool {
	if g.exact[text] {
		return true
	}
	// Each part of a pattern is searched in the rest of the text after the
	// previous part, so that all parts together read it once.
	const pattern, part = 20, 10
	for _, p := range g.patterns {
		if !g.budget.Spend(pattern + part*min(len(p), len(text)+1) + len(text)) {
			return false
		}
		if wire.Like(text, p) {
			return true
		}
	}
	return false
}

// text returns the test of a Text or Texts column.
func (s *Scan) text(t wire.Term, col *block.Column) (func(b *block.Block, i int) bool, error) {
	match := func(text []byte) bool { return len(text) > 0 }
	switch t.Op {
	case wire.In, wire.NotIn:
		g := newGlobs(s.budget, t.Values)
		match = func(text []byte) bool { return len(text) > 0 && g.text(string(text)) }
	case wire.Has, wire.HasNot:
	default:
		return nil, fmt.Errorf("condition %q needs a number", t.Op)
	}
	negative := t.Op == wire.NotIn || t.Op == wire.HasNot
	const record = 50
	if col.Kind == block.Text {
		return func(b *block.Block, i int) bool {
			text := b.Text(col, i)
			return s.budget.Spend(record+len(text)) && match(text) != negative
		}, nil
	}
	return func(b *block.Block, i int) bool {
		found := false
		if !s.budget.Spend(record) {
			return false
		}
		b.EachText(col, i, func(text []byte) bool {
			found = match(text)
			return !found && s.budget.Spend(record/2+len(text))
		})
		return found != negative
	}, nil
}
