package join

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// seenModel recounts, from the states alone, when each alert of a workflow and
// each severity of an agent was first seen: 0 for those of the first state.
type seenModel struct {
	alerts   map[string]int64 // by rule and workflow
	severity map[string]string
	turned   map[string]int64 // by id of the agent's document
	heard    map[string]int64
}

// look reads a state at the moment of an input.
func (m *seenModel) look(s *State, fresh *Freshness, l *block.Layout, limits schema.Limits, moment int64) {
	first := m.alerts == nil
	alerts, severity, turned := map[string]int64{}, map[string]string{}, map[string]int64{}
	if first {
		moment = 0
	}
	eachRecord(s, l, func(w *schema.Workflow) {
		for _, code := range w.Alerts {
			key := code + "/" + w.Workflow
			if was, held := m.alerts[key]; held {
				alerts[key] = was
			} else {
				alerts[key] = moment
			}
		}
	})
	for _, a := range s.Agents {
		severity[a.ID], turned[a.ID] = schema.ReportedSeverity(a.Detail.Agent, start, limits), moment
		silent := m.heard[a.ID] + limits.AgentSilent + 1
		switch heard := m.heard[a.ID]; {
		case m.severity[a.ID] == severity[a.ID]:
			turned[a.ID] = m.turned[a.ID]
		case heard > 0 && severity[a.ID] == schema.SeverityError && silent <= moment:
			turned[a.ID] = silent // it was in error before, by its silence
		}
	}
	m.alerts, m.severity, m.turned, m.heard = alerts, severity, turned, map[string]int64{}
	for id, h := range fresh.Agents {
		m.heard[id] = h.Time
	}
}

// TestWhenAlertsWereSeenEqualsARecount passes random inputs, changed rules and
// restarts to a machine, and compares after each when its alerts were first seen
// with a scan of all records.
func TestWhenAlertsWereSeenEqualsARecount(t *testing.T) {
	w := newWorld(11)
	o := Options{MaxLoss: 1, Limits: schema.DefaultLimits()}
	m, model := newMachine(t, o), &seenModel{}
	reading, counts := false, map[string]int{}
	for i := range 3000 {
		in, what := w.input(reading)
		in(m)
		reading = what == "begin" || reading && what != "commit" && what != "abort"
		if m.state == nil {
			continue
		}
		if !reading && w.rng.IntN(10) == 0 {
			m = restoredOf(t, m, o)
			counts["restarts"]++
		}
		model.look(m.state, m.freshest(), m.layout, m.limits, w.at)
		eachRecord(m.state, m.layout, func(record *schema.Workflow) {
			blk, k := m.state.Table.At(must(m.state.Table.Search(record.Workflow)))
			facts := m.state.Facts(blk.Source(k))
			for _, code := range record.Alerts {
				want := model.alerts[code+"/"+record.Workflow]
				require.Equal(t, want, timeIn(facts.Seen, code), "input %d, %s: %s of %s", i, what, code, record.Workflow)
				counts[code]++
			}
			require.LessOrEqual(t, len(facts.Seen), len(record.Alerts))
		})
		for _, a := range m.state.Agents {
			require.Equal(t, model.turned[a.ID], a.Turned, "input %d, %s: agent %s", i, what, a.ID)
			counts[model.severity[a.ID]]++
		}
	}
	t.Log(counts)
	for _, kind := range []string{"restarts", schema.AlertConfigError, schema.AlertAssignedStall, schema.SeverityError, schema.SeverityDrain, schema.SeverityOK} {
		require.Positive(t, counts[kind], kind)
	}
}

func timeIn(list []schema.Began, rule string) int64 {
	for _, b := range list {
		if b.Rule == rule {
			return b.Time
		}
	}
	return 0
}
