package app

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/timeline"
)

// countsEvery is how often the counts over time are captured: they are large, and
// one more point is not worth it.
const countsEvery = time.Hour

// countsOverTime is the section of the checkpoint with the counts over time.
// It has its own version, so that neither another schema nor other rules lose
// them. In between it is carried over from the previous file.
type countsOverTime struct {
	timeline *timeline.Timeline
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	at     time.Time // when they were last captured; zero: not by this process
	newest int64     // point of them then
	ending bool
}

// carry reports whether those in the previous file are new enough.
func (c *countsOverTime) carry() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.now().Sub(c.at)
	return !c.ending && !c.at.IsZero() && age >= 0 && age < countsEvery
}

// last makes the next write contain all points.
func (c *countsOverTime) last() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
}

// mark identifies what a checkpoint written now would contain.
func (c *countsOverTime) mark() int64 {
	if !c.carry() {
		return c.timeline.Newest()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest
}

// section returns the section. Counts over time do not justify a full read: an
// error is logged and they are left out.
func (c *countsOverTime) section() checkpoint.Section {
	return checkpoint.Section{
		Name: "history", Optional: true, Always: true, Carry: c.carry,
		Capture: func() (checkpoint.Write, error) {
			newest, saved := c.timeline.Newest(), c.timeline.Save()
			c.mu.Lock()
			defer c.mu.Unlock()
			c.at, c.newest = c.now(), newest
			return func(put func([]byte) error) error {
				for _, frame := range saved.Encode() {
					if err := put(frame); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
		Restore: func(frames *checkpoint.Frames) (commit func(), err error) {
			list := make([][]byte, frames.Len())
			for i := range list {
				if list[i], err = frames.One(i); err != nil {
					return nil, fmt.Errorf("read the counts over time: %w", err)
				}
			}
			return func() {
				if err := c.timeline.Decode(list); err != nil {
					c.log.Warn("could not restore counts over time from the checkpoint", "err", err)
				}
			}, nil
		},
	}
}
