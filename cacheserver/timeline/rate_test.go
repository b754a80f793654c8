package timeline

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// Rates equal a recount from the documents, with increases and decreases, names
// that vanish and come back, and gaps between points.
func TestRateEqualsARecount(t *testing.T) {
	c := &clock{start}
	w := &world{rand.New(rand.NewPCG(3, 4)), 0, map[string]schema.Workflow{}, map[string][]schema.AgentReport{}}
	h := empty(t, Options{}, c)
	s := loaded(t, c, w.change(3))
	names := map[Kind][]string{"": {""}, Campaign: {schema.None, "C1", "C2", "C3"}, Release: {"R1", "R2"}, Site: {"T1", "T3"}, Agent: {"a", "b"}}
	var times []int64
	counts := map[string]map[string]int64{} // by kind, name and time
	for range 120 {
		s.Apply(w.change(w.rnd.IntN(2)))
		require.True(t, observe(t, h, s))
		times = append(times, c.at)
		for kind, list := range names {
			for _, name := range list {
				counts[fmt.Sprint(kind, name, c.at)] = w.count(kind, name)
			}
		}
		c.at += 300 + 300*w.rnd.Int64N(3)/2*w.rnd.Int64N(2)
	}
	fell, rose := 0, 0
	for kind, list := range names {
		for _, name := range list {
			for _, since := range []int64{0, times[40], times[40] + 1, times[118], times[119], c.at} {
				var want schema.Rate
				for i := len(times) - 1; i > 0 && times[i-1] >= since; i-- {
					before, after := counts[fmt.Sprint(kind, name, times[i-1])], counts[fmt.Sprint(kind, name, times[i])]
					if _, followed := h.series[key{kind, name}]; !followed || h.series[key{kind, name}].start(0) > int64(i-1) {
						break
					}
					want.From = times[i-1]
					if want.To == 0 {
						want.To = times[i]
					}
					success, failure := after["Success"]-before["Success"], after["Failure"]-before["Failure"]
					if success < 0 || failure < 0 || len(before) == 0 {
						fell++
						continue
					}
					rose++
					want.Seconds, want.Success, want.Failure = want.Seconds+times[i]-times[i-1], want.Success+success, want.Failure+failure
				}
				require.Equal(t, want, h.Rate(kind, name, since), "%s %q since %d", kind, name, since)
			}
		}
	}
	assert.Greater(t, min(fell, rose), 100)
	assert.Zero(t, h.Rate(Campaign, "nobody", 0))
}
