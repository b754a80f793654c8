package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/timeline"
)

// CountsSection returns what decides when counts over time are written.
func CountsSection(t *timeline.Timeline, now func() time.Time) (carry func() bool, capture, last func()) {
	c := &countsOverTime{timeline: t, now: now, log: slog.New(slog.DiscardHandler)}
	section := c.section()
	return section.Carry, func() { _, _ = section.Capture() }, c.last
}

// WriteCheckpoint writes the App's checkpoint as one of another fingerprint.
func WriteCheckpoint(ctx context.Context, a *App, path, fingerprint string) error {
	_, err := checkpoint.WriteFile(ctx, path, checkpoint.Header{Fingerprint: fingerprint, Source: a.sourceID}, a.sections(), time.Now)
	return err
}
