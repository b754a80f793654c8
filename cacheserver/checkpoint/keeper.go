package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

// Options of a Keeper. Path and Sections are required.
type Options struct {
	Path     string
	Header   Header
	Sections []Section // in the order in which they are captured

	Every time.Duration // between two writes; 0: 1 min
	Share float64       // writing takes at most this share of the time, by waiting longer; 0: 0.05

	// Mark names the state: while it is what it was at the last write, there is
	// nothing to write. It is "" before there is something.
	Mark func() string

	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	Hooks Hooks
}

// Hooks are called as things happen; any may be nil.
type Hooks struct {
	Written func(Result)
	Failed  func(kind string)    // a write; kind as from Kind
	Read    func(Result, string) // at the start; kind "none" when all of it is used
}

// State is what a Keeper did last.
type State struct {
	Read      string    // kind of the error of Restore: "none" when the file is used; "" before
	ReadNote  string    // why the file was not used, without a path
	ReadOf    time.Time // when the file that is used was written
	Written   Result    // of the last good write
	WriteNote string    // why the last write failed, without a path; "" when it did not
}

// Keeper writes a file now and then.
type Keeper struct {
	o Options

	writing sync.Mutex // one write at a time
	mark    string     // of the last write

	mu    sync.Mutex
	state State
}

// New checks the options.
func New(o Options) (*Keeper, error) {
	switch {
	case o.Path == "" || len(o.Sections) == 0 || o.Mark == nil:
		return nil, errors.New("checkpoint options: Path, Sections and Mark are required")
	case o.Every < 0 || !(o.Share >= 0 && o.Share <= 1):
		return nil, errors.New("checkpoint options: Every must not be negative, Share must be between 0 and 1")
	}
	if o.Every == 0 {
		o.Every = time.Minute
	}
	if o.Share == 0 {
		o.Share = 0.05
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{o: o}, nil
}

// State tells what happened last.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

func (k *Keeper) note(change func(*State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.state)
}

// Restore puts the file in force, if it can be used, and says so in the log
// otherwise. Call it once, before Run, while nothing else changes the state.
func (k *Keeper) Restore(ctx context.Context) (used bool) {
	r, err := ReadFile(ctx, k.o.Path, k.o.Header, k.o.Sections)
	kind := Kind(err)
	k.note(func(s *State) {
		s.Read, s.ReadOf = kind, r.Written
		if err != nil {
			s.ReadNote = Public(err)
		}
	})
	if k.o.Hooks.Read != nil {
		k.o.Hooks.Read(r, kind)
	}
	switch {
	case err == nil:
		k.o.Log.Info("checkpoint read", "file", k.o.Path, "written", r.Written, "bytes", r.Bytes, "took", r.Took)
	case errors.Is(err, fs.ErrNotExist):
		k.o.Log.Info("no checkpoint yet; reading everything", "file", k.o.Path)
	case ctx.Err() == nil:
		k.o.Log.Warn("checkpoint ignored; reading everything", "file", k.o.Path, "kind", kind, "err", err)
	}
	if err := RemoveLeftovers(k.o.Path); err != nil {
		k.o.Log.Warn("could not remove an unfinished checkpoint", "err", err)
	}
	return err == nil
}

// Run writes the file now and then until ctx ends. A write that fails is said,
// and tried again at the next turn.
func (k *Keeper) Run(ctx context.Context) error {
	next := k.o.Every
	for {
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		began := time.Now()
		_ = k.Save(ctx) // it has been said
		// A file that takes long to write is written less often.
		next = max(k.o.Every, time.Duration(float64(time.Since(began))*(1/k.o.Share-1)))
	}
}

// Save writes the file now, unless nothing has changed since the last time.
func (k *Keeper) Save(ctx context.Context) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	mark := k.o.Mark() // before the capture: what changes after it is written again
	if mark == "" || mark == k.mark {
		return nil
	}
	r, err := WriteFile(ctx, k.o.Path, k.o.Header, k.o.Sections, k.o.Now)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			k.o.Log.Error("could not write the checkpoint; keeping the previous one", "file", k.o.Path, "err", err)
		}
		k.note(func(s *State) { s.WriteNote = Public(err) })
		if k.o.Hooks.Failed != nil {
			k.o.Hooks.Failed(Kind(err))
		}
		return fmt.Errorf("checkpoint %s: %w", k.o.Path, err)
	}
	k.mark = mark
	k.note(func(s *State) { s.Written, s.WriteNote = r, "" })
	if k.o.Hooks.Written != nil {
		k.o.Hooks.Written(r)
	}
	k.o.Log.Debug("checkpoint written", "file", k.o.Path, "bytes", r.Bytes, "raw", r.Raw, "took", r.Took, "capture", r.Capture)
	return nil
}
