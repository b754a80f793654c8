package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dmwm/wmstats/cacheserver/replica"
)

// leader is the key of the lease.
const leader = "leader"

// Acquire takes or extends the lease. What a call did whose answer was lost is known
// by the holder.
func (l *Log) Acquire(ctx context.Context, holder string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, leases := l.parts()
	l.mu.Lock()
	revision := l.revision
	l.mu.Unlock()
	if revision > 0 { // what Get returns may be older
		revision, err := leases.Update(ctx, leader, []byte(holder), revision)
		l.note(revision, err)
		if err := leaseError(err); !errors.Is(err, replica.ErrHeld) {
			return err
		}
	}
	entry, err := leases.Get(ctx, leader)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		revision, err = leases.Create(ctx, leader, []byte(holder))
	case err == nil && string(entry.Value()) != holder:
		return fmt.Errorf("%w: %s", replica.ErrHeld, entry.Value())
	case err == nil:
		revision, err = leases.Update(ctx, leader, []byte(holder), entry.Revision())
	}
	l.note(revision, err)
	return leaseError(err)
}

// note keeps the revision of this holder's lease; after an error it is unknown.
func (l *Log) note(revision uint64, err error) {
	if err != nil {
		revision = 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revision = revision
}

// Release ends the lease.
func (l *Log) Release(ctx context.Context, holder string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, leases := l.parts()
	entry, err := leases.Get(ctx, leader)
	if errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && string(entry.Value()) != holder {
		return nil
	}
	if err == nil {
		l.mu.Lock()
		revision := max(l.revision, entry.Revision()) // what Get returns may be older
		l.mu.Unlock()
		err = leases.Delete(ctx, leader, jetstream.LastRevision(revision))
	}
	return leaseError(err)
}

func leaseError(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch), isRefused(err):
		return fmt.Errorf("%w: %w", replica.ErrHeld, err)
	case err != nil:
		return fmt.Errorf("lease of the log: %w", full(err))
	}
	return nil
}

// hear takes note of a lease that was released. Its revision is what the next one
// replaces: what a copy of the bucket returns may be older.
func (l *Log) hear(m *nats.Msg) {
	revision, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil || m.Header.Get(operation) != deleted {
		return
	}
	l.mu.Lock()
	l.revision = max(l.revision, revision)
	l.mu.Unlock()
	select {
	case l.released <- struct{}{}:
	default:
	}
}

// The header of an entry of a key-value bucket that deletes the key.
const (
	operation = "KV-Operation"
	deleted   = "DEL"
)

// Released reports that a lease was released.
func (l *Log) Released() <-chan struct{} { return l.released }
