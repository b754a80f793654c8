package raw

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimesOfAllUnits: MONIT writes milliseconds, others micro- or nanoseconds.
// One function reads all times of all documents: they are in seconds and never
// negative. A time in another unit is a flaw.
func TestTimesOfAllUnits(t *testing.T) {
	const want = int64(1796019208)
	for text, flaws := range map[string]int{
		"1796019208": 0, `"1796019208"`: 0, "1796019208.7": 0,
		"1796019208123": 1, `"1796019208123"`: 1, "1796019208123456": 1, "1796019208123456789": 1, "1.796019208123e12": 1,
	} {
		a, err := DecodeAgentInfo(fmt.Appendf(nil, `{"agent_url":"a","type":"agent_info","timestamp":%s,"data_last_update":%s,
			"down_component_detail":[{"name":"c","last_updated":%s}]}`, text, text, text))
		require.NoError(t, err)
		d := a.Detail()
		assert.Equal(t, want, d.UpdateTime, text)
		assert.Equal(t, want, d.DataUpdateTime, text)
		assert.Equal(t, want, d.Components[0].LastUpdate, text)
		assert.Equal(t, 3*flaws, a.FlawCount, text)

		w := requestOf(t, fmt.Sprintf(`"RequestStatus":"new","RequestTransition":[{"Status":"new","UpdateTime":%s}]`, text))
		assert.Equal(t, want, w.StatusTime, text)

		j, err := DecodeJobSummary(fmt.Appendf(nil, `{"_id":"j","timestamp":%s,"state_history":[{"timestamp":%s}]}`, text, text))
		require.NoError(t, err)
		assert.Equal(t, want, j.Sample().Time, text)
		assert.Equal(t, want, j.Sample().Transitions[0].Time, text)

		l, err := DecodeLog(fmt.Appendf(nil, `{"_id":"l","request":"w","messages":[{"ts":%s,"msg":"m"}]}`, text))
		require.NoError(t, err)
		assert.Equal(t, want, l.Entries()[0].Time, text)

		g, err := DecodeReport(fmt.Appendf(nil, `{"workflow":"w","agent_url":"a","timestamp":%s,"tasks":{"/w/T":{"subscription_status":{"updated":%s}}}}`, text, text))
		require.NoError(t, err)
		assert.Equal(t, want, g.Time, text)
		assert.Equal(t, want, g.Tasks[0].SubscriptionTime, text)

		raw := fmt.Appendf(nil, `{"_id":"x","type":"agent_request","workflow":"w","agent_url":"a","timestamp":%s}`, text)
		h, err := Peek(raw)
		require.NoError(t, err)
		assert.Equal(t, want, h.Time, text)
	}
	for _, text := range []string{"-1796019208", "-1", "1e300", `"soon"`, "{}", "true", "-9223372036854775808", "9223372036854775808"} {
		a, err := DecodeAgentInfo(fmt.Appendf(nil, `{"agent_url":"a","timestamp":%s,"data_last_update":%s}`, text, text))
		require.NoError(t, err)
		assert.Zero(t, a.Time, text)
		assert.Zero(t, a.DataUpdateTime, text)
		if text != "{}" {
			assert.Equal(t, 2, a.FlawCount, text)
		}
	}
}
