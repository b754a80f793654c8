package limit_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/limit"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	b := limit.NewBuckets[string](2, 3, 10)
	for range 3 {
		_, ok := b.Take("a", start)
		require.True(t, ok)
	}
	wait, ok := b.Take("a", start)
	require.False(t, ok)
	assert.Equal(t, 500*time.Millisecond, wait, "two tokens a second")
	wait, ok = b.Take("a", start)
	require.False(t, ok)
	assert.Equal(t, 500*time.Millisecond, wait, "who is refused loses nothing by having asked")
	_, ok = b.Take("b", start)
	assert.True(t, ok, "another client has a bucket of its own")
	_, ok = b.Take("a", start.Add(500*time.Millisecond))
	assert.True(t, ok)
	for range 3 {
		_, ok = b.Take("a", start.Add(time.Hour))
		require.True(t, ok)
	}
	_, ok = b.Take("a", start.Add(time.Hour))
	assert.False(t, ok, "a bucket is never fuller than its burst")
}

// Memory stays bounded for any number of clients, and an active client keeps its
// bucket.
func TestEviction(t *testing.T) {
	const most = 64
	b := limit.NewBuckets[string](1, 2, most)
	refused := 0
	for i := range 5000 {
		now := start.Add(time.Duration(i) * time.Microsecond)
		_, ok := b.Take("stranger"+strconv.Itoa(i), now)
		require.True(t, ok)
		if _, ok = b.Take("busy", now); !ok {
			refused++
		}
		require.LessOrEqual(t, b.Len(), most)
	}
	assert.Equal(t, most, b.Len())
	assert.Equal(t, 4998, refused, "it was never forgotten")
}

func TestTakeFromManyGoroutines(t *testing.T) {
	b := limit.NewBuckets[int](1, 100, 4)
	var mu sync.Mutex
	good := map[int]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				if _, ok := b.Take(i%2, start); ok {
					mu.Lock()
					good[i%2]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, map[int]int{0: 100, 1: 100}, good)
}

func TestPlaces(t *testing.T) {
	p := limit.NewPlaces[string](2, 3)
	leave, why := p.Enter("a")
	require.Equal(t, limit.Free, why)
	_, why = p.Enter("a")
	require.Equal(t, limit.Free, why)
	none, why := p.Enter("a")
	assert.Equal(t, limit.ByKey, why)
	assert.Nil(t, none)
	_, why = p.Enter("b")
	require.Equal(t, limit.Free, why)
	_, why = p.Enter("c")
	assert.Equal(t, limit.InTotal, why)
	assert.Equal(t, 3, p.Len())
	leave()
	_, why = p.Enter("c")
	assert.Equal(t, limit.Free, why)

	unbounded := limit.NewPlaces[string](0, 0)
	for range 100 {
		_, why := unbounded.Enter("a")
		require.Equal(t, limit.Free, why)
	}
}
