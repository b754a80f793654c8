package limit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/limit"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := limit.NewTurns[string](limit.TurnOptions{AtOnce: 3, AtOncePerKey: 2, Waiting: 3, WaitingPerKey: 2})
		take := func(key string) func() {
			t.Helper()
			leave, why, err := turns.Take(t.Context(), key, false)
			require.NoError(t, err)
			require.Equal(t, limit.Free, why)
			return leave
		}
		leave := take("a")
		take("a")
		var order []string
		var mu sync.Mutex
		wait := func(key string, ctx context.Context) { //nolint:revive // reads better
			go func() {
				leave, why, err := turns.Take(ctx, key, false)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					order = append(order, key+" gave up")
					return
				}
				assert.Equal(t, limit.Free, why)
				assert.NotNil(t, leave)
				order = append(order, key)
			}()
			synctest.Wait()
		}
		wait("a", t.Context()) // a has its maximum
		wait("a", t.Context())
		assert.Empty(t, order)
		none, why, err := turns.Take(t.Context(), "a", false)
		require.NoError(t, err)
		assert.Nil(t, none)
		assert.Equal(t, limit.ByKey, why)
		take("b") // does not wait behind a
		ctx, cancel := context.WithCancel(t.Context())
		wait("c", ctx)
		_, why, err = turns.Take(t.Context(), "d", true)
		require.NoError(t, err)
		assert.Equal(t, limit.InTotal, why)
		cancel()
		synctest.Wait()
		assert.Equal(t, []string{"c gave up"}, order)
		leave()
		synctest.Wait()
		assert.Equal(t, []string{"c gave up", "a"}, order, "one, not both")
		working, waiting := turns.Len()
		assert.Equal(t, []int{3, 1}, []int{working, waiting})
	})
}

// The limits hold in any order of events, and all turns are free in the end.
func TestTurnsOfMany(t *testing.T) {
	turns := limit.NewTurns[int](limit.TurnOptions{AtOnce: 4, AtOncePerKey: 2, Waiting: 1000, WaitingPerKey: 1000})
	var working, most, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%7 == 0 {
				cancel()
			}
			leave, _, err := turns.Take(ctx, i%5, i%11 == 0)
			if err != nil {
				refused.Add(1)
				return
			}
			now := working.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			working.Add(-1)
			leave()
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, most.Load(), int32(4))
	a, b := turns.Len()
	assert.Zero(t, a+b)
}
