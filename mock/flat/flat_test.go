package flat_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/flat"
	"github.com/dmwm/wmstats/schema"
)

func TestRecordsAreEqualForEqualSeeds(t *testing.T) {
	sum := func(seed uint64) string {
		src, h := flat.New(seed), sha256.New()
		for i := range 200 {
			rec := src.Record(i)
			h.Write(schema.AppendJSON(nil, &rec))
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	assert.Equal(t, sum(1), sum(1))
	assert.NotEqual(t, sum(1), sum(2))
}

func TestRecordsHoldTheRulesOfTheSchema(t *testing.T) {
	src := flat.New(7)
	var keys []string
	names := map[string]bool{}
	withJobs := 0
	for i := range 2000 {
		rec := src.Record(i)
		require.False(t, names[rec.Workflow], "%s twice", rec.Workflow)
		names[rec.Workflow] = true

		var m map[string]any
		require.NoError(t, json.Unmarshal(schema.AppendJSON(nil, &rec), &m))
		for k, v := range m {
			require.NotNil(t, v, "%s of %s", k, rec.Workflow)
		}
		if keys == nil {
			keys = slices.Sorted(maps.Keys(m))
		}
		require.Equal(t, keys, slices.Sorted(maps.Keys(m)))

		require.Equal(t, rec.JobCounts.Derive(), rec.Counters)
		require.Equal(t, rec.SubmittedFirst+rec.SubmittedRetry, rec.Pending+rec.Running, "two splits of the same jobs")
		require.LessOrEqual(t, rec.FailureRate, 100.0)
		if rec.EstimatedJobs >= 0 {
			require.LessOrEqual(t, rec.JobsInWMBS+rec.JobsInQueue, rec.EstimatedJobs)
		}
		if rec.HasJobInfo {
			withJobs++
		}
	}
	assert.InDelta(t, 0.40, float64(withJobs)/2000, 0.06)
}

// TestNumbersThatMayBeAbsentAreNeverAllZero: a number that a record does not
// have is -1; a field that request does not fill is 0 in all records.
func TestNumbersThatMayBeAbsentAreNeverAllZero(t *testing.T) {
	src, said := flat.New(7), map[string]bool{}
	for i := range 500 {
		rec := src.Record(i)
		var values map[string]any
		require.NoError(t, json.Unmarshal(schema.AppendJSON(nil, &rec), &values))
		for key, v := range values {
			said[key] = said[key] || v != 0.0
		}
	}
	for _, f := range schema.Describe[schema.Workflow]() {
		if strings.Contains(f.Doc, "; -1 ") {
			assert.True(t, said[f.Key], "%s is 0 in all records: a value or -1", f.Key)
		}
	}
}

func BenchmarkFlat(b *testing.B) {
	src := flat.New(1)
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rec := src.Record(i)
		buf = schema.AppendJSON(buf[:0], &rec)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
