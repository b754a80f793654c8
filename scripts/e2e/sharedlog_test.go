package e2e

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/bench/sharedlog"
)

// TestSharedLog: three cache servers that answer as one read everything once and follow
// one feed of each database, as one server does. A follower that is started again
// applies the entries since a snapshot. `make bench SECTIONS=log` has more workflows,
// and times.
func TestSharedLog(t *testing.T) {
	const maxEntry = 512 << 10
	o := sharedlog.Options{Bin: buildCluster(t).Bin, Workflows: 300, Seed: 1, Changes: 20, PerSecond: 10, Reports: 10, Log: testWriter{t}}
	r, err := sharedlog.Run(t.Context(), o)
	require.NoError(t, err)
	var out bytes.Buffer
	r.Print(&out)
	assert.Contains(t, out.String(), "300: change to visible on all replicas, p50")

	assert.NotEmpty(t, r.Pauses)
	assert.Positive(t, r.SnapshotBytes)
	assert.Positive(t, r.SnapshotsKept)
	assert.GreaterOrEqual(t, r.LargestSnapshot, r.SnapshotBytes)
	assert.Positive(t, r.Entries)
	assert.Positive(t, r.EntryBytes)
	assert.LessOrEqual(t, r.EntryBytes, r.LargestEntry)
	assert.LessOrEqual(t, r.LargestEntry, maxEntry)
	assert.Positive(t, r.Replayed)
	assert.Positive(t, r.EngineDisk)
	for _, times := range []sharedlog.Times{r.All, r.Alone} {
		assert.Positive(t, times.P50)
		assert.LessOrEqual(t, times.P50, times.Max)
	}
	assert.Equal(t, 1, r.Independent.FirstReads)
	if r.Takeovers > 1 { // on a machine so busy that a lease ended
		t.Logf("%d leaders, one after the other: %+v", r.Takeovers, r.Shared)
		return
	}
	assert.Equal(t, 1, r.Shared.FirstReads)
	assert.Equal(t, 2, r.Shared.Feeds, "one of each database")
	assert.Equal(t, 1, r.Shared.AtOnce)
}
