package sharedlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/flat"
)

// A week of points, of a world whose names are those of the source.
const (
	weekOf     = 5000 // workflows
	changing   = 100  // reports that change from one point to the next
	pointEvery = 5 * time.Minute
	week       = 7 * 24 * time.Hour
)

// fillCounts stores a snapshot of another log with the counts over time of a week: the
// first leader takes them over.
func fillCounts(ctx context.Context, engineURL, couchURL string, seed int64) (err error) {
	counts, err := weekOfCounts(ctx, seed)
	if err != nil {
		return err
	}
	// What a cache server calls its source; the bucket has a hash of it in its name. That
	// the servers find it is checked later.
	source := fmt.Sprintf("couch %s %q %q", couchURL, design.RequestDB, design.WMStatsDB)
	dir, err := os.MkdirTemp("", "wmstats-bench-")
	if err != nil {
		return fmt.Errorf("folder of the counts over time: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "snapshot")
	section := checkpoint.Section{Name: "history", Always: true, Capture: func() (checkpoint.Write, error) {
		return func(put func([]byte) error) error {
			for _, frame := range counts.Encode() {
				if err := put(frame); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
	if _, err := checkpoint.WriteFile(ctx, path, checkpoint.Header{Fingerprint: "bench", Source: source}, []checkpoint.Section{section}, time.Now); err != nil {
		return fmt.Errorf("write the counts over time: %w", err)
	}
	e, err := dial(engineURL)
	if err != nil {
		return err
	}
	defer e.close()
	bucket, err := e.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: fmt.Sprintf("wmstats_%016x_bench_snapshots", xxhash.Sum64String(source))})
	if err != nil {
		return fmt.Errorf("store the counts over time: %w", err)
	}
	from, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("store the counts over time: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if _, err := bucket.Put(ctx, jetstream.ObjectMeta{Name: "bench-1"}, from); err != nil {
		return fmt.Errorf("store the counts over time: %w", err)
	}
	return nil
}

// weekOfCounts returns counts over time of seven days in which something has changed
// between any two points.
func weekOfCounts(ctx context.Context, seed int64) (*timeline.Timeline, error) {
	source, err := flat.NewSized(flat.Options{Seed: uint64(seed), Workflows: weekOf}) //nolint:gosec // not negative
	if err != nil {
		return nil, fmt.Errorf("make records: %w", err)
	}
	records, err := store.New(store.Options{Process: "bench"})
	if err != nil {
		return nil, fmt.Errorf("set up the store: %w", err)
	}
	var reports []join.Change
	load := records.BeginLoad()
	for i := range weekOf {
		w, of := source.Sides(i)
		changes := []join.Change{{Kind: join.Request, ID: w.Workflow, Rev: "1", Workflow: &w}}
		for k := range of {
			changes = append(changes, join.Change{Kind: join.AgentReport, ID: of[k].Agent + "-" + w.Workflow, Rev: "1", Time: of[k].Time, Report: &of[k]})
		}
		reports = append(reports, changes[1:]...)
		load.Add(changes)
	}
	if _, err := load.Commit(); err != nil {
		return nil, fmt.Errorf("load records: %w", err)
	}
	now := time.Now().Add(-week)
	counts, err := timeline.New(timeline.Options{Now: func() time.Time { return now }})
	if err != nil {
		return nil, fmt.Errorf("set up counts over time: %w", err)
	}
	for n := range int(week / pointEvery) {
		now = now.Add(pointEvery)
		var changes []join.Change
		for k := range changing {
			c := &reports[(n*changing+k)%len(reports)]
			report := *c.Report
			report.Counts.Success += int64(n%7 + 1)
			report.Counts.Running += int64(n % 5)
			report.Counts.FailureException += int64(n % 2)
			report.Time += int64(n + 1)
			c.Report, c.Rev, c.Time = &report, fmt.Sprint(n+2), report.Time
			changes = append(changes, *c)
		}
		records.Apply(changes)
		generation, _ := records.Newest()
		counts.Observe(generation, records.Agents(generation))
	}
	return counts, ctx.Err()
}
