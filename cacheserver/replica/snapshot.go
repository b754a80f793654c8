package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/store"
)

const (
	leastSnapshots = 6                // are kept
	snapshotWithin = 5 * time.Minute  // one is stored or read
	replayWithin   = 10 * time.Second // entries are applied at a start, if a newer snapshot helps
	paceOver       = 16               // inputs
)

// head is the first section of a snapshot: what belongs to the log and not to the
// machine.
type head struct {
	Epoch      string
	Entry      uint64 // the last one that it contains
	Generation uint64 // the entry of the generation that it contains
	Time       time.Time
	Input      uint64 // the last entry that told the machine something
	Shared     follower.Shared
	Quarantine []follower.Quarantined
	Source     store.SourceState
	Rules      []byte
	Pace       time.Duration // in which its server applied an entry
}

const headName = "log"

// keepSnapshots stores a snapshot at an interval, while this server is the leader.
func (r *Replica) keepSnapshots(ctx context.Context) error {
	for wait := lookEvery; pause(ctx, wait); {
		began := r.o.Now()
		entry, err := r.save(ctx)
		switch {
		case errors.Is(err, errNothing):
			wait = lookEvery
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.o.Log.Error("could not store a snapshot; keeping the ones before", "err", err)
		default:
			r.say.snapshot(entry)
			if r.o.Hooks.Snapshot != nil {
				r.o.Hooks.Snapshot(entry)
			}
			r.o.Log.Debug("snapshot stored", "entry", entry, "took", r.o.Now().Sub(began))
		}
		// Also after a failure: it may be for lack of room.
		if err := r.removeOld(ctx); err != nil && ctx.Err() == nil {
			r.o.Log.Error("could not remove what is old in the log", "err", err)
		}
		wait = max(r.o.SnapshotEvery, 20*r.o.Now().Sub(began))
	}
	return ctx.Err()
}

// errNothing means that there is nothing to save yet.
var errNothing = errors.New("no state to save")

// save stores a snapshot.
func (r *Replica) save(ctx context.Context) (entry uint64, err error) {
	sections, h, err := r.capture()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp(r.o.Dir, "wmstats-snapshot-")
	if err != nil {
		return 0, fmt.Errorf("store a snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "snapshot")
	if _, err := checkpoint.WriteFile(ctx, path, r.o.Header, sections, r.o.Now); err != nil {
		return 0, fmt.Errorf("write a snapshot: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("store a snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	within, cancel := context.WithTimeout(ctx, snapshotWithin)
	defer cancel()
	if err := r.o.Engine.Put(within, h.Entry, f); err != nil {
		return 0, fmt.Errorf("store a snapshot: %w", err)
	}
	return h.Entry, nil
}

// removeOld removes the oldest snapshots: those of the last r.o.Replay are needed,
// and one from before. Of the entries it removes those that are older than r.o.KeepFor and
// than the second newest snapshot: while none is stored, a server can still start.
func (r *Replica) removeOld(ctx context.Context) error {
	list, err := r.o.Engine.Snapshots(ctx)
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	now := r.o.Now()
	for len(list) > leastSnapshots && now.Sub(list[1].At) >= r.o.Replay {
		if err := r.o.Engine.Remove(ctx, list[0].Entry); err != nil {
			return fmt.Errorf("remove a snapshot: %w", err)
		}
		list = list[1:]
	}
	if len(list) < 2 {
		return nil
	}
	if err := r.o.Engine.Trim(ctx, list[len(list)-2].Entry, now.Add(-r.o.KeepFor)); err != nil {
		return fmt.Errorf("remove entries: %w", err)
	}
	return nil
}

// capture captures all sections of one entry: nothing is applied meanwhile. In the middle
// of an input, which another server may end, there is nothing to capture: a server that
// started from it would ignore the rest.
func (r *Replica) capture() ([]checkpoint.Section, head, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := r.o.Now()
	if !r.loaded || r.parts.open || len(r.shared.Positions) == 0 || !r.o.Machine.Loaded() {
		return nil, head{}, errNothing
	}
	generation, at, input := r.o.Clock.Newest()
	h := head{
		Epoch: r.epoch, Entry: r.seq, Generation: generation, Time: at, Input: input,
		Shared: r.shared, Quarantine: r.unusable.list(), Source: r.say.logged(), Rules: r.rules, Pace: max(r.pace, r.replayPace),
	}
	sections := []checkpoint.Section{checkpoint.Value(headName, func() head { return h }, nil)}
	for _, s := range r.o.Sections {
		write, err := s.Capture()
		if err != nil {
			return nil, head{}, fmt.Errorf("capture section %q: %w", s.Name, err)
		}
		sections = append(sections, checkpoint.Section{Name: s.Name, Capture: func() (checkpoint.Write, error) { return write, nil }})
	}
	r.say.captured(r.o.Now().Sub(began))
	return sections, h, nil
}

// start restores a snapshot and applies the entries since then, if there are any:
// the newest one that is at least r.o.Replay old, so that this server has the
// generations of that time too; or the oldest one. Where applying the entries would
// take long, it is a newer one. Without a snapshot this server can only begin the log
// again, after the entries that nobody can use. It returns false if the log did not
// answer: then there may be a snapshot, and this server must not do that.
func (r *Replica) start(ctx context.Context) (answered bool) {
	state, err := r.o.Engine.Open(ctx)
	var list []Snapshot
	if err == nil {
		list, err = r.o.Engine.Snapshots(ctx)
	}
	if err != nil {
		r.say.unanswered()
		r.o.Log.Warn("could not look for snapshots", "err", err)
		return false
	}
	answered = true
	r.mu.Lock()
	r.epoch, r.seq = state.Epoch, state.Last
	r.mu.Unlock()
	for len(list) > 0 && list[0].Entry+1 < state.First {
		list = list[1:] // the entries after it are gone
	}
	var pace time.Duration
	long := func(s Snapshot) bool { return pace*time.Duration(state.Last-min(s.Entry, state.Last)) > replayWithin } //nolint:gosec // a number of entries
	for len(list) > 0 {
		i := 0
		for i+1 < len(list) && (r.o.Now().Sub(list[i+1].At) >= r.o.Replay || long(list[i])) {
			i++
		}
		began := r.o.Now()
		h, err := r.restore(ctx, list[i].Entry, func(h *head) bool {
			pace = max(pace, h.Pace)
			return i+1 == len(list) || !long(list[i])
		})
		if errors.Is(err, errLong) {
			continue
		}
		if err == nil {
			r.o.Log.Info("started from a snapshot", "entry", h.Entry, "last", state.Last, "age", began.Sub(list[i].At), "took", r.o.Now().Sub(began))
			r.restored(h)
			r.replay(ctx, state.Last)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if errors.Is(err, errNoAnswer) {
			r.say.unanswered()
			answered = false
		}
		r.o.Log.Warn("snapshot ignored", "entry", list[i].Entry, "err", err)
		list = append(list[:i:i], list[i+1:]...)
	}
	return answered
}

// replay applies entries up to the newest one: last was that when this server
// started, and others have come since. Before, a list from here could
// be older than what another server has just answered.
func (r *Replica) replay(ctx context.Context, last uint64) {
	began, first := r.o.Now(), r.at()
	for !r.say.failed() && ctx.Err() == nil {
		err := r.catchUp(ctx, last)
		asked := r.o.Now()
		if err == nil {
			err = try(ctx, func(ctx context.Context) (err error) {
				last, err = r.o.Engine.Last(ctx)
				return err //nolint:wrapcheck // logged below
			})
		}
		switch at := r.at(); {
		case err != nil:
			r.o.Log.Debug("could not read the log", "err", err)
			pause(ctx, lookEvery)
		case at >= last:
			r.say.upTo(last, at, asked)
			r.say.start(asked)
			took := r.o.Now().Sub(began)
			r.replayed(at-first, took)
			r.o.Log.Info("caught up with the log", "entry", last, "entries", at-first, "took", took)
			return
		}
	}
}

// replayed records how long each entry took, with reading it: other servers that start
// may take as long.
func (r *Replica) replayed(entries uint64, took time.Duration) {
	if entries < readAhead { // too few to tell
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replayPace = took / time.Duration(entries) //nolint:gosec // a number of entries
}

// errNoAnswer means that the log did not deliver a snapshot that may be there.
var errNoAnswer = errors.New("the log does not answer")

// errLong means that applying the entries since a snapshot would take long.
var errLong = errors.New("there are too many entries since then")

// restore reads a snapshot into the machine, if its head is accepted.
func (r *Replica) restore(ctx context.Context, entry uint64, accept func(*head) bool) (_ *head, err error) {
	dir, err := os.MkdirTemp(r.o.Dir, "wmstats-snapshot-")
	if err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "snapshot")
	if err := r.fetch(ctx, path, func(ctx context.Context, to io.Writer) error { return r.o.Engine.Get(ctx, entry, to) }); err != nil {
		return nil, err
	}
	var h head
	first := checkpoint.Value(headName, nil, func(v head) (func(), error) { return func() { h = v }, nil })
	if _, err := checkpoint.ReadFile(ctx, path, r.o.Header, []checkpoint.Section{first}); err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	if h.Epoch != r.epoch || h.Entry != entry {
		return nil, checkpoint.Foreign("it is of another log")
	}
	if !accept(&h) {
		return nil, errLong
	}
	// The records are restored with the rules that made them.
	if err := r.o.Machine.SetRules(h.Rules); err != nil {
		return nil, fmt.Errorf("rules of a snapshot: %w", err)
	}
	r.o.Clock.restore(h.Time, h.Epoch, h.Generation, h.Input)
	defer r.o.Clock.clear()
	if _, err := checkpoint.ReadFile(ctx, path, r.o.Header, r.o.Sections); err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	return &h, nil
}

// takeOver restores what a snapshot of another log has with a version of its own:
// the counts over time. It does not matter much if that fails.
func (r *Replica) takeOver(ctx context.Context) {
	err := func() (err error) {
		dir, err := os.MkdirTemp(r.o.Dir, "wmstats-snapshot-")
		if err != nil {
			return fmt.Errorf("folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		path := filepath.Join(dir, "snapshot")
		if err := r.fetch(ctx, path, r.o.Engine.Other); err != nil {
			return err
		}
		var own []checkpoint.Section
		for _, s := range r.o.Sections {
			if s.Always {
				own = append(own, s)
			}
		}
		_, err = checkpoint.ReadFile(ctx, path, r.o.Header, own)
		if errors.Is(err, checkpoint.ErrForeign) { // of another version, as expected
			err = nil
		}
		return err //nolint:wrapcheck // logged below
	}()
	switch {
	case errors.Is(err, ErrNoEntry):
	case err != nil:
		r.o.Log.Warn("could not take over the counts over time of another log", "err", err)
	default:
		r.o.Log.Info("took over the counts over time of another log")
	}
}

// fetch writes a snapshot into a file.
func (r *Replica) fetch(ctx context.Context, path string, get func(context.Context, io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("read a snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, snapshotWithin)
	defer cancel()
	err = get(ctx, f)
	var here *fs.PathError // it was delivered, and can't be written
	switch {
	case errors.Is(err, ErrNoEntry), errors.Is(err, ErrDamaged), errors.As(err, &here):
		return fmt.Errorf("read a snapshot: %w", err)
	case err != nil:
		return fmt.Errorf("read a snapshot: %w: %w", errNoAnswer, err)
	}
	r.say.answered()
	return nil
}

// captured records for how long nothing was applied because of a snapshot.
func (s *said) captured(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = took
}

// snapshot records that a snapshot was stored.
func (s *said) snapshot(entry uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = entry
}
