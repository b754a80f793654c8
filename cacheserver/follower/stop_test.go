package follower

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store"
)

// TestStopWhileTheFirstGenerationIsMade: a follower that is told to stop does not
// finish the first generation of a big source before it does. TestMain sees to it
// that no goroutine is left.
func TestStopWhileTheFirstGenerationIsMade(t *testing.T) {
	const workflows = 3000
	var ctx context.Context
	var cancel context.CancelFunc
	var asked, after atomic.Int64
	// The store asks for the time once for each record that it makes, and of
	// requests alone not before.
	records, err := store.New(store.Options{Now: func() time.Time {
		if asked.Add(1) == 1 {
			cancel()
		}
		if <-ctx.Done(); asked.Load() > 1 {
			after.Add(1)
		}
		return time.Unix(1_700_000_000, 0)
	}})
	require.NoError(t, err)
	r := newRig(t, func(o *Options) { o.Store, o.TickInterval = OfStore(records), time.Hour })
	for i := range workflows {
		r.put(requestDB, requestDoc(fmt.Sprintf("workflow%04d", i), "running-open", i))
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	require.NoError(t, r.follower.Run(ctx))
	assert.Less(t, after.Load(), int64(workflows/4), "the records of blocks that were begun are made, no more")
	_, ok := records.Newest()
	assert.False(t, ok)
}
