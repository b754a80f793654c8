package replica

import (
	"context"
	"errors"
	"io"
	"time"
)

// Log is an ordered log that several servers share, with a lease and room for
// snapshots. Errors other than those below mean that it does not answer. Each call
// ends soon after its ctx, and in seconds if the engine does not answer, whatever
// has become of the connection; only Put may take as long as its ctx. It is safe for
// concurrent use.
type Log interface {
	// Open creates the parts that are missing, and returns the state. Nothing else may
	// be called before it has succeeded.
	Open(ctx context.Context) (State, error)
	// Append stores data as the entry after last; ErrRefused: there is another
	// one already. The same id is stored once.
	Append(ctx context.Context, last uint64, id string, data []byte) error
	// Entry returns an entry, or ErrNoEntry if it is not stored or too old.
	Entry(ctx context.Context, number uint64) ([]byte, error)
	// Last returns the number of the newest entry.
	Last(ctx context.Context) (uint64, error)
	// Trim removes the entries up to a number that were stored before a time.
	Trim(ctx context.Context, to uint64, before time.Time) error
	// Stored delivers entries as they are stored. It may leave out any.
	Stored() <-chan Stored

	// Acquire takes or extends the lease, for LeaseFor; ErrHeld: another holder
	// has it.
	Acquire(ctx context.Context, holder string) error
	// Release ends the lease if this holder has it.
	Release(ctx context.Context, holder string) error
	// Released reports that a lease was released. It may leave out any, and says
	// nothing of one that expired.
	Released() <-chan struct{}

	// Snapshots lists the snapshots, oldest first.
	Snapshots(ctx context.Context) ([]Snapshot, error)
	// Put stores the snapshot of an entry.
	Put(ctx context.Context, entry uint64, from io.Reader) error
	// Get writes a snapshot to a writer. ErrNoEntry: it, or a part of it, is not there;
	// ErrDamaged: it is not the one that was stored.
	Get(ctx context.Context, entry uint64, to io.Writer) error
	// Remove removes a snapshot.
	Remove(ctx context.Context, entry uint64) error
	// Other writes the newest snapshot of another log to a writer: that of servers of
	// another version, or the log before this one. ErrNoEntry: there is none.
	Other(ctx context.Context, to io.Writer) error
}

// State is the state of a Log.
type State struct {
	Epoch       string // made with the log: another one is another log
	First, Last uint64 // numbers of the entries that are there; Last is First-1 if there are none
}

// Stored is a stored entry.
type Stored struct {
	Number uint64
	Data   []byte
}

// LeaseFor is how long a lease lasts after Acquire.
const LeaseFor = 6 * time.Second

// Snapshot is a stored snapshot.
type Snapshot struct {
	Entry uint64 // the last one that it contains
	At    time.Time
}

// Errors of a Log.
var (
	ErrRefused = errors.New("the log has another entry of this number")
	ErrNoEntry = errors.New("the log has no such entry")
	ErrHeld    = errors.New("another server has the lease")
	ErrFull    = errors.New("the log has no room") // for an entry, the lease, or a snapshot
	ErrDamaged = errors.New("the snapshot in the log is damaged")
)
