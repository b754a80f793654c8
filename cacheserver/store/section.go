package store

import (
	"errors"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema/wire"
)

// errNoGeneration means that there is nothing to capture.
var errNoGeneration = errors.New("no generation yet")

// Section is the store's part of a checkpoint: all data of the writer. It is
// restored into an empty store, where it becomes the first generation.
func (s *Store) Section() checkpoint.Section {
	return checkpoint.Section{Name: "store", Capture: s.capture, Restore: s.restore}
}

// capture copies the current state; writers wait during the copy.
func (s *Store) capture() (checkpoint.Write, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Now()
	saved, ok := s.writer.Save()
	if !ok {
		return nil, errNoGeneration
	}
	s.paused.Store(int64(s.opt.Now().Sub(began)))
	return saved.Write, nil
}

// CapturePause returns how long writers waited for the capture of the newest
// checkpoint; 0 before the first.
func (s *Store) CapturePause() time.Duration { return time.Duration(s.paused.Load()) }

// restore reads the section; commit makes it the first generation.
func (s *Store) restore(frames *checkpoint.Frames) (commit func(), err error) {
	s.mu.Lock()
	empty := s.writer.Empty()
	o := s.opt.join()
	o.Limits = s.writer.Limits()
	s.mu.Unlock()
	if !empty {
		return nil, checkpoint.Foreign("the store is already in use")
	}
	began := s.opt.Moment()
	writer, err := join.Restore(frames, o, began)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the error in the section
	}
	return func() { s.take(writer, began) }, nil
}

// take publishes the restored state.
func (s *Store) take(writer *join.Join, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer = writer
	s.known.Store(writer.Known())
	out := writer.Outcome()
	s.show(out, making{wire.CausedByCheckpoint, began})
	s.opt.Log.Info("first generation, from a checkpoint", "workflows", out.Added,
		"agent_reports", out.State.Documents+out.Unmatched, "unmatched_reports", out.Unmatched)
}
