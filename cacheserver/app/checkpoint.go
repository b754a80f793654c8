package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/schema"
)

// newKeeper sets up the checkpoint; nil without --checkpoint.
func (a *App) newKeeper(registry *prometheus.Registry) (*checkpoint.Keeper, error) {
	if a.o.Checkpoint == "" {
		return nil, nil
	}
	if !a.folderIsThere() {
		a.Log.Error("can't write checkpoints: its folder does not exist", "file", a.o.Checkpoint)
	}
	hooks, err := checkpointMetrics(registry)
	if err != nil {
		return nil, err
	}
	if err := registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wmstats_checkpoint_pause_seconds", Help: "How long changes had to wait while the newest checkpoint was captured.",
	}, func() float64 { return a.records.CapturePause().Seconds() })); err != nil {
		return nil, fmt.Errorf("register the checkpoint's metrics: %w", err)
	}
	k, err := checkpoint.New(checkpoint.Options{
		Path: a.o.Checkpoint, Every: a.o.CheckpointEvery,
		Header:   checkpoint.Header{Fingerprint: schema.Fingerprint(), Source: a.sourceID},
		Sections: a.sections(), Mark: a.mark, Log: a.Log, Hooks: hooks,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the checkpoint: %w", err)
	}
	return k, nil
}

// sections returns the sections of a checkpoint. The order matters: captured
// positions must not be ahead of the records, and the records are restored
// last, since requests are answered and counted as soon as they exist.
func (a *App) sections() []checkpoint.Section {
	sections := []checkpoint.Section{a.follower.Section(), a.counts.section()}
	if a.documents != nil {
		sections = append(sections, a.documents.Section())
	}
	return append(sections, a.records.Section())
}

// mark identifies the content of a checkpoint written now; "" means no content
// yet.
func (a *App) mark() string {
	generation, ok := a.records.Newest()
	if !ok || !a.follower.Loaded() {
		return ""
	}
	return fmt.Sprint(generation.ID(), a.follower.Positions(), a.counts.mark())
}

// follow reads the checkpoint, if there is one, and then follows the source.
func (a *App) follow(restored chan<- struct{}) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if a.keeper != nil {
			a.keeper.Restore(ctx)
			a.readWhole()
		}
		close(restored)
		return a.follower.Run(ctx)
	}
}

// keep writes the checkpoint at an interval, once it has been read.
func (a *App) keep(restored <-chan struct{}) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-restored:
			return a.keeper.Run(ctx)
		}
	}
}

// lastCheckpoint writes the checkpoint at the end. A failure has been logged,
// and the previous file is valid, so it is not an error.
func (a *App) lastCheckpoint(ctx context.Context) error {
	a.counts.last()
	_ = a.keeper.Save(ctx)
	return nil
}

// folderIsThere reports whether the folder of the checkpoint exists. It may be
// deleted while the server runs, and nothing is written before something
// changes.
func (a *App) folderIsThere() bool {
	folder, err := os.Stat(filepath.Dir(a.o.Checkpoint))
	return err == nil && folder.IsDir()
}

// checkpointState returns the checkpoint's line in /readyz?verbose, without a
// path.
func (a *App) checkpointState() (ok bool, note string) {
	if a.keeper == nil {
		return true, ""
	}
	s := a.keeper.State()
	switch s.Read {
	case "":
		note = "being read"
	case "none":
		note = "resumed from the one of " + s.ReadOf.UTC().Format(time.RFC3339)
	default:
		note = "not used at the start: " + s.ReadNote
	}
	ok = s.Read != "broken" && s.Read != "failed"
	switch {
	case !a.folderIsThere() && s.WriteNote == "":
		return false, note + "; can't be written: its folder does not exist"
	case !a.folderIsThere():
		return false, note + "; the last write failed: its folder does not exist"
	case s.WriteNote != "":
		return false, note + "; the last write failed: " + s.WriteNote
	case s.Written.Bytes > 0:
		// A file that could not be used no longer matters once a new one was
		// written.
		return true, note + "; last written " + s.Written.Written.UTC().Format(time.RFC3339)
	}
	return ok, note
}

func checkpointMetrics(registry *prometheus.Registry) (checkpoint.Hooks, error) {
	writes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_checkpoint_writes_total", Help: "Writes of the checkpoint by result: done or failed.",
	}, []string{"result"})
	reads := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wmstats_checkpoint_read", Help: "1 for the result of reading the checkpoint at startup: used, missing, broken (damaged), foreign (of another source or version) or failed.",
	}, []string{"result"})
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	size := gauge("wmstats_checkpoint_bytes", "Size of the newest checkpoint.")
	at := gauge("wmstats_checkpoint_time_seconds", "When the newest checkpoint was captured, in Unix time.")
	took := gauge("wmstats_checkpoint_write_seconds", "Time to write the newest checkpoint.")
	held := gauge("wmstats_checkpoint_capture_seconds", "Time to capture the newest checkpoint, part of the time to write it.")
	read := gauge("wmstats_checkpoint_read_seconds", "Time to read the checkpoint at startup.")
	for _, c := range []prometheus.Collector{writes, reads, size, at, took, held, read} {
		if err := registry.Register(c); err != nil {
			return checkpoint.Hooks{}, fmt.Errorf("register the checkpoint's metrics: %w", err)
		}
	}
	for _, result := range []string{"done", "failed"} {
		writes.WithLabelValues(result)
	}
	for _, result := range []string{"used", "missing", "broken", "foreign", "failed"} {
		reads.WithLabelValues(result)
	}
	newest := func(r checkpoint.Result) {
		size.Set(float64(r.Bytes))
		at.Set(float64(r.Written.UnixMilli()) / 1000)
	}
	return checkpoint.Hooks{
		Written: func(r checkpoint.Result) {
			writes.WithLabelValues("done").Inc()
			took.Set(r.Took.Seconds())
			held.Set(r.Capture.Seconds())
			newest(r)
		},
		Failed: func(string) { writes.WithLabelValues("failed").Inc() },
		Read: func(r checkpoint.Result, kind string) {
			if kind == "none" {
				read.Set(r.Took.Seconds())
				newest(r)
				kind = "used"
			}
			reads.WithLabelValues(kind).Set(1)
		},
	}, nil
}
