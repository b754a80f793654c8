package follower

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// rereadTries is the number of attempts of a re-read to read one database; the
// next re-read comes soon after a failed one.
const rereadTries = 3

// Reading is the progress of the full read of one database.
type Reading struct {
	Database  string
	Since     time.Time
	Documents int64  // received; those of a failed attempt come again
	Done      bool   // waiting for the other database
	Reason    string // why the last attempt failed, safe to publish; "": it did not
}

// readings are the states of the full read in progress.
type readings struct {
	mu   sync.Mutex
	list map[couch.Database]Reading
}

func (r *readings) begin(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = map[couch.Database]Reading{}
	for _, db := range followed() {
		r.list[db] = Reading{Database: db.String(), Since: at}
	}
}

func (r *readings) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = nil
}

func (r *readings) change(db couch.Database, change func(*Reading)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one, ok := r.list[db]; ok {
		change(&one)
		r.list[db] = one
	}
}

// Reading returns the progress of a full read by database; empty when none is in
// progress. Re-reads do not count.
func (f *Follower) Reading() []Reading {
	f.readings.mu.Lock()
	defer f.readings.mu.Unlock()
	list := make([]Reading, 0, len(f.readings.list))
	for _, one := range f.readings.list {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Reading) int { return cmp.Compare(a.Database, b.Database) })
	return list
}

// startings are the positions from which databases are followed after a full
// read: each is that of the first attempt to read it, so that the documents of
// that attempt count.
type startings struct {
	mu sync.Mutex
	of map[couch.Database]couch.Position
}

// take gets a position before an attempt to read. errRecreated means that the
// database is another one than at the previous attempt. Other signs are noticed
// when the database is followed from there.
func (s *startings) take(ctx context.Context, from Source, db couch.Database) error {
	now, err := from.Position(ctx, db)
	if err != nil {
		return fmt.Errorf("before a full read: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first, ok := s.of[db]
	switch {
	case !ok:
		s.of[db] = now
	case first.Signs(now).Anew != "":
		return fmt.Errorf("%w: %s", errRecreated, first.Signs(now).Anew)
	}
	return nil
}

// readAll reads both databases at once while the decoders work. The number of
// parcels limits the memory: a reader without a parcel waits.
func (f *Follower) readAll(ctx context.Context, into Load, from *startings, start time.Time, m mode) (*readCount, error) {
	var read readCount
	free := make(chan *parcel, 2*f.o.Workers+2*len(followed()))
	for range cap(free) {
		free <- &parcel{}
	}
	full := make(chan *parcel, cap(free))
	group, ctx := errgroup.WithContext(ctx)
	workers := f.o.Workers
	if m.behind {
		workers = 1
	}
	for range workers {
		group.Go(func() error { return f.decodeParcels(ctx, full, free, into, m) })
	}
	group.Go(func() error {
		defer close(full)
		var readers sync.WaitGroup
		failures := make([]error, len(followed()))
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for i, db := range followed() {
			readers.Go(func() {
				failures[i] = f.readUntilDone(ctx, db, full, free, &read, from, start, m)
				if errors.Is(failures[i], errRecreated) {
					cancel() // start again
				}
			})
		}
		readers.Wait()
		return firstOf(failures)
	})
	return &read, group.Wait()
}

// firstOf returns the first error that is more than a consequence of another
// one.
func firstOf(failures []error) (err error) {
	for _, e := range failures {
		if e != nil && (err == nil || errors.Is(err, context.Canceled)) {
			err = e
		}
	}
	return err
}

// readUntilDone reads one database with as many retries as needed. A failure
// ends neither the read of the other one nor discards what has arrived.
func (f *Follower) readUntilDone(ctx context.Context, db couch.Database, full, free chan *parcel, read *readCount, from *startings, start time.Time, m mode) error {
	reader := fullRead + " of " + db.String()
	for try := 1; ; try++ {
		err := f.readOnce(ctx, db, full, free, read, from, start, m)
		if err == nil {
			f.retry.worked(reader)
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, errRecreated) {
			return err
		}
		if m.behind && try == rereadTries {
			f.retry.worked(reader) // it no longer waits
			return fmt.Errorf("read %s: %w", db, err)
		}
		if !m.behind { // otherwise the feeds report the state of the source
			f.fail(db, err)
			f.readings.change(db, func(r *Reading) { r.Reason = couch.Public(err) })
		}
		next := f.retry.failed(reader, err)
		f.o.Log.Error("full read failed", "database", db.String(), "retry_in", next.wait, "err", err)
		if !next.await(ctx) {
			return ctx.Err()
		}
	}
}

// readOnce reads one database. Before the first attempt it records the position.
func (f *Follower) readOnce(ctx context.Context, db couch.Database, full, free chan *parcel, read *readCount, from *startings, start time.Time, m mode) error {
	if !m.behind {
		if err := f.nameSource(ctx); err != nil {
			return err
		}
		if err := from.take(ctx, f.o.Source, db); err != nil {
			return err
		}
	}
	if err := f.readOne(ctx, db, full, free, read, start, m); err != nil {
		return err
	}
	if !m.behind {
		f.state.alive(db)
		f.readings.change(db, func(r *Reading) { r.Done, r.Reason = true, "" })
	}
	return nil
}
