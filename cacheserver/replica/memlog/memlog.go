// Package memlog is a log of package replica in memory, for tests. Each server has
// a Client of one Engine, which can be cut off.
package memlog

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/replica"
)

// Engine holds the log. It is safe for concurrent use.
type Engine struct {
	epoch string

	mu        sync.Mutex
	entries   [][]byte // the first has number 1; nil: removed
	times     []time.Time
	leader    *lease
	snapshots []snapshot
	other     []byte // snapshot of another log
	clients   []*Client
	full      bool // it stores nothing
	unfenced  bool
}

type lease struct {
	holder string
	till   time.Time
}

type snapshot struct {
	replica.Snapshot

	data []byte
}

// New returns an empty Engine.
func New(epoch string) *Engine { return &Engine{epoch: epoch} }

// Client returns the view of one server.
func (e *Engine) Client() *Client {
	c := &Client{e: e, stored: make(chan replica.Stored, 64), released: make(chan struct{}, 1), faults: map[Fault]int{}, awake: make(chan struct{})}
	close(c.awake)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clients = append(e.clients, c)
	return c
}

// Entries returns all entries.
func (e *Engine) Entries() [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.entries)
}

// Insert appends an entry of nobody.
func (e *Engine) Insert(data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.append(data)
}

// Expire removes the entries up to a number.
func (e *Engine) Expire(to uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.entries[:to])
}

// Replace replaces the log by an empty one; snapshots are gone with the old one.
func (e *Engine) Replace(epoch string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch, e.entries, e.times, e.leader = epoch, nil, nil, nil
	if n := len(e.snapshots); n > 0 {
		e.other, e.snapshots = e.snapshots[n-1].data, nil
	}
}

// SetOther stores a snapshot of another log.
func (e *Engine) SetOther(data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.other = data
}

// Newest returns the newest snapshot; nil: there is none.
func (e *Engine) Newest() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.snapshots) == 0 {
		return nil
	}
	return e.snapshots[len(e.snapshots)-1].data
}

// Oldest returns the entry of the oldest snapshot.
func (e *Engine) Oldest() (entry uint64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.snapshots) == 0 {
		return 0, false
	}
	return e.snapshots[0].Entry, true
}

// Lease hands the lease to a holder, whoever has it.
func (e *Engine) Lease(holder string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leader = &lease{holder, time.Now().Add(replica.LeaseFor)}
}

// SetFull sets whether the log has no room.
func (e *Engine) SetFull(full bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.full = full
}

// Unfence makes the log accept entries whatever entry they follow: a mistake that must be
// noticed.
func (e *Engine) Unfence() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unfenced = true
}

// append stores an entry. The lock is held.
func (e *Engine) append(data []byte) {
	e.entries, e.times = append(e.entries, bytes.Clone(data)), append(e.times, time.Now())
	for _, c := range e.clients {
		c.tell(replica.Stored{Number: uint64(len(e.entries)), Data: data})
	}
}

// release ends the lease. The lock is held.
func (e *Engine) release() {
	e.leader = nil
	for _, c := range e.clients {
		if !c.hears() {
			continue
		}
		select {
		case c.released <- struct{}{}:
		default:
		}
	}
}

// Client is a replica.Log.
type Client struct {
	e        *Engine
	stored   chan replica.Stored
	released chan struct{}

	// The rest is guarded by the engine's lock.
	faults  map[Fault]int    // how often each was begun and not ended
	awake   chan struct{}    // closed while the server is not Frozen
	arrived []replica.Stored // notices while it is
	late    time.Duration    // of each call, while it is Slow
	heard   int              // number of notices
	notices int              // of which each is lost or doubled
}

// Open returns the state.
func (c *Client) Open(ctx context.Context) (s replica.State, err error) {
	err = c.do(ctx, func() error {
		s = replica.State{Epoch: c.e.epoch, First: 1, Last: uint64(len(c.e.entries))}
		for s.First <= s.Last && c.e.entries[s.First-1] == nil {
			s.First++
		}
		return nil
	})
	return s, err
}

// Append stores an entry.
func (c *Client) Append(ctx context.Context, last uint64, _ string, data []byte) error {
	return c.do(ctx, func() error {
		if last != uint64(len(c.e.entries)) && !c.e.unfenced {
			return replica.ErrRefused
		}
		if c.e.full {
			return replica.ErrFull
		}
		c.e.append(data)
		return nil
	})
}

// Entry returns an entry.
func (c *Client) Entry(ctx context.Context, number uint64) (data []byte, err error) {
	err = c.do(ctx, func() error {
		if c.faults[Blind] > 0 {
			return errCut
		}
		if number == 0 || number > uint64(len(c.e.entries)) || c.e.entries[number-1] == nil {
			return replica.ErrNoEntry
		}
		data = c.e.entries[number-1]
		return nil
	})
	return data, err
}

// Last returns the number of the newest entry.
func (c *Client) Last(ctx context.Context) (last uint64, err error) {
	err = c.do(ctx, func() error { last = uint64(len(c.e.entries)); return nil })
	return last, err
}

// Trim removes entries.
func (c *Client) Trim(ctx context.Context, to uint64, before time.Time) error {
	return c.do(ctx, func() error {
		for i := range min(to, uint64(len(c.e.entries))) {
			if c.e.times[i].Before(before) {
				c.e.entries[i] = nil
			}
		}
		return nil
	})
}

// Stored delivers entries as they are stored.
func (c *Client) Stored() <-chan replica.Stored { return c.stored }

// Acquire takes or extends the lease.
func (c *Client) Acquire(ctx context.Context, holder string) error {
	return c.do(ctx, func() error {
		now := time.Now()
		switch l := c.e.leader; {
		case c.faults[Excused] > 0:
			return errCut
		case l != nil && l.holder != holder && now.Before(l.till):
			return replica.ErrHeld
		case c.e.full:
			return replica.ErrFull
		}
		c.e.leader = &lease{holder, now.Add(replica.LeaseFor)}
		return nil
	})
}

// Release ends the lease.
func (c *Client) Release(ctx context.Context, holder string) error {
	return c.do(ctx, func() error {
		if l := c.e.leader; l != nil && l.holder == holder {
			c.e.release()
		}
		return nil
	})
}

// Released reports that a lease was released.
func (c *Client) Released() <-chan struct{} { return c.released }

// Snapshots lists the snapshots.
func (c *Client) Snapshots(ctx context.Context) (list []replica.Snapshot, err error) {
	err = c.do(ctx, func() error {
		for _, s := range c.e.snapshots {
			list = append(list, s.Snapshot)
		}
		return nil
	})
	return list, err
}

// Put stores a snapshot.
func (c *Client) Put(ctx context.Context, entry uint64, from io.Reader) error {
	data, err := io.ReadAll(from)
	if err != nil {
		return err //nolint:wrapcheck // of a test
	}
	return c.do(ctx, func() error {
		switch {
		case c.e.full:
			return replica.ErrFull
		case c.faults[Overloaded] > 0:
			return errCut
		}
		c.e.snapshots = slices.DeleteFunc(c.e.snapshots, func(s snapshot) bool { return s.Entry == entry })
		c.e.snapshots = append(c.e.snapshots, snapshot{replica.Snapshot{Entry: entry, At: time.Now()}, data})
		return nil
	})
}

// Get writes a snapshot to a writer.
func (c *Client) Get(ctx context.Context, entry uint64, to io.Writer) error {
	return c.do(ctx, func() error {
		for _, s := range c.e.snapshots {
			if s.Entry == entry {
				_, err := to.Write(s.data)
				return err //nolint:wrapcheck // of a test
			}
		}
		return replica.ErrNoEntry
	})
}

// Remove removes a snapshot.
func (c *Client) Remove(ctx context.Context, entry uint64) error {
	return c.do(ctx, func() error {
		c.e.snapshots = slices.DeleteFunc(c.e.snapshots, func(s snapshot) bool { return s.Entry == entry })
		return nil
	})
}

// Other writes the newest snapshot of another log to a writer.
func (c *Client) Other(ctx context.Context, to io.Writer) error {
	return c.do(ctx, func() error {
		if c.e.other == nil {
			return replica.ErrNoEntry
		}
		_, err := to.Write(c.e.other)
		return err //nolint:wrapcheck // of a test
	})
}
