package follower

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// forgetful is a source that rejects each position that it has returned.
type forgetful struct {
	reads atomic.Int64
	knows atomic.Bool
}

func (*forgetful) Name(context.Context) (string, error) { return "forgetful", nil }

func (*forgetful) Position(context.Context, couch.Database) (couch.Position, error) {
	return couch.Position{Seq: "1-a", Instance: "1"}, nil
}

func (s *forgetful) Read(_ context.Context, db couch.Database, _ []string, _ func(couch.Row) error) (string, error) {
	if db == couch.Requests {
		s.reads.Add(1)
	}
	return "all", nil
}

func (s *forgetful) Changes(ctx context.Context, _ couch.Database, _ couch.Seq, _ couch.FeedOptions) iter.Seq2[couch.Change, error] {
	return func(yield func(couch.Change, error) bool) {
		if !s.knows.Load() {
			yield(couch.Change{}, &couch.Error{Op: "follow", Kind: couch.ErrSeqUnknown})
			return
		}
		<-ctx.Done()
		yield(couch.Change{}, ctx.Err())
	}
}

// The first full read after a lost position comes at once, the next ones with
// pauses that grow to HoldWait; after a quiet time one comes at once again.
func TestASourceThatKnowsNoPositionIsNotReadInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &forgetful{}
		f, err := New(Options{Source: source, Store: newStoreFake()})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()

		time.Sleep(time.Second)
		assert.GreaterOrEqual(t, source.reads.Load(), int64(2), "the first loss")
		time.Sleep(time.Hour)
		loop := source.reads.Load()
		assert.Less(t, loop, int64(80), "full reads in an hour")
		assert.Greater(t, loop, int64(25), "it keeps trying")

		source.knows.Store(true)
		time.Sleep(time.Hour)
		quiet := source.reads.Load()
		assert.LessOrEqual(t, quiet, loop+1)
		cancel()
		require.NoError(t, <-done)
	})
}

func TestPace(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pace{least: time.Second, most: time.Minute}
	assert.Zero(t, p.wait(now), "the first read")
	var waits []time.Duration
	for range 9 {
		p.read(now)
		wait := p.wait(now)
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	assert.Zero(t, waits[0], "the first loss")
	for i, wait := range waits[1:] {
		due := min(time.Second<<i, time.Minute)
		assert.GreaterOrEqual(t, wait, due/2, "%d", i)
		assert.LessOrEqual(t, wait, due, "%d", i)
	}
	p.read(now)
	assert.Zero(t, p.wait(now.Add(2*time.Minute)), "a quiet time between")
}
