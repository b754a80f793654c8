package web_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/web"
)

// What changed since the last look, in words, and what of it the title of the tab
// tells.
func TestChangesOfPins(t *testing.T) {
	state := func(is string, success, failure int64, alerts ...string) web.PinState {
		return web.PinState{Is: is, Success: success, Failure: failure, Alerts: alerts}
	}
	for name, c := range map[string]struct {
		kind      string
		seen, now web.PinState
		missing   string
		changes   []string
		title     string
	}{
		"nothing":        {"workflow", state("acquired", 1, 2, "a"), state("acquired", 1, 2, "a"), "", nil, ""},
		"completed":      {"workflow", state("running-open", 1000, 0), state("completed", 3000, 4), "", []string{"running-open → completed", "+2000 done", "+4 failed"}, "✓ completed · n"},
		"once completed": {"workflow", state("completed", 1, 0), state("closed-out", 1, 0), "", []string{"completed → closed-out"}, ""},
		"failed":         {"workflow", state("assigned", 0, 0), state("failed", 0, 0, "failed"), "", []string{"assigned → failed", "alert began: failed"}, "✕ failed · n"},
		"alerts":         {"workflow", state("acquired", 0, 5, "status_stall"), state("acquired", 0, 3, "site_error"), "", []string{"−2 failed", "alert began: site error", "alert ended: status stall"}, "▲ site error · n"},
		"archived":       {"workflow", state("announced", 9, 9), state("normal-archived", 9, 9), "archived", []string{"announced → normal-archived"}, ""},
		"gone":           {"workflow", state("announced", 9, 9), state("", 9, 9), "gone", nil, ""},
		"agent":          {"agent", state("ok", 1, 1), state("error", 1, 1), "", []string{"ok → error"}, "✕ error · n"},
		"agent again":    {"agent", state("error", 1, 1), state("ok", 1, 1), "", []string{"error → ok"}, ""},
		"site":           {"site", state("Normal", 1, 1), state("Down", 2, 1), "", []string{"Normal → Down", "+1 done"}, ""},
		"campaign":       {"campaign", state("12 workflows", 1, 1), state("13 workflows", 1, 1), "", []string{"12 workflows → 13 workflows"}, ""},
	} {
		row := web.PinnedRow{PinButton: web.PinButton{Pin: web.Pin{Kind: c.kind, Name: "n"}}, Now: c.now, Seen: c.seen, Known: true, Missing: c.missing}
		assert.Equal(t, c.changes, row.Changes(), name)
		assert.Equal(t, c.title, web.PinnedNews([]web.PinnedRow{row}), name)
		row.Known = false
		assert.Empty(t, row.Changes(), name)
		assert.Empty(t, web.PinnedNews([]web.PinnedRow{row}), name)
	}
	done := web.PinnedRow{PinButton: web.PinButton{Pin: web.Pin{Kind: "workflow", Name: "a"}}, Now: state("completed", 0, 0), Seen: state("acquired", 0, 0), Known: true}
	assert.Equal(t, "✓ completed · a (+1)", web.PinnedNews([]web.PinnedRow{done, done}))
}
