package app

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadroomPercent(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		name     string
		headroom int64
		live     uint64
		want     int
	}{
		{"nothing yet", 32 * mb, 0, 800},
		{"a small heap counts as 4 MB", 32 * mb, 1 * mb, 800},
		{"the headroom in relation to what is live", 32 * mb, 64 * mb, 50},
		{"GOGC alone gives as much", 32 * mb, 160 * mb, 20},
		{"GOGC gives more", 32 * mb, 1000 * mb, 20},
	} {
		require.Equal(t, c.want, headroomPercent(20, c.headroom, c.live), c.name)
	}
}

func TestPlannedMemory(t *testing.T) {
	const mb, budget, none = 1_000_000, 100_000_000, math.MaxInt64
	for _, c := range []struct {
		name      string
		workflows int64
		live      uint64
		ceiling   int64
		want      int64
	}{
		{"before the first read ends", 0, 900 * mb, none, none},
		{"within a container then", 0, 900 * mb, 800 * mb, 800 * mb},
		{"as planned", 20_000, 100 * mb, none, 321 * mb},
		{"records are longer than planned", 20_000, 400 * mb, none, 520 * mb},
		{"a container is smaller", 20_000, 400 * mb, 200 * mb, 200 * mb},
	} {
		require.Equal(t, c.want, planned(c.workflows, budget, c.live, c.ceiling), c.name)
	}
}
