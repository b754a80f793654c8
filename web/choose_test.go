package web

import (
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
