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

// TestDays lets lean worlds live for days: one in which
// edge cases have their usual places, and one for each edge case in which every
// workflow carries it, so that each meets every status that a workflow can come
// to. `make test-long` (WMSTATS_LONG_SEEDS) takes 30 days of ten seeds.
func TestDays(t *testing.T) {
	t.Parallel()
	days, seeds := 2, 1
	if text := os.Getenv("WMSTATS_LONG_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "WMSTATS_LONG_SEEDS")
		days, seeds = 30, n
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
			lives(t, gen.Options{Seed: seed + 1, Workflows: 40, Lean: true}, days, 0.02, 10*time.Minute)
		})
		for _, e := range gen.EdgeCases() {
			if e.Name == "large document" {
				continue // a megabyte in each write; its request is bent as others are
			}
			t.Run(fmt.Sprintf("seed %d, %s", seed+1, e.Name), func(t *testing.T) {
				lives(t, gen.Options{Seed: seed + 1, Workflows: 5, Lean: true, Edge: e.Name}, (days+1)/2, 0.004, time.Hour)
			})
		}
	}
}

// lives runs a world and holds each document that it writes to what CouchDB
// takes: a JSON object under its own id.
func lives(t *testing.T, opts gen.Options, days int, rate float64, step time.Duration) {
	opts.Storable = true
	w, sim, now := start(t, opts, rate, time.Hour)
	for d := range w.All() {
		storable(t, d)
	}
	written := 0
	for end := now.Add(time.Duration(days) * 24 * time.Hour); now.Before(end); {
		now = now.Add(step)
		for _, d := range sim.Step(now) {
			storable(t, d)
			written++
		}
	}
	require.Greater(t, written, days*100)
}

func storable(t *testing.T, d gen.Doc) {
	var head struct {
		ID *string `json:"_id"`
	}
	if err := json.Unmarshal(d.JSON, &head); err != nil || head.ID == nil || *head.ID != d.ID || d.ID == "" {
		require.Fail(t, "not storable", "%s: %v: %.300s", d.ID, err, d.JSON)
	}
}
