package alertmanager_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

func names(of map[string]time.Time) []string { return slices.Sorted(maps.Keys(of)) }

// A post has every alert of the rules that people are notified of, with the
// start that the documents say.
func TestWhatIsPosted(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "Run3/A"), r.workflow("w2", "running-open", "B"), r.workflow("w3", "assigned", "B"), r.agent("vocms1", true))
		r.run()
		p := r.last("a")
		require.Equal(t, []string{"agent_error vocms1", "failed w1"}, names(p.holding()))
		by := map[string]alert{}
		for _, a := range p.alerts {
			by[a.name()] = a
		}
		assert.Equal(t, alert{
			Labels:      map[string]string{"alertname": "WMStats", "rule": "failed", "severity": "error", "workflow": "w1", "campaign": "Run3/A", "team": "production", "instance": "production"},
			Annotations: map[string]string{"summary": "in status failed", "cause": "failed since 1999-12-31 23:00 UTC", "who": "team production", "status": "failed", "priority": "110000", "query": "https://cmsweb.cern.ch/wmstats/api/fetch?alert=failed&sort=-Score%2C-Priority%2CStatusTime"},
			StartsAt:    began(), EndsAt: p.at.Add(4 * every), GeneratorURL: "https://cmsweb.cern.ch/wmstats/workflows/w1",
		}, by["failed w1"])
		agent := by["agent_error vocms1"]
		assert.Equal(t, map[string]string{"alertname": "WMStats", "rule": "agent_error", "severity": "error", "agent": "vocms1", "team": "production", "instance": "production"}, agent.Labels)
		assert.Equal(t, p.at.Add(-10*time.Minute), agent.StartsAt, "the component's last heartbeat")
		assert.Equal(t, "https://cmsweb.cern.ch/wmstats/agents/vocms1", agent.GeneratorURL)
		assert.Contains(t, agent.Annotations["summary"], "JobSubmitter")
		assert.Equal(t, "https://cmsweb.cern.ch/wmstats/api/agent", agent.Annotations["query"])
	})
}

// The file of rules says which rules people are notified of.
func TestNotify(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"), r.workflow("w3", "assigned", "B"))
		r.pass(2 * time.Hour)
		r.store.Tick()
		r.rules.Notify = maps.Clone(r.rules.Notify)
		r.rules.Notify["failed"], r.rules.Notify["assigned_stall"] = false, true
		r.run()
		p := r.last("a")
		assert.Equal(t, map[string]time.Time{"assigned_stall w3": began().Add(2*time.Hour + time.Second)}, p.holding())
		assert.Equal(t, "warning", p.alerts[0].Labels["severity"])
	})
}

// An own rule of the file has the severity that the file says.
func TestOwnRule(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "running-open", "A"), r.workflow("w2", "assigned", "A"))
		r.rules.Limits.Own = []schema.OwnRule{
			{Name: "runs", Title: "Runs", Query: "status=running-open", Severity: schema.SeverityError, Who: "the shifter", Notify: true},
			{Name: "waits", Title: "Waits", Query: "status=assigned", Severity: schema.SeverityError},
		}
		r.store.SetLimits(r.rules.Limits)
		r.run()
		p := r.last("a")
		require.Equal(t, []string{"runs w1"}, names(p.holding()))
		assert.Equal(t, "error", p.alerts[0].Labels["severity"])
		assert.Equal(t, "the shifter", p.alerts[0].Annotations["who"])
	})
}

// Before the first full read nothing is posted; afterwards at once.
func TestNotReady(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.run()
		r.pass(time.Hour + 5*time.Second)
		assert.Empty(t, r.members.of("a"))
		r.load(r.workflow("w1", "failed", "A"))
		r.pass(time.Millisecond)
		assert.Equal(t, []string{"failed w1"}, names(r.last("a").holding()))
	})
}

// The same set is posted each period. A change is posted at once, and no two
// posts are less than 5 s apart. An alert that is over is posted with its end
// until it would have ended in any case.
func TestWhenItIsPosted(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"))
		r.run()
		r.pass(10 * every)
		posts := r.members.of("a")
		require.Len(t, posts, 11)
		for i := range posts[1:] {
			assert.Equal(t, every, posts[i+1].at.Sub(posts[i].at))
			assert.Equal(t, posts[i+1].at.Add(4*every), posts[i+1].alerts[0].EndsAt)
			assert.Equal(t, began(), posts[i+1].alerts[0].StartsAt)
		}

		r.pass(22 * time.Second)
		changed := now()
		r.apply(r.workflow("w2", "failed", "A"))
		r.pass(time.Millisecond)
		assert.Equal(t, changed, r.last("a").at)
		for i := range 100 { // a change each 100 ms for 10 s
			r.apply(r.workflow(fmt.Sprintf("x%d", i), "failed", "A"))
			r.pass(100 * time.Millisecond)
		}
		posts = r.members.of("a")[12:]
		require.Len(t, posts, 2)
		assert.Equal(t, changed.Add(5*time.Second), posts[0].at)
		assert.Equal(t, changed.Add(10*time.Second), posts[1].at)

		r.pass(22 * time.Second)
		over := now()
		r.apply(r.workflow("w1", "completed", "A"))
		r.pass(time.Millisecond)
		assert.Equal(t, map[string]time.Time{"failed w1": over}, r.last("a").over())
		r.pass(4 * every)
		assert.Equal(t, map[string]time.Time{"failed w1": over}, r.last("a").over())
		r.pass(2 * every)
		assert.Empty(t, r.last("a").over())
		assert.Len(t, r.last("a").holding(), 101)
	})
}

// Looks that take long are rare: they take less than 5 % of the time.
func TestSlowLooks(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		const slow = 500 * time.Millisecond
		r.load(r.workflow("w1", "failed", "A"))
		looks := 0
		r.reading = func() { looks++; time.Sleep(slow) } // of the bubble
		r.run()
		for i := range 600 { // a change each second
			r.apply(r.workflow(fmt.Sprintf("x%d", i), "failed", "A"))
			r.pass(time.Second)
		}
		assert.Greater(t, looks, 50)
		assert.Less(t, looks, 60, "one each 10.5 s")
		assert.Greater(t, len(r.last("a").holding()), 585)
	})
}

// An alert whose campaign changes ends under its old labels.
func TestLabelsThatChange(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.load(r.workflow("w1", "failed", "A"))
		r.run()
		r.pass(20 * time.Second)
		r.apply(r.workflow("w1", "failed", "B"))
		r.pass(time.Millisecond)
		p := r.last("a")
		require.Len(t, p.alerts, 2)
		assert.Equal(t, "B", p.alerts[0].Labels["campaign"])
		assert.True(t, p.alerts[0].EndsAt.After(p.at))
		assert.Equal(t, "A", p.alerts[1].Labels["campaign"])
		assert.Equal(t, p.at, p.alerts[1].EndsAt)

		r.apply(r.workflow("w1", "failed", "A")) // and back
		r.pass(5 * time.Second)
		p = r.last("a")
		require.Len(t, p.alerts, 2)
		assert.Equal(t, "A", p.alerts[0].Labels["campaign"])
		assert.True(t, p.alerts[0].EndsAt.After(p.at))
		assert.False(t, p.alerts[1].EndsAt.After(p.at))
	})
}

// A start that is not known, or in the future, is when the alert was first
// seen: Alertmanager would refuse the second.
func TestStartsThatAreNotKnown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		unknown, ahead := r.workflow("w1", "failed", "A"), r.workflow("w2", "failed", "A")
		unknown[0].Workflow.StatusTime, ahead[0].Workflow.StatusTime = 0, now().Add(time.Hour).Unix()
		r.load(unknown, ahead)
		first := now()
		r.run()
		r.pass(5 * every)
		assert.Equal(t, map[string]time.Time{"failed w1": first, "failed w2": first}, r.last("a").holding())
		for _, p := range r.members.of("a") {
			for _, a := range p.alerts {
				assert.False(t, a.EndsAt.Before(a.StartsAt))
			}
		}
	})
}

// A restarted server, and another replica, post the same alerts with the same
// start. A server that stops ends nothing.
func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		docs := [][]join.Change{r.workflow("w1", "failed", "A"), r.workflow("w2", "failed", "A"), r.agent("vocms1", true)}
		r.load(docs...)
		r.run("a", "b")
		r.pass(every)
		before := r.last("a")
		assert.Equal(t, before, r.last("b"))
		sent := len(r.members.of("a"))
		r.stop()
		r.pass(3 * every)
		assert.Len(t, r.members.of("a"), sent, "nothing is posted at the end")

		r.newStore()
		r.load(docs...)
		r.run("a", "b")
		assert.Equal(t, before.holding(), r.last("a").holding())
		assert.Empty(t, r.last("a").over())
	})
}

// More alerts than fit into a post: the rule with the most becomes one alert.
func TestTooManyAlerts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var docs []join.Change
		for i := range 2000 {
			docs = append(docs, r.workflow(fmt.Sprintf("w%04d", i), "failed", "A")...)
		}
		r.load(docs)
		r.run()
		assert.Len(t, r.last("a").holding(), 2000)
		assert.Equal(t, []int64{2000, 0}, []int64{r.alerts.Load(), r.summed.Load()})

		r.pass(22 * time.Second)
		r.apply(r.workflow("more", "failed", "A"), r.agent("vocms1", true))
		r.pass(5 * time.Second)
		posts := r.members.of("a")
		var hold []alert
		over := 0
		for _, p := range posts[len(posts)-2:] { // 2 002 alerts, in two posts
			assert.LessOrEqual(t, len(p.alerts), 2000)
			over += len(p.over())
			for _, a := range p.alerts {
				if a.EndsAt.After(p.at) {
					hold = append(hold, a)
				}
			}
		}
		assert.Equal(t, 2000, over)
		require.Len(t, hold, 2)
		sum := hold[slices.IndexFunc(hold, func(a alert) bool { return a.Labels["rule"] == "failed" })]
		assert.Equal(t, map[string]string{"alertname": "WMStats", "rule": "failed", "severity": "error", "instance": "production"}, sum.Labels)
		assert.Equal(t, "2001", sum.Annotations["count"])
		assert.Equal(t, []int64{2, 2001}, []int64{r.alerts.Load(), r.summed.Load()})
		r.pass(5 * every)
		assert.Equal(t, 1, countOf(r.log.String(), "too many alerts for Alertmanager"), r.log)

		r.apply(r.workflow("more", "completed", "A"), r.agent("vocms1", false))
		r.pass(5 * time.Second)
		assert.Equal(t, []int64{2000, 0}, []int64{r.alerts.Load(), r.summed.Load()})
		assert.Contains(t, r.log.String(), "posting each alert of the rule to Alertmanager again")
	})
}

// One alert for each agent that is silent on a workflow, with the agent's name:
// an inhibition needs it.
func TestSilentAgents(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.rules.Notify = maps.Clone(r.rules.Notify)
		r.rules.Notify["stale_agent"] = true
		r.load(r.workflow("w1", "running-open", "A"), r.report("vocms1", "w1"), r.report("vocms2", "w1"), r.agent("vocms1", false), r.agent("vocms2", false))
		start := now()
		r.run()
		assert.Empty(t, r.last("a").alerts)
		r.pass(10 * time.Minute)
		r.apply(r.report("vocms2", "w1"), r.agent("vocms2", false))
		r.pass(11 * time.Minute)
		r.store.Tick()
		r.pass(lookAgain)
		silent := start.Add(20*time.Minute + time.Second)
		assert.Equal(t, map[string]time.Time{"stale_agent w1 vocms1": silent, "agent_error vocms1": silent}, r.last("a").holding())
		r.pass(10 * time.Minute)
		r.store.Tick()
		r.pass(lookAgain)
		assert.Equal(t, []string{"agent_error vocms1", "agent_error vocms2", "stale_agent w1 vocms1", "stale_agent w1 vocms2"}, names(r.last("a").holding()))
	})
}
