package web

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestColumnsAreGrouped checks that each column is in one group, and that no two have
// the same label.
func TestColumnsAreGrouped(t *testing.T) {
	all := NewColumns().All
	labels, count := map[string]string{}, 0
	for _, g := range bySubject(all) {
		assert.Greater(t, len(g.Columns), 3, g.Title)
		for _, c := range g.Columns {
			assert.Empty(t, labels[c.Label], "%s and %s are both %q", c.Key, labels[c.Label], c.Label)
			labels[c.Label] = c.Key
			count++
		}
	}
	assert.Equal(t, len(all), count)
	assert.Empty(t, bySubject(nil))
}

// TestListOfASetIsBrief checks that a list with the columns of a built-in set is found,
// with the column of its order or without, and that no other list is. The column of the
// order is never left out.
func TestListOfASetIsBrief(t *testing.T) {
	all := NewColumns()
	list := func(keys ...string) (l List) {
		for _, key := range keys {
			column, _ := all.Named(key)
			l.Heads = append(l.Heads, Head{Column: column})
		}
		return l
	}
	for _, s := range sets {
		assert.True(t, list(s.Keys...).brief())
		assert.True(t, list(slices.Insert(slices.Clone(s.Keys), 2, "Score")...).brief())
		assert.False(t, list(slices.Insert(slices.Clone(s.Keys), 3, "Score")...).brief())
		assert.False(t, list(s.Keys[1:]...).brief())
	}
	assert.False(t, list("Workflow").brief())
	assert.Equal(t, []string{"", ""}, list("Workflow", "Cooloff").roles(), "columns that the reader chose stay")
	progress := list(sets[0].Keys...)
	at := slices.Index(sets[0].Keys, "Cooloff")
	assert.Equal(t, "w3", progress.roles()[at])
	progress.Heads[at].Sort = "descending"
	assert.Empty(t, progress.roles()[at])
	assert.Equal(t, "", list(sets[0].Keys...).width(list("Workflow").Heads[0].Column))
	assert.NotEmpty(t, list("Workflow").width(list("Workflow").Heads[0].Column))
}
