package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// A store whose limits were changed answers like one that was created with them,
// at once and as time passes, and back again.
func TestChangedLimitsTakeEffect(t *testing.T) {
	strict := schema.DefaultLimits()
	strict.SiteErrorRate, strict.AssignedStall, strict.StatusStall, strict.AgentSilent = 0.01, 60, 60, 30
	off := schema.DefaultLimits()
	off.Off = []string{schema.AlertSiteError, schema.AlertStaleAgent}
	for name, limits := range map[string]schema.Limits{"strict": strict, "off": off, "as before": schema.DefaultLimits()} {
		t.Run(name, func(t *testing.T) {
			at := &clock{start}
			script := newMaker(7).script(60)
			changing, fixed := loaded(t, Options{Now: at.now}, script), loaded(t, Options{Now: at.now, Limits: limits}, script)
			changing.SetLimits(strict)
			before := must(changing).ID()
			assert.NotEqual(t, before, changing.SetLimits(limits).Generation, "results for the old limits are not used")
			assert.Equal(t, wire.CausedByLimits, changing.Made()[0].By)
			for range 5 {
				want, got := decodeAll(t, must(fixed)), decodeAll(t, must(changing))
				require.Equal(t, want, got)
				require.Equal(t, fixed.Agents(must(fixed)), changing.Agents(must(changing)))
				at.at += 120
				fixed.Tick()
				changing.Tick()
			}
		})
	}
}

// There are no alerts to compute yet.
func TestLimitsBeforeTheFirstGeneration(t *testing.T) {
	s := newStore(t, Options{})
	assert.Empty(t, s.SetLimits(schema.TierZeroLimits()).Generation)
	_, ok := s.Newest()
	assert.False(t, ok)
}

// An agent falls silent and reports again while the rule is off.
func TestARuleThatIsOffMakesNoGeneration(t *testing.T) {
	for _, on := range []bool{true, false} {
		at := &clock{start}
		limits := schema.DefaultLimits()
		limits.AssignedStall, limits.StatusStall = 1<<40, 1<<40
		if !on {
			limits.Off = []string{schema.AlertStaleAgent}
		}
		m := newMaker(8)
		request, report := m.requestChange(nameOf(1)), m.partChange(nameOf(1), 1, start)
		request.Workflow.Status = "running-open"
		s := loaded(t, Options{Now: at.now, Limits: limits}, []join.Change{request, report})
		at.at += limits.AgentSilent + 10
		assert.Equal(t, on, s.Tick().Published, "it falls silent")
		again := report
		again.Time, again.Report = at.at, nil
		r := s.Apply([]join.Change{again})
		assert.Equal(t, 1, r.Same)
		assert.Equal(t, on, r.Published, "it reports")
	}
}
