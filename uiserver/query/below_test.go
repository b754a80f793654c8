package query

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema/wire"
)

// TestBelow checks that a few old workflows do not change the time that most are in a
// status, and that counts by status and age add up to counts by age.
func TestBelow(t *testing.T) {
	s := wire.Stats{Groups: []wire.StatsGroup{
		{Keys: []string{"new", "0s"}, Count: 50}, {Keys: []string{"new", "1d"}, Count: 45}, {Keys: []string{"new", "30d"}, Count: 5},
		{Keys: []string{"failed", "30d"}, Count: 2}, {Keys: []string{"staged", "0s"}, Count: 1},
	}}
	for _, want := range []struct {
		status  string
		percent int
		below   string
	}{
		{"new", 50, "1 h"}, {"new", 51, "3 d"}, {"new", 95, "3 d"}, {"new", 96, "> 30 d"}, {"failed", 50, "> 30 d"}, {"staged", 95, "1 h"}, {"acquired", 50, "n/a"},
	} {
		assert.Equal(t, want.below, Below(s, want.status, want.percent).Shown, "%s %d", want.status, want.percent)
	}
	counts := map[string]int{}
	for _, g := range ByAge(s).Groups {
		counts[g.Keys[0]] = g.Count
	}
	assert.Equal(t, map[string]int{"0s": 51, "1h": 0, "6h": 0, "1d": 45, "3d": 0, "7d": 0, "30d": 7}, counts)
	assert.Nil(t, ByAge(wire.Stats{}).Groups)
}
