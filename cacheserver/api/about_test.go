package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/journal"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// The page describes recent activity, before the first generation and after
// it.
func TestAbout(t *testing.T) {
	f := newEmptyFixture(t)
	empty := decode[wire.About](t, f.get("/about").body)
	assert.Empty(t, empty.Generations)
	assert.NotNil(t, empty.Generations, "an empty list, not null")
	assert.NotNil(t, empty.Source)
	assert.NotNil(t, empty.Errors)
	assert.NotNil(t, empty.Polled)
	assert.Positive(t, empty.Memory.System)

	f = newFixture(t, 20)
	notes := journal.New(f.clock.Now)
	notes.Answered("requests _all_docs", 20*time.Millisecond)
	notes.Failed("wmstats", "does not answer")
	f.newAPI(func(o *api.Options) { o.Journal, o.Now, o.Build.Version = notes, f.clock.Now, "1.2.3" })
	f.store.Apply(changes(0, 3, 2))
	a := f.get("/about")
	about := decode[wire.About](t, a.body)
	info := decode[wire.Pulse](t, f.get("/pulse").body)
	assert.Equal(t, "1.2.3", about.Version)
	assert.Equal(t, f.clock.Now().Unix(), about.Started)
	assert.Equal(t, info.Bytes, about.Memory.Records)
	require.Len(t, about.Generations, 2)
	assert.Equal(t, info.Generation, about.Generations[0].Generation)
	assert.EqualValues(t, []int64{20, 3}, []int64{about.Generations[0].Records, about.Generations[0].Changed})
	assert.Equal(t, wire.CausedByRead, about.Generations[1].By)
	assert.Equal(t, []wire.SourceAnswers{{What: "requests _all_docs", Count: 1, Last: .02, Median: .02, Most: .02, Time: f.clock.Now().Unix()}}, about.Source)
	assert.Equal(t, []wire.SourceError{{Database: "wmstats", Reason: "does not answer", First: f.clock.Now().Unix(), Last: f.clock.Now().Unix(), Count: 1}}, about.Errors)
	assert.Equal(t, "private, no-cache", a.Header.Get("Cache-Control"))
	assert.Equal(t, 400, f.get("/about?verbose").StatusCode)
}

// TestPolledDatabasesAreReported: polled databases do not make the records stale,
// but an operator should look at the proxy.
func TestPolledDatabasesAreReported(t *testing.T) {
	f := newFixture(t, 3)
	assert.Contains(t, string(f.get("/readyz?verbose").body), "[+] source: up to date\n")
	f.store.SetSource(store.SourceState{Complete: true, Polled: []store.Polled{{Database: "wmstats", Why: "its changes feed brings nothing"}}})
	assert.Equal(t, []wire.Polled{{Database: "wmstats", Why: "its changes feed brings nothing"}}, decode[wire.About](t, f.get("/about").body).Polled)
	assert.Contains(t, string(f.get("/readyz?verbose").body), "[+] source: up to date; polling wmstats: its changes feed brings nothing\n")
	f.store.SetSource(store.SourceState{Complete: true, Stale: true, Reason: "a database has changes that do not arrive"})
	ready := f.get("/readyz?verbose")
	assert.Equal(t, 200, ready.StatusCode, "the last good records are served")
	assert.Contains(t, string(ready.body), "[~] source: stale: a database has changes that do not arrive\n")
}
