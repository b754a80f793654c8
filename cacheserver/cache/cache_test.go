package cache

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeepsAndForgets(t *testing.T) {
	c, err := New(2000)
	require.NoError(t, err)
	c.Set("a", 1, 10)
	c.Wait()
	v, ok := c.Get("a")
	require.True(t, ok)
	require.Equal(t, 1, v)
	_, ok = c.Get("b")
	require.False(t, ok)
	c.Set("too much", 1, 2000)
	c.Wait()
	_, ok = c.Get("too much")
	require.False(t, ok)
	values, own := c.Bytes()
	require.EqualValues(t, 10+overhead, values)
	require.Positive(t, own)
	require.EqualValues(t, 2000, c.Limit())
	c.Close()
}

func TestTheLimitChanges(t *testing.T) {
	c, err := New(1 << 20)
	require.NoError(t, err)
	defer c.Close()
	fill := func() int64 {
		for i := range 1000 {
			c.Set(fmt.Sprint(i), i, 1<<10)
		}
		c.Wait()
		values, _ := c.Bytes()
		return values
	}
	require.Greater(t, fill(), int64(700<<10))
	for i := range 1000 { // read often: ristretto would refuse new values rather than drop these
		for range 20 {
			c.Get(fmt.Sprint(i))
		}
	}
	c.SetLimit(256 << 10)
	values, _ := c.Bytes()
	require.LessOrEqual(t, values, int64(256<<10))
	require.EqualValues(t, 256<<10, c.Limit())
	require.LessOrEqual(t, fill(), int64(256<<10))
	c.SetLimit(1 << 20)
	require.Greater(t, fill(), int64(256<<10))
	(*Cache)(nil).SetLimit(1)
	c.Close()
	c.SetLimit(0)
}

func TestAnImpossibleSizeIsAnError(t *testing.T) {
	for _, bytes := range []int64{-1, 0, 100} {
		_, err := New(bytes)
		require.ErrorIs(t, err, errSmall)
	}
}

func TestNilKeepsNothing(t *testing.T) {
	var c *Cache
	c.Set("a", 1, 1)
	c.Wait()
	_, ok := c.Get("a")
	require.False(t, ok)
	values, own := c.Bytes()
	require.Zero(t, values+own+c.Limit())
	c.Close()
}

// The memory that the cache reports must match the heap, whatever the size of
// values; otherwise its limit means nothing.
func TestBytesExplainTheHeap(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // memory fits in 63 bits
	}
	for _, size := range []int{300, 4 << 10, 64 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			const limit = 32 << 20
			before := heap()
			c, err := New(limit)
			require.NoError(t, err)
			for i := range 4 * limit / size {
				c.Set(fmt.Sprintf("key/%d", i), make([]byte, size), int64(size))
				if i%1000 == 0 {
					c.Wait()
				}
			}
			c.Wait()
			values, own := c.Bytes()
			require.LessOrEqual(t, values, int64(limit))
			require.Greater(t, values, int64(limit/2), "the cache is used")
			got := heap() - before
			t.Logf("heap %d, values %d, own %d: %.3f", got, values, own, float64(values+own)/float64(got))
			require.InEpsilon(t, got, values+own, 0.1)
			c.Close()
		})
	}
}

// Decision 0001 depends on these: the behaviour of a cache that applies Sets
// later.
func TestSetIsNotGetAtOnce(t *testing.T) {
	c, err := New(64 << 20)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	const n = 20_000
	stayed, first := 0, 0
	for i := range n {
		key := fmt.Sprint("twice/", i)
		c.Set(key, 1, 100)
		c.Set(key, 2, 100)
	}
	c.Wait()
	for i := range n {
		if v, ok := c.Get(fmt.Sprint("twice/", i)); ok {
			stayed++
			if v == 1 {
				first++
			}
		}
	}
	t.Logf("of %d keys set twice, %d were kept, %d with the first value", n, stayed, first)
	require.Positive(t, first, "a key may keep the first of two values: it must never get a second one")
}
