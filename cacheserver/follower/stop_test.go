package follower

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store"
)

// A follower that is told to stop does not finish the first generation of a big
// source before it does. TestMain checks that no goroutine is left.
func TestStopDuringTheFirstGeneration(t *testing.T) {
	const workflows = 3000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &stopping{aborted: make(chan struct{})}
	// The store reads the clock when a commit begins: here the follower is told
	// to stop at that moment, and the commit continues after that.
	records, err := store.New(store.Options{Now: func() time.Time {
		if s.commits.Load() {
			cancel()
			select {
			case <-s.aborted:
			case <-time.After(time.Minute):
				assert.Fail(t, "nobody ends the commit")
			}
		}
		return time.Unix(1_700_000_000, 0)
	}})
	require.NoError(t, err)
	s.Store = OfStore(records)
	r := newRig(t, func(o *Options) { o.Store, o.TickInterval = s, time.Hour })
	for i := range workflows {
		r.put(requestDB, requestDoc(fmt.Sprintf("workflow%04d", i), "running-open", i))
	}
	require.NoError(t, r.follower.Run(ctx))
	assert.True(t, s.commits.Load())
	_, ok := records.Newest()
	assert.False(t, ok, "it was not finished")
}

// stopping is a store that reports when a full read is committed, and when one
// is aborted for the first time.
type stopping struct {
	Store

	commits atomic.Bool
	aborted chan struct{}
	once    sync.Once
}

func (s *stopping) BeginLoad() Load { return stoppingLoad{s.Store.BeginLoad(), s} }

type stoppingLoad struct {
	Load
	s *stopping
}

func (l stoppingLoad) Commit() (store.Result, error) {
	l.s.commits.Store(true)
	return l.Load.Commit()
}

func (l stoppingLoad) Abort() {
	l.s.once.Do(func() { close(l.s.aborted) })
	l.Load.Abort()
}
