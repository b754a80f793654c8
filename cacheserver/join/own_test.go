package join

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// ownWorldRule is a rule with its meaning in Go: whether its conditions on
// values hold for a record, and whether those on ages do at a time.
type ownWorldRule struct {
	schema.OwnRule
	values func(w *schema.Workflow) bool
	ages   func(w *schema.Workflow, at int64) bool
}

func anyAge(*schema.Workflow, int64) bool { return true }

func ownWorld() []ownWorldRule {
	age := func(at, time int64) int64 { return max(at-time, 0) }
	return []ownWorldRule{
		{schema.OwnRule{Name: "runs", Query: "status=running-open", For: 900},
			func(w *schema.Workflow) bool { return w.Status == "running-open" }, anyAge},
		{schema.OwnRule{Name: "idle", Query: "maxRunning=0&minAge=1d"},
			func(w *schema.Workflow) bool { return w.Running <= 0 },
			func(w *schema.Workflow, at int64) bool { return w.StatusTime > 0 && age(at, w.StatusTime) >= 86400 }},
		{schema.OwnRule{Name: "where", Query: "site=T2_CH_1,T2_CH_2&status=!assigned&has=failure", For: 60},
			func(w *schema.Workflow) bool {
				return (slices.Contains(w.Sites, "T2_CH_1") || slices.Contains(w.Sites, "T2_CH_2")) && w.Status != "assigned" && w.Failure != 0
			}, anyAge},
		{schema.OwnRule{Name: "young", Query: "minPriority=3&maxAge=3d&team=!x", For: 600},
			func(w *schema.Workflow) bool { return w.Priority >= 3 },
			func(w *schema.Workflow, at int64) bool { return w.StatusTime > 0 && age(at, w.StatusTime) <= 3*86400 }},
		{schema.OwnRule{Name: "campaign", Query: "campaign=campaign-1,*-2&workflow=workflow-*"},
			func(w *schema.Workflow) bool {
				return slices.ContainsFunc(w.Campaigns, func(c string) bool { return c == "campaign-1" || strings.HasSuffix(c, "-2") })
			}, anyAge},
		{schema.OwnRule{Name: "reports", Query: "minLastAgentUpdate=20m&maxStatusTime=1h&hasjobinfo=true", For: 30}, // of a time, a duration bounds the age
			func(w *schema.Workflow) bool { return w.HasJobInfo },
			func(w *schema.Workflow, at int64) bool {
				return w.LastAgentUpdate > 0 && age(at, w.LastAgentUpdate) <= 1200 && w.StatusTime > 0 && age(at, w.StatusTime) >= 3600
			}},
	}
}

// ownModel recounts the rules by reading all records after each input.
type ownModel struct {
	since map[string]int64 // by rule and workflow: from when on the values match
}

// look reads all records of a state, at the moment of an input.
func (m *ownModel) look(s *State, rules []schema.OwnRule, l *block.Layout, moment int64) {
	next := map[string]int64{}
	eachRecord(s, l, func(w *schema.Workflow) {
		for _, r := range meant(rules) {
			if key := r.Name + "/" + w.Workflow; r.values(w) {
				next[key] = moment
				if was, ok := m.since[key]; ok {
					next[key] = was
				}
			}
		}
	})
	m.since = next
}

// firing returns when a rule began to hold, 0 if it does not at the moment: the
// first second from which on ages have matched, found by trying.
func (m *ownModel) firing(w *schema.Workflow, r ownWorldRule, moment int64) int64 {
	since, ok := m.since[r.Name+"/"+w.Workflow]
	if !ok || !r.ages(w, moment) {
		return 0
	}
	low, high := since, moment // ages match from some second on, until now
	for low < high {
		if mid := low + (high-low)/2; r.ages(w, mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if begin := low + r.For; begin <= moment {
		return begin
	}
	return 0
}

func meant(rules []schema.OwnRule) (out []ownWorldRule) {
	all := ownWorld()
	for _, r := range rules {
		out = append(out, all[slices.IndexFunc(all, func(o ownWorldRule) bool { return o.Name == r.Name })])
	}
	return out
}

func eachRecord(s *State, l *block.Layout, f func(*schema.Workflow)) {
	s.Table.Range(0, s.Table.Len(), func(b *block.Block, i, end int) bool {
		for ; i < end; i++ {
			f(b.Workflow(l, i))
		}
		return true
	})
}

// TestOwnRulesEqualARecount passes random inputs, changed rules and restarts to
// a machine, and compares its alerts after each tick with a scan of all records.
func TestOwnRulesEqualARecount(t *testing.T) {
	w := newWorld(7)
	o := Options{MaxLoss: 1, Limits: schema.DefaultLimits()}
	o.Limits.Own = w.ownRules()
	m, model := newMachine(t, o), &ownModel{since: map[string]int64{}}
	reading, latest, seen := false, int64(0), map[string]int{}
	for i := range 6000 {
		in, what := w.input(reading)
		in(m)
		reading = what == "begin" || reading && what != "commit" && what != "abort"
		if m.state == nil {
			continue
		}
		model.look(m.state, m.limits.Own, m.layout, w.at)
		if !reading && w.rng.IntN(100) == 0 {
			m = restoredOf(t, m, o)
			seen["restarts"]++
		}
		earlier := w.at < latest
		latest = max(latest, w.at)
		if what != "tick" || earlier { // alerts follow the time at ticks, not when a clock is set back
			continue
		}
		eachRecord(m.state, m.layout, func(record *schema.Workflow) {
			blk, k := m.state.Table.At(must(m.state.Table.Search(record.Workflow)))
			began := map[string]int64{}
			for _, b := range m.state.Facts(blk.Source(k)).Began {
				began[b.Rule] = b.Time
			}
			for _, r := range meant(m.limits.Own) {
				want := model.firing(record, r, w.at)
				require.Equal(t, want > 0, slices.Contains(record.Alerts, r.Name), "input %d: %s of %s", i, r.Name, record.Workflow)
				require.Equal(t, want, began[r.Name], "input %d: %s of %s", i, r.Name, record.Workflow)
				if want > 0 {
					seen[r.Name]++
				}
			}
			require.Equal(t, max(record.Held(), 1)*int64(min(len(record.Alerts), 1)), record.Score)
		})
	}
	t.Log(seen)
	for _, r := range ownWorld() {
		require.Greater(t, seen[r.Name], 10, r.Name)
	}
	require.Greater(t, seen["restarts"], 5)
}

func must(at int, found bool) int {
	if !found {
		panic(fmt.Sprint("no record at ", at))
	}
	return at
}
