package follower

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

var errOther = errors.New("another failure")

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	gone := &couch.Error{Kind: couch.ErrUnreachable}
	for _, c := range []struct {
		err  error
		most []time.Duration
	}{
		{errOther, []time.Duration{1, 2, 4, 8, 16, 30, 30}},
		{gone, []time.Duration{1, 2, 4, 5, 5, 5, 5}},
		{&couch.Error{Kind: couch.ErrServer, Status: 502}, []time.Duration{1, 2, 4, 5, 5, 5, 5}},
		{&couch.Error{Kind: couch.ErrServer, Status: 500}, []time.Duration{1, 2, 4, 8, 16, 30, 30}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackoff(time.Second, 30*time.Second)
			for _, most := range c.most {
				next := b.failed("a", c.err)
				assert.GreaterOrEqual(t, next.wait, most*time.Second/2, c.err)
				assert.LessOrEqual(t, next.wait, most*time.Second, c.err)
				assert.True(t, next.await(t.Context()))
			}
			b.worked("a")
			assert.LessOrEqual(t, b.failed("a", c.err).wait, time.Second)
		})
	}
}

// Readers that fail together wait together and come back together, however long
// the outage was.
func TestTheFirstReaderThatIsBackWakesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(time.Second, 30*time.Second)
		began := time.Now()
		for range 9 {
			first := b.failed("a", errOther)
			assert.LessOrEqual(t, b.failed("b", errOther).wait, 30*time.Second)
			first.await(t.Context())
		}
		back := make(chan time.Duration, 1)
		next := b.failed("b", errOther)
		go func() { next.await(t.Context()); back <- time.Since(began) }()
		synctest.Wait()
		at := time.Since(began)
		b.worked("a")
		assert.Equal(t, at, <-back, "at once")
		b.failed("b", errOther)
		stands := b.failed("b", errOther)
		b.worked("a") // it had not failed: wakes nobody
		synctest.Wait()
		select {
		case <-stands.wake:
			t.Error("a reader that always works wakes nobody")
		default:
		}
	})
}

// Two readers do not double the wait twice.
func TestOneStepForAllThatFailTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(time.Second, time.Hour)
		rounds := 0
		for began := time.Now(); time.Since(began) < time.Minute; rounds++ {
			a := b.failed("a", errOther)
			b.failed("b", errOther)
			a.await(t.Context())
		}
		assert.GreaterOrEqual(t, rounds, 6)
	})
}

func TestANewFailureStartsASmallWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(time.Second, time.Hour)
		for range 10 {
			b.failed("missing", errOther).await(t.Context())
		}
		b.failed("missing", errOther)
		assert.LessOrEqual(t, b.failed("other", errOther).wait, time.Second)
	})
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.False(t, pause(ctx, time.Hour))
}
