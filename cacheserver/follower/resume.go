package follower

import (
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
)

// notAsked is the public reason why restored records are stale until the source
// has answered.
const notAsked = "the data source has not answered since the start; the data are those of a checkpoint"

// saved is the follower's part of a checkpoint.
type saved struct {
	Source      string                    // name for people
	Positions   map[string]couch.Position // by name of the database; empty while a full read is needed
	Statuses    []string                  // of the requests that were read, sorted
	Quarantine  []Quarantined
	Due         []dueRead // due re-reads
	LoadSeconds float64
	Checked     time.Time // the data are at least as new as this
	WholeRead   time.Time // start of the last full read or re-read
}

// Section returns the follower's part of a checkpoint: positions, and the
// documents that could not be used. It must be captured before the store's, so
// that the records are never older than the positions: changes between the two
// come again, which changes nothing. Restore it before Run, which then continues
// from it.
func (f *Follower) Section() checkpoint.Section {
	return checkpoint.Value("follower", f.save, f.resume)
}

func (f *Follower) save() saved {
	out := saved{Positions: map[string]couch.Position{}, Statuses: sorted(f.o.Statuses)}
	// Positions first: a document that is owed from now on comes after them.
	for db, position := range f.Positions() {
		out.Positions[db.String()] = position
	}
	out.Quarantine = f.quarantine.list()
	out.Due = f.dueReads.save() // after the positions: see look
	f.mu.Lock()
	out.WholeRead = f.wholeRead
	f.mu.Unlock()
	out.Source, out.LoadSeconds, out.Checked = f.state.saved()
	return out
}

func (f *Follower) resume(s saved) (commit func(), err error) {
	if !slices.Equal(s.Statuses, sorted(f.o.Statuses)) {
		return nil, checkpoint.Foreign("it has requests in other statuses")
	}
	positions := map[couch.Database]couch.Position{}
	for _, db := range followed() {
		if position, ok := s.Positions[db.String()]; ok {
			positions[db] = position
		}
	}
	return func() {
		f.quarantine.restore(s.Quarantine)
		complete := len(positions) == len(followed())
		if complete {
			f.mu.Lock()
			f.positions, f.loaded, f.wholeRead = positions, true, s.WholeRead
			f.mu.Unlock()
		}
		f.state.resumed(s, complete)
		for _, d := range s.Due {
			f.readAgain(d)
		}
	}, nil
}

func sorted(texts []string) []string {
	out := slices.Clone(texts)
	slices.Sort(out)
	return out
}

// canFollow reports whether there are positions to follow from.
func (f *Follower) canFollow() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.positions) == len(followed())
}

// forget drops the positions: the records have none until a full read is done,
// and a checkpoint that is written meanwhile must not have any either.
func (f *Follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.positions = map[couch.Database]couch.Position{}
}
