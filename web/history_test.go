package web

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
)

func changes(list ...any) (out []schema.StatusChange) {
	for i := 0; i < len(list); i += 2 {
		status, _ := list[i].(string)
		at, _ := list[i+1].(int)
		out = append(out, schema.StatusChange{Index: int64(i/2 + 1), Status: status, Time: int64(at)})
	}
	return out
}

// TestSpansInTheFuture checks that a time in the future, which comes from a wrong
// clock, does not extend a span beyond now.
func TestSpansInTheFuture(t *testing.T) {
	const now = 1000
	spans := Spans(changes("new", 100, "staged", now+7*86400, "acquired", now+8*86400), now)
	var lengths []int64
	for _, s := range spans {
		lengths = append(lengths, s.Seconds())
	}
	assert.Equal(t, []int64{900, 0, 0}, lengths)
	assert.True(t, spans[2].Ongoing)
	assert.Equal(t, "0 s", Age(now, now+7*86400))
}

// TestHistoryDiffersFromStatus checks that the newest entry is found by time: the
// history may be out of order.
func TestHistoryDiffersFromStatus(t *testing.T) {
	for want, d := range map[string]schema.Detail{
		"":         {Workflow: schema.Workflow{Status: "staged"}, Transitions: changes("staged", 20, "new", 10)},
		"acquired": {Workflow: schema.Workflow{Status: "staged"}, Transitions: changes("acquired", 30, "staged", 20)},
		"failed":   {Workflow: schema.Workflow{Status: "staged"}, Transitions: changes("failed", 30)},
	} {
		assert.Equal(t, want, differs(d))
	}
	equal := schema.Detail{Workflow: schema.Workflow{Status: "staged"}, Transitions: changes("staged", 20, "acquired", 20)}
	assert.Equal(t, "", differs(equal), "of entries with the same time any may be the newest")
	assert.Equal(t, "", differs(schema.Detail{Workflow: schema.Workflow{Status: "staged"}}))
	assert.Equal(t, "n/a", code(-1, notReported).Shown)
	assert.Equal(t, "n/a", amount(-1, notReported).Shown)
	assert.Equal(t, "0", amount(0, notReported).Shown)
	assert.Equal(t, "unknown", between(-1, -1))
}
