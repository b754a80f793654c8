package app

import (
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
