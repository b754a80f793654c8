package live_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// TestDays simulates lean worlds: one in which edge cases have their usual
// places for half a day, and one for each edge case in which every workflow has
// it for some hours. `make test-long` (WMSTATS_LONG_SEEDS) runs 30 and 15 days
// of ten seeds, so that each edge case occurs in every status that a workflow
// reaches.
func TestDays(t *testing.T) {
	t.Parallel()
	hours, seeds := 12, 1
	of := life{hours: 4, step: time.Hour, cycle: 6 * time.Hour, rate: 0.002} // with an edge case
	if text := os.Getenv("WMSTATS_LONG_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "WMSTATS_LONG_SEEDS")
		hours, seeds = 30*24, n
		of = life{hours: 15 * 24, step: time.Hour, cycle: time.Hour, rate: 0.004}
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
			lives(t, gen.Options{Seed: seed + 1, Workflows: 40, Lean: true}, life{hours: hours, step: 10 * time.Minute, cycle: time.Hour, rate: 0.02})
		})
		for _, e := range gen.EdgeCases() {
			if e.Name == "large document" {
				continue // a megabyte in each write; its request is changed like others
			}
			t.Run(fmt.Sprintf("seed %d, %s", seed+1, e.Name), func(t *testing.T) {
				lives(t, gen.Options{Seed: seed + 1, Workflows: 5, Lean: true, Edge: e.Name}, of)
			})
		}
	}
}

// life is how long a world is simulated, and how fast: in each step some
// workflows change, by the rate, and in each cycle all agents report.
type life struct {
	hours       int
	step, cycle time.Duration
	rate        float64
}

// lives runs a world and checks that CouchDB can store each document that it
// writes: a JSON object under its own id.
func lives(t *testing.T, opts gen.Options, of life) {
	opts.Storable = true
	w, sim, now := start(t, opts, of.rate, of.cycle)
	for d := range w.All() {
		storable(t, d)
	}
	written := 0
	for end := now.Add(time.Duration(of.hours) * time.Hour); now.Before(end); {
		now = now.Add(of.step)
		for _, d := range sim.Step(now) {
			storable(t, d)
			written++
		}
	}
	require.Greater(t, written, of.hours)
}

func storable(t *testing.T, d gen.Doc) {
	var head struct {
		ID *string `json:"_id"`
	}
	if err := json.Unmarshal(d.JSON, &head); err != nil || head.ID == nil || *head.ID != d.ID || d.ID == "" {
		require.Fail(t, "not storable", "%s: %v: %.300s", d.ID, err, d.JSON)
	}
}
