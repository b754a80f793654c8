package schema

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func randomReport(rng *rand.Rand) AgentReport {
	number := func() int64 { return rng.Int64N(1_000_000) - 1000 }
	counts := func() (c JobCounts) {
		for _, n := range c.each() {
			*n = number()
		}
		return c
	}
	r := AgentReport{
		Workflow: "w é", Agent: "a", Team: "", AgentVersion: "2.4", Time: number(), Counts: counts(),
		JobsInWMBS: number(), JobsInQueue: number(), Skipped: rng.IntN(2) == 1, SkippedFiles: number(),
	}
	for range rng.IntN(3) {
		r.Sites = append(r.Sites, SiteReport{"T2_CH_CERN", counts()})
		r.Outputs = append(r.Outputs, OutputReport{"/A/B/C", number(), number(), number()})
		r.Tasks = append(r.Tasks, rng.Uint64())
	}
	return r
}

func TestPackedReportComesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for range 200 {
		want := randomReport(rng)
		packed := string(AppendPackedReport(nil, &want))
		got, err := UnpackReport(packed)
		require.NoError(t, err)
		require.Equal(t, want, got)
		for n := range len(packed) {
			_, err := UnpackReport(packed[:n])
			require.ErrorIs(t, err, errPacked, "%d bytes", n)
		}
		_, err = UnpackReport(packed + "\x00")
		require.ErrorIs(t, err, errPacked)
	}
}
