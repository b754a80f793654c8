package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlanText: a plan is unchanged after writing and reading.
func TestPlanText(t *testing.T) {
	for seed := range uint64(50) {
		p := NewPlan(seed, 6)
		require.Equal(t, p, NewPlan(seed, 6), "a seed yields one plan")
		for _, p := range []Plan{p, NewClusterPlan(seed, 6)} {
			again, err := ParsePlan("# a remark\n\n" + p.String())
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
	}
	for _, text := range []string{"", "{", `{"Hours":1}` + "\n" + `{"Kind":"stop","Four":4}`, `{"Poll":"soon"}`} {
		_, err := ParsePlan(text)
		require.Error(t, err, text)
	}
}

// TestEveryKindIsPlanned: the generator uses every kind of fault.
func TestEveryKindIsPlanned(t *testing.T) {
	planned := map[string]bool{}
	for seed := range uint64(60) {
		for _, e := range NewPlan(seed, 24).Events {
			planned[e.name()] = true
		}
		for _, e := range NewClusterPlan(seed, 24).Events {
			planned[e.name()] = true
		}
	}
	for _, kind := range []Kind{
		Request, Archive, Remove, Report, Unreport, Rewrite, Info, Jobs, Backup,
		Refuse, Hang, Reset, Vanish, Stall, Slow, Cut, Buffer,
		LogCut, LogDeaf, LogBlind, LogFull, LogExcuse, LogFreeze, LogSlow, LogLossy, LogDouble, LogNoRoom, LogReplace,
		Stop, Recreate, Undesign, Index, Password, Clock, Restore, Purge, Kill, Cold, Halt,
	} {
		require.True(t, planned[string(kind)], kind)
	}
	for _, c := range causes {
		for _, kind := range c.kinds {
			require.True(t, planned[kind] || kind == "row-deleted-doc", kind)
		}
	}
}
