package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestChangedLimitsTakeEffect: a store whose limits were changed answers as one
// that was made with them, at once and as time passes, and back again.
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
			assert.NotEqual(t, before, changing.SetLimits(limits).Generation, "what was made for the old ones is not used")
			assert.Equal(t, wire.MadeByLimits, changing.Made()[0].By)
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

// TestLimitsBeforeTheFirstGeneration: there is nothing to make anew yet.
func TestLimitsBeforeTheFirstGeneration(t *testing.T) {
	s := newStore(t, Options{})
	assert.Empty(t, s.SetLimits(schema.TierZeroLimits()).Generation)
	_, ok := s.Newest()
	assert.False(t, ok)
}
