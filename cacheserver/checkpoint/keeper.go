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
	Share float64       // maximum share of the time spent writing, kept by waiting longer; 0: 0.05

	// Mark identifies the state: if it is the same as at the last write,
	// nothing is written. It is "" before there is any state.
	Mark func() string

	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	Hooks Hooks
}

// Hooks are called when something happens; any may be nil.
type Hooks struct {
	Written func(Result)
	Failed  func(kind string)    // after a write; kind as from Kind
	Read    func(Result, string) // at the start; kind "none" if all of it is used
}

// State is the outcome of the Keeper's last actions.
type State struct {
	Read      string    // kind of the error of Restore: "none" if the file is used; "" before
	ReadNote  string    // why the file was not used, without a path
	ReadOf    time.Time // when the restored file was written
	Written   Result    // of the last successful write
	WriteNote string    // why the last write failed, without a path; "" if it succeeded
}

// Keeper writes a checkpoint at an interval.
type Keeper struct {
	o Options

	writing sync.Mutex // serializes writes
	mark    string     // of the last write

	mu    sync.Mutex
	state State
}

// New checks the options and returns a Keeper.
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

// State returns the current state.
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

// Restore reads the file and puts its sections in force. If that is not
// possible it logs why. Call it once, before Run, while nothing else changes
// the state.
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

// Run writes the file at an interval until ctx ends. A failed write is logged
// and retried at the next interval.
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
		_ = k.Save(ctx) // Save has logged it
		// A file that takes long to write is written less often.
		next = max(k.o.Every, time.Duration(float64(time.Since(began))*(1/k.o.Share-1)))
	}
}

// Save writes the file now, unless nothing has changed since the last write.
func (k *Keeper) Save(ctx context.Context) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	mark := k.o.Mark() // before the capture: later changes are written the next time
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
	if r.NotCarried != nil {
		k.o.Log.Warn("the previous checkpoint is damaged; no section of it was copied", "file", k.o.Path, "err", r.NotCarried)
	}
	k.mark = mark
	k.note(func(s *State) { s.Written, s.WriteNote = r, "" })
	if k.o.Hooks.Written != nil {
		k.o.Hooks.Written(r)
	}
	k.o.Log.Debug("checkpoint written", "file", k.o.Path, "bytes", r.Bytes, "raw", r.Raw, "took", r.Took, "capture", r.Capture)
	return nil
}
