package schema

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func withOutputs(datasets int, events, lumis, inEvents, inLumis int64) Workflow {
	w := Workflow{InputEvents: inEvents, InputLumis: inLumis}
	for i := range datasets {
		w.OutputDatasets = append(w.OutputDatasets, fmt.Sprintf("/d/%d/T", i))
	}
	Join(&w, []AgentReport{{Agent: "a", Outputs: []OutputReport{{Dataset: "/d/0/T", Events: events, Lumis: lumis}}}})
	return w
}

// TestProgressIsComputedFromTheSums: a share of an average that was already
// rounded is wrong in its last digits.
func TestProgressIsComputedFromTheSums(t *testing.T) {
	w := withOutputs(3, 5, 5, 1, 1) // an average of 1.6666..., not of 1.67
	assert.Equal(t, 166.67, w.LumiProgress)
	assert.Equal(t, 166.67, w.EventProgress)
	assert.Equal(t, 1.67, w.AvgOutputLumis)
	w = withOutputs(7, 1, 1, 1000, 1000) // an average of 0.1428..., not of 0.14
	assert.Equal(t, 0.01, w.LumiProgress)
	w = withOutputs(3, 2_999_999, 2_999_999, 1_000_000, 1_000_000)
	assert.Equal(t, 99.99, w.EventProgress, "less than all is never 100")
	w = withOutputs(300, 1, 1, 1, 1)
	assert.Equal(t, 0.33, w.EventProgress, "an average of 0.0033 is not 0")
	assert.Equal(t, -1.0, withOutputs(3, 5, 5, 0, -1).EventProgress)
	big := withOutputs(2, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64)
	assert.Equal(t, 50.0, big.EventProgress)
}

// TestSharesAgreeWithTheirSums compares each progress with the exact share.
func TestSharesAgreeWithTheirSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		n, out, in := 1+r.IntN(20), r.Int64N(1000), 1+r.Int64N(1000)
		w := withOutputs(n, out, out, in, in)
		exact := 100 * float64(out) / (float64(n) * float64(in))
		assert.InDelta(t, exact, w.EventProgress, 0.0101, "%d/%d of %d", out, n, in)
		if exact > 0.01 && exact < 99.99 {
			assert.InDelta(t, exact, w.LumiProgress, 0.00501, "%d/%d of %d", out, n, in)
		}
	}
}
