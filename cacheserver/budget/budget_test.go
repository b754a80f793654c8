package budget_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
)

func TestStepsAreBounded(t *testing.T) {
	b := budget.New(t.Context(), budget.Options{Steps: 10 * budget.Every})
	n := int64(0)
	for b.Spend(100) {
		n += 100
	}
	assert.InDelta(t, 10*budget.Every, n, budget.Every+100)
	var exceeded *budget.ExceededError
	require.ErrorAs(t, b.Stopped(), &exceeded)
	assert.EqualValues(t, 10*budget.Every, exceeded.Steps)
	assert.False(t, b.Spend(0), "an exhausted budget stays exhausted")
	assert.LessOrEqual(t, b.Largest(), int64(budget.Every+100))
}

// The clock is checked by steps, so that work ends soon after its time.
func TestTimeIsBounded(t *testing.T) {
	now := time.Unix(1, 0)
	b := budget.New(t.Context(), budget.Options{Time: time.Second, Now: func() time.Time { return now }})
	require.True(t, b.Spend(5*budget.Every))
	now = now.Add(time.Second + 1)
	n := 0
	for b.Spend(1) {
		n++
	}
	assert.LessOrEqual(t, n, budget.Every)
	assert.ErrorContains(t, b.Stopped(), "longer than 1s")
}

func TestWorkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := budget.From(ctx)
	require.True(t, b.Spend(3*budget.Every))
	cancel()
	n := 0
	for b.Spend(1) {
		n++
	}
	assert.LessOrEqual(t, n, budget.Every)
	require.ErrorIs(t, b.Stopped(), context.Canceled)
}

// A budget is found in contexts derived from it.
func TestFrom(t *testing.T) {
	b := budget.New(t.Context(), budget.Options{})
	ctx, cancel := context.WithCancel(context.WithValue(b, t, "x"))
	defer cancel()
	assert.Same(t, b, budget.From(ctx))
	assert.NotSame(t, b, budget.From(t.Context()))
}

// A cheap request never asks for a slot. An expensive one holds a slot, except
// while it waits for others, and releases it at the end.
func TestPlaces(t *testing.T) {
	taken, held := 0, 0
	now := time.Unix(1, 0)
	b := budget.New(t.Context(), budget.Options{Free: 4 * budget.Every, Time: time.Second, Now: func() time.Time { return now },
		Enter: func(context.Context) (func(), error) {
			taken++
			held++
			now = now.Add(time.Minute) // in the queue
			return func() { held-- }, nil
		}})
	require.True(t, b.Spend(4*budget.Every))
	assert.Zero(t, taken)
	require.True(t, b.Spend(2*budget.Every))
	require.True(t, b.Spend(2*budget.Every), "time in the queue is not work")
	assert.Equal(t, 1, taken)
	assert.Equal(t, 1, held)
	done := make(chan struct{})
	close(done)
	require.NoError(t, b.Wait(done))
	assert.Equal(t, 0, held)
	require.True(t, b.Spend(1))
	assert.Equal(t, 2, taken, "it continues only with a slot")
	resume := b.Pause()
	assert.Equal(t, 0, held)
	now = now.Add(time.Hour)
	resume()
	require.True(t, b.Spend(2*budget.Every), "a pause is not work")
	b.End()
	require.True(t, b.Spend(2*budget.Every))
	assert.Equal(t, 3, taken)
	assert.Equal(t, 0, held)
}

func TestNoPlace(t *testing.T) {
	full := errors.New("full")
	b := budget.New(t.Context(), budget.Options{Free: 1, Enter: func(context.Context) (func(), error) { return nil, full }})
	require.False(t, b.Spend(2*budget.Every))
	require.ErrorIs(t, b.Stopped(), full)
	require.ErrorIs(t, b.Wait(nil), full)
}

func TestWaitEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := budget.New(t.Context(), budget.Options{Time: time.Second})
		var exceeded *budget.ExceededError
		require.ErrorAs(t, b.Wait(make(chan struct{})), &exceeded)
		assert.Equal(t, time.Second, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		require.ErrorIs(t, budget.From(ctx).Wait(make(chan struct{})), context.Canceled)
	})
}

func TestSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 100, 4095, 4096, 4097, 8192, 20_000, 70_001} {
		items := make([]int, n)
		for i := range items {
			items[i] = r.IntN(n)
		}
		want := slices.Sorted(slices.Values(items))
		b := budget.New(t.Context(), budget.Options{})
		require.True(t, budget.Sort(b, items, 5, cmp.Compare))
		require.Equal(t, want, append([]int(nil), items...), n)
		assert.LessOrEqual(t, b.Largest(), int64(budget.Every+1<<18), "between two checks")
		slices.Reverse(items)
		b = budget.New(t.Context(), budget.Options{})
		require.True(t, budget.Sort(b, items, 300, cmp.Compare))
		require.Equal(t, want, append([]int(nil), items...), n)
		assert.LessOrEqual(t, b.Largest(), int64(budget.Every+1<<18), "between two checks, where comparing is expensive")
	}
	b := budget.New(t.Context(), budget.Options{Steps: budget.Every})
	assert.False(t, budget.Sort(b, make([]int, 100_000), 5, cmp.Compare))
}
