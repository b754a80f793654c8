package alertmanager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/cacheserver/store"
)

// lookAgain is longer than the time in which a change that no generation shows
// is noticed and posted.
const lookAgain = 20 * time.Second

func countOf(text, part string) int { return strings.Count(text, part) }

// While the source does not answer, agents seem silent. Nothing begins and
// nothing ends then; old_data is posted beside the last set.
func TestOldData(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"), r.agent("vocms1", false))
		r.run()
		silent := now()
		r.silent()
		r.pass(14 * time.Minute)
		assert.Equal(t, []string{"failed w1"}, names(r.last("a").holding()))
		r.pass(time.Minute + lookAgain)
		old := map[string]time.Time{"failed w1": began(), "old_data": silent.Add(15 * time.Minute)}
		assert.Equal(t, old, r.last("a").holding())
		r.apply(r.workflow("w1", "completed", "A"), r.workflow("w2", "failed", "A"))
		r.pass(2 * time.Hour) // the agent has long been silent
		p := r.last("a")
		assert.Equal(t, old, p.holding())
		for _, a := range p.alerts {
			assert.Equal(t, p.at.Add(4*every), a.EndsAt)
			if a.Labels["rule"] == "old_data" {
				assert.Equal(t, map[string]string{"alertname": "WMStats", "rule": "old_data", "severity": "error", "instance": "production"}, a.Labels)
				assert.Contains(t, a.Annotations["summary"], "no answer")
			}
		}

		// It answers again, but the changes of the meantime are not there yet.
		r.setSource(func() store.SourceState { return store.SourceState{Stale: true, CheckTime: time.Now()} })
		r.pass(lookAgain)
		assert.Equal(t, []string{"failed w1"}, names(r.last("a").holding()))
		assert.Equal(t, []string{"old_data"}, names(r.last("a").over()))
		r.apply(r.agent("vocms1", false))
		r.current()
		r.pass(lookAgain)
		assert.Equal(t, []string{"failed w2"}, names(r.last("a").holding()))
		assert.Equal(t, []string{"failed w1", "old_data"}, names(r.last("a").over()))
	})
}

// Data that stay stale for another reason than a silent source are used.
func TestStaleData(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.setSource(func() store.SourceState {
			return store.SourceState{Stale: true, Reason: "documents are owed", CheckTime: time.Now()}
		})
		r.load(r.workflow("w1", "failed", "A"))
		r.run()
		r.pass(every)
		assert.Empty(t, r.members.of("a"), "maybe changes are on their way")
		r.pass(every + lookAgain)
		assert.Equal(t, []string{"failed w1"}, names(r.last("a").holding()))
		r.apply(r.workflow("w2", "failed", "A"))
		r.pass(lookAgain)
		assert.Equal(t, []string{"failed w1", "failed w2"}, names(r.last("a").holding()))
	})
}

// A server that starts from a checkpoint waits for the changes of the meantime.
// If the source does not answer, the alerts of the checkpoint hold, but not
// those that seem to have begun after the last answer.
func TestStartFromACheckpoint(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"), r.agent("vocms1", false))
		r.silent()
		r.pass(time.Hour)
		r.run()
		r.pass(lookAgain)
		assert.Empty(t, r.members.of("a"))
		r.apply(r.workflow("w1", "completed", "A"), r.agent("vocms1", false))
		r.current()
		r.pass(lookAgain)
		assert.Empty(t, r.last("a").alerts)
		r.stop()
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"), r.agent("vocms1", false))
		r.silent()
		r.pass(time.Hour)
		r.run()
		r.pass(2*every + lookAgain)
		assert.Equal(t, []string{"failed w1", "old_data"}, names(r.last("a").holding()))
	})
}
