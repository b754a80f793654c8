package couch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// The read requests the view before it reads it, waits for the index and reports
// its progress meanwhile.
func TestAnIndexThatIsBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		srv.BuildIndex(couchfake.IndexBuild{Database: requestDB, Design: "ReqMgr", Takes: 50 * time.Second})
		c := inMemory(t, srv, pointer("right"))
		began := time.Now()
		read := make(chan string, 1)
		go func() {
			rows, way, err := rowsOf(t.Context(), c, Requests, "new", "running-open")
			assert.NoError(t, err)
			assert.Len(t, rows, 2)
			read <- way
		}()
		assert.Empty(t, c.Indexing())
		time.Sleep(2 * time.Second)
		require.Len(t, c.Indexing(), 1)
		assert.Equal(t, IndexBuild{Requests, "ReqMgr/bystatus", began, 0}, c.Indexing()[0])
		time.Sleep(25 * time.Second)
		require.Len(t, c.Indexing(), 1)
		assert.InDelta(t, 50, c.Indexing()[0].Percent, 30)
		// The other database is not delayed.
		_, way, err := rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		assert.Equal(t, "views WMStatsErl7/latestRequest and agentInfo", way)
		assert.Less(t, time.Since(began), 28*time.Second)
		assert.Equal(t, "view ReqMgr/bystatus", <-read)
		assert.InDelta(t, 50, time.Since(began).Seconds(), 1)
		assert.Empty(t, c.Indexing())
	})
}

// A view that times out twice leads to the next way.
func TestAnIndexThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		srv.BuildIndex(couchfake.IndexBuild{Database: requestDB, Design: "ReqMgr", Takes: 70 * time.Second})
		srv.BuildIndex(couchfake.IndexBuild{Database: wmstatsDB, Design: "WMStatsErl7", Takes: time.Hour})
		c := inMemory(t, srv, pointer("right"))
		began := time.Now()
		_, way, err := rowsOf(t.Context(), c, Requests, "new", "running-open")
		require.NoError(t, err)
		assert.Equal(t, "view ReqMgr/bystatus", way, "done by the second request")
		assert.InDelta(t, 70, time.Since(began).Seconds(), 1)
		began = time.Now()
		rows, way, err := rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		assert.Equal(t, "changes from the beginning, selected by type", way)
		assert.Len(t, rows, 2)
		assert.InDelta(t, 120, time.Since(began).Seconds(), 1)
		assert.Empty(t, c.Indexing())
	})
}

// A login that is not an administrator's can't see active tasks; the client
// stops asking.
func TestAnIndexWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{NotAdmin: true})
		srv.BuildIndex(couchfake.IndexBuild{Database: requestDB, Design: "ReqMgr", Takes: 50 * time.Second})
		asked := 0
		c := inMemory(t, srv, pointer("right"), func(o *Options) {
			o.Answered = func(what string, _ time.Duration) {
				if what == "server" {
					asked++
				}
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _, _ = rowsOf(ctx, c, Requests, "new")
		}()
		time.Sleep(20 * time.Second)
		require.Len(t, c.Indexing(), 1)
		assert.Equal(t, -1, c.Indexing()[0].Percent)
		cancel()
		<-ended
		assert.Equal(t, 1, asked)
		assert.Empty(t, c.Indexing())
		assert.Equal(t, LoginState{}, c.Login())
	})
}
