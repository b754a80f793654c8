package schema

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	all := ExitCodes()
	areas := map[string]bool{}
	for i, e := range all {
		assert.NotEmpty(t, e.Meaning)
		assert.Less(t, len(e.Meaning), 90, e.Meaning)
		areas[e.Area] = true
		if i > 0 {
			assert.Greater(t, e.ExitCode, all[i-1].ExitCode, "by code, each once")
		}
		got, known := ExitCodeOf(e.ExitCode)
		assert.True(t, known)
		assert.Equal(t, e, got)
	}
	assert.Len(t, areas, 10, "each area has a code")
	// The codes that are frequent in production.
	for _, code := range []int64{8001, 8002, 8006, 8020, 8021, 8028, 50660, 50664, 60307, 60403, 71102, 71104, 71304, 99109, 99303, 99400, 134, 137, 139} {
		_, known := ExitCodeOf(code)
		assert.True(t, known, code)
	}
	for code, want := range map[int64]ExitCodeInfo{
		-1:     {ExitCode: -1, Area: AreaOther, Meaning: "no exit code was reported"},
		138:    {ExitCode: 138, Area: AreaKilled, Meaning: "ended by signal 10"},
		193:    {ExitCode: 193, Area: AreaOther, Meaning: "not in the table of exit codes"},
		123456: {ExitCode: 123456, Area: AreaOther, Meaning: "not in the table of exit codes"},
	} {
		got, known := ExitCodeOf(code)
		assert.False(t, known)
		assert.Equal(t, want, got)
	}
}

// Merging is a sum: in any order, nothing is lost and no key occurs twice.
func TestMergeJobErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var groups []JobError
	total, retries := int64(0), int64(0)
	for range 300 {
		g := JobError{Workflow: "w", Task: string(rune('a' + r.IntN(3))), ExitCode: int64(r.IntN(3)), Site: string(rune('A' + r.IntN(3))), Count: 1 + r.Int64N(5)}
		g.Retries = r.Int64N(g.Count + 1)
		total += g.Count
		retries += g.Retries
		groups = append(groups, g)
	}
	want := MergeJobErrors(groups)
	slices.Reverse(groups)
	require.Equal(t, want, MergeJobErrors(groups))
	assert.LessOrEqual(t, len(want), 27)
	sum := int64(0)
	for i, g := range want {
		sum += g.Count
		retries -= g.Retries
		for _, o := range want[:i] {
			assert.GreaterOrEqual(t, o.Count, g.Count)
			o.Count, o.Retries = g.Count, g.Retries
			assert.NotEqual(t, o, g)
		}
	}
	assert.Equal(t, total, sum)
	assert.Zero(t, retries, "the sum of the retries")
	assert.Empty(t, MergeJobErrors(nil))
}
