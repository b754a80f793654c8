package ondemand_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	waitFor = time.Minute
	tick    = time.Millisecond
)

// onceCache fails the test when a key gets a second value.
type onceCache struct {
	t      *testing.T
	mu     sync.Mutex
	values map[string]any
	cost   int64
}

func newCache(t *testing.T) *onceCache { return &onceCache{t: t, values: map[string]any{}} }

func (c *onceCache) Get(key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.values[key]
	return v, ok
}

func (c *onceCache) Set(key string, v any, cost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there := c.values[key]
	if strings.HasPrefix(key, "ondemand/last/") {
		c.values[key] = v // may be an older one, see Options
		return
	}
	assert.False(c.t, there, "the key %s got a second value", key)
	c.values[key] = v
	c.cost += cost
}

// rig is a Reader with its own clock, and the observed calls.
type rig struct {
	*ondemand.Reader

	mu       sync.Mutex
	now      time.Time
	outcomes map[string]int
	reads    atomic.Int32
	err      error
}

func newRig(o ondemand.Options) *rig {
	r := &rig{now: time.Unix(1_795_000_017, 0), outcomes: map[string]int{}}
	o.Now = func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }
	o.Observe = func(_, outcome string, _ time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.outcomes[outcome]++ }
	r.Reader = ondemand.New(o)
	return r
}

func (r *rig) advance(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

func (r *rig) call(key string) ondemand.Call {
	return ondemand.Call{Kind: "k", Key: key, TTL: time.Minute, Read: func(context.Context) (ondemand.Value, error) {
		n := r.reads.Add(1)
		return ondemand.Value{Data: fmt.Sprint(key, n), Cost: 5}, r.err
	}}
}

// A value is valid for its time to live, wherever in its period it was read,
// and no key gets a second value.
func TestKeptForItsTime(t *testing.T) {
	for offset := time.Duration(0); offset < time.Minute; offset += 7 * time.Second {
		cache := newCache(t)
		r := newRig(ondemand.Options{Cache: cache})
		r.advance(offset)
		for round := range 4 {
			v, err := r.Get(t.Context(), r.call("a"))
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint("a", round+1), v.Data)
			at := v.Time
			for range 3 {
				r.advance(19 * time.Second)
				again, err := r.Get(t.Context(), r.call("a"))
				require.NoError(t, err)
				assert.Equal(t, v.Data, again.Data)
				assert.Equal(t, at, again.Time)
			}
			r.advance(3 * time.Second)
		}
		assert.EqualValues(t, 4*(5+64), cache.cost)
		assert.Equal(t, map[string]int{"read": 4, "kept": 12}, r.outcomes)
	}
}

func TestNothingKept(t *testing.T) {
	drop := func(c ondemand.Call) ondemand.Call {
		read := c.Read
		c.Read = func(ctx context.Context) (ondemand.Value, error) {
			v, err := read(ctx)
			v.Drop = true
			return v, err
		}
		return c
	}
	forever := func(c ondemand.Call) ondemand.Call { c.TTL = 0; return c }
	for name, c := range map[string]struct {
		cache  cache.Keeper
		change func(ondemand.Call) ondemand.Call
	}{
		"no cache": {nil, func(c ondemand.Call) ondemand.Call { return c }}, "dropped": {newCache(t), drop}, "no time to live": {newCache(t), forever},
	} {
		r := newRig(ondemand.Options{Cache: c.cache})
		for range 3 {
			_, err := r.Get(t.Context(), c.change(r.call("a")))
			require.NoError(t, err, name)
		}
		assert.EqualValues(t, 3, r.reads.Load(), name)
	}
}

// Concurrent requests share one read, and a client that leaves does not
// disturb the others.
func TestSharedFlight(t *testing.T) {
	r := newRig(ondemand.Options{Cache: newCache(t)})
	gate, started := make(chan struct{}), make(chan struct{}, 1)
	call := r.call("a")
	read := call.Read
	call.Read = func(ctx context.Context) (ondemand.Value, error) {
		started <- struct{}{}
		<-gate
		return read(ctx)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := r.Get(ctx, call); left <- err }()
	<-started
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			v, err := r.Get(t.Context(), call)
			assert.NoError(t, err)
			assert.Equal(t, "a1", v.Data)
		})
	}
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	close(gate)
	readers.Wait()
	assert.EqualValues(t, 1, r.reads.Load())
}

func TestAtOnceAndWaiting(t *testing.T) {
	r := newRig(ondemand.Options{AtOnce: 2, Waiting: 3})
	gate := make(chan struct{})
	var most, running atomic.Int32
	get := func(i int) error {
		_, err := r.Get(t.Context(), ondemand.Call{Kind: "k", Key: fmt.Sprint(i), Read: func(context.Context) (ondemand.Value, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-gate
			running.Add(-1)
			return ondemand.Value{}, nil
		}})
		return err
	}
	errs := make(chan error, 10)
	for i := range 10 {
		go func() { errs <- get(i) }()
	}
	for range 5 { // 2 run, 3 wait
		require.ErrorIs(t, <-errs, ondemand.ErrBusy)
	}
	assert.Equal(t, 2, r.Running())
	close(gate)
	for range 5 {
		require.NoError(t, <-errs)
	}
	assert.EqualValues(t, 2, most.Load())
	assert.Equal(t, map[string]int{"busy": 5, "read": 5}, r.outcomes)
}

// A failing source is read less and less often, by one reader at a time, and
// recovers with one good answer.
func TestPausesReadsOfAFailingSource(t *testing.T) {
	r := newRig(ondemand.Options{Failures: 2, MinWait: 4 * time.Second, MaxWait: 20 * time.Second})
	broken := errors.New("broken")
	r.err = broken
	get := func() error { _, err := r.Get(t.Context(), r.call("a")); return err }
	require.ErrorIs(t, get(), broken)
	require.ErrorIs(t, get(), broken)
	for _, wait := range []time.Duration{4, 8, 16, 20, 20} {
		wait *= time.Second
		require.ErrorIs(t, get(), ondemand.ErrBackoff)
		r.advance(wait/2 - time.Millisecond)
		require.ErrorIs(t, get(), ondemand.ErrBackoff, "jitter takes at most a half")
		r.advance(wait/2 + 2*time.Millisecond)
		require.ErrorIs(t, get(), broken, "one read tests it")
	}
	r.advance(time.Minute)
	gate, inside := make(chan struct{}), make(chan struct{})
	probe := make(chan error, 1)
	go func() {
		_, err := r.Get(t.Context(), ondemand.Call{Kind: "k", Key: "probe", Read: func(context.Context) (ondemand.Value, error) {
			close(inside)
			<-gate
			return ondemand.Value{}, nil
		}})
		probe <- err
	}()
	<-inside
	require.ErrorIs(t, get(), ondemand.ErrBackoff, "one at a time")
	_, err := r.Get(t.Context(), ondemand.Call{Kind: "other", Read: func(context.Context) (ondemand.Value, error) { return ondemand.Value{}, nil }})
	require.NoError(t, err, "another kind is not affected")
	close(gate)
	require.NoError(t, <-probe)
	require.ErrorIs(t, get(), broken, "read again at once, and the count restarts")
	r.err = fmt.Errorf("no view: %w", ondemand.ErrAbsent)
	for range 5 {
		require.ErrorIs(t, get(), ondemand.ErrAbsent, "a missing view is not a failure")
	}
	assert.Equal(t, 5, r.outcomes["absent"])
}

func TestDeadlineAndPanic(t *testing.T) {
	r := ondemand.New(ondemand.Options{Timeout: time.Millisecond})
	_, err := r.Get(t.Context(), ondemand.Call{Kind: "slow", Read: func(ctx context.Context) (ondemand.Value, error) {
		<-ctx.Done()
		return ondemand.Value{}, ctx.Err()
	}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = r.Get(t.Context(), ondemand.Call{Kind: "wild", Timeout: time.Minute, Read: func(context.Context) (ondemand.Value, error) { panic("at the disco") }})
	var p *ondemand.PanicError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "read wild: panic: at the disco", err.Error())
	require.Eventually(t, func() bool { return r.Running() == 0 }, waitFor, tick)
}

// The last value read is available when the source fails, whatever its version
// and age, as long as the cache has it.
func TestLast(t *testing.T) {
	cache := newCache(t)
	r := newRig(ondemand.Options{Cache: cache})
	call := r.call("a/1")
	call.Name = "a"
	_, ok := r.Last(call)
	assert.False(t, ok, "nothing was read yet")
	first, err := r.Get(t.Context(), call)
	require.NoError(t, err)
	r.advance(time.Hour)
	newer := r.call("a/2")
	newer.Name = "a"
	last, ok := r.Last(newer)
	require.True(t, ok)
	assert.Equal(t, first, last)
	second, err := r.Get(t.Context(), newer)
	require.NoError(t, err)
	last, ok = r.Last(call)
	require.True(t, ok)
	assert.Equal(t, second, last)
	clear(cache.values)
	_, ok = r.Last(newer)
	assert.False(t, ok, "the cache forgot it")
}
