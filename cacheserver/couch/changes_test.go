package couch

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

func TestChangesSelectOnTheServer(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	putDesign(t, srv, wmstatsDB, "WMStatsErl7")
	require.True(t, srv.Delete(wmstatsDB, "job-1"))
	require.True(t, srv.Delete(wmstatsDB, "a1-r2"))
	changes, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"a1", "job-1", "a1-r2", ""}, ids(changes))
	for _, ch := range changes {
		assert.Equal(t, ch.ID == "job-1" || ch.ID == "a1-r2", ch.Deleted, ch.ID)
		assert.Equal(t, ch.ID == "a1", len(ch.Doc) > 0, ch.ID)
	}
}

func TestChangesWithoutASelector(t *testing.T) {
	posts := couchfake.Match{Method: "POST", Path: "/" + wmstatsDB + "/_changes"}
	t.Run("refused for good", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		fault := srv.Misbehave(couchfake.Fault{Match: posts, Kind: couchfake.FailStatus, Status: 405})
		for range 2 {
			changes, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
			require.NoError(t, err)
			assert.ElementsMatch(t, []string{"a1-r2", "a1", "job-1", ""}, ids(changes))
		}
		assert.Equal(t, 1, fault.Hits())
	})
	t.Run("server errors", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		srv.Misbehave(couchfake.Fault{Match: posts, Kind: couchfake.FailStatus, Status: 500, Times: serverFailures})
		for range serverFailures - 1 {
			_, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
			require.ErrorIs(t, err, ErrServer)
		}
		changes, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
		require.NoError(t, err)
		assert.Contains(t, ids(changes), "job-1")
		changes, err = changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
		require.NoError(t, err)
		assert.NotContains(t, ids(changes), "job-1", "the selector is tried again")
	})
}

func TestContinuousFeed(t *testing.T) { synctest.Test(t, testContinuousFeed) }

func testContinuousFeed(t *testing.T) {
	srv := filled(t, couchfake.Options{})
	c := inMemory(t, srv, nil)
	beats := make(chan struct{}, 1000)
	var seen []string
	for ch, err := range c.Changes(t.Context(), Requests, "", FeedOptions{Alive: func() { beats <- struct{}{} }}) {
		require.NoError(t, err)
		if seen = append(seen, ch.ID); len(seen) == 3 {
			for len(beats) > 0 {
				<-beats
			}
			go func() { // a change after three heartbeats
				for range 3 {
					<-beats
				}
				_ = srv.Put(requestDB, []byte(`{"_id":"late"}`))
			}()
		}
		if ch.ID == "late" {
			break
		}
	}
	assert.Equal(t, "late", seen[len(seen)-1])
}

func TestContinuousFeedEnds(t *testing.T) {
	feed := couchfake.Match{Path: "/" + requestDB + "/_changes"}
	for name, c := range map[string]struct {
		fault couchfake.Fault
		kind  error
	}{
		"well":        {couchfake.Fault{Match: feed, Kind: couchfake.EndFeed, Rows: 2}, nil},
		"cut":         {couchfake.Fault{Match: feed, Kind: couchfake.CutInRow, Rows: 1}, ErrCut},
		"frozen":      {couchfake.Fault{Match: feed, Kind: couchfake.FreezeInRow, Rows: 1}, ErrFrozen},
		"never there": {couchfake.Fault{Match: feed, Kind: couchfake.Freeze}, ErrFrozen},
		"error row":   {couchfake.Fault{Match: feed, Kind: couchfake.ErrorRow, Rows: 1, Stop: true}, ErrRow},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			srv := filled(t, couchfake.Options{})
			client := inMemory(t, srv, nil)
			srv.Misbehave(c.fault)
			changes, err := changesOf(t.Context(), client, Requests, "", FeedOptions{})
			if c.kind != nil {
				require.ErrorIs(t, err, c.kind)
				return
			}
			require.NoError(t, err)
			require.Len(t, changes, 3)
			assert.Empty(t, changes[2].ID)
			assert.NotEmpty(t, changes[2].Seq)
		}))
	}
}

func TestAFeedThatEndsWithoutItsLastLineWasCut(t *testing.T) {
	c := says(t, 200, `{"seq":"1-a","id":"w","changes":[{"rev":"1-a"}],"doc":{}}`+"\n")
	changes, err := changesOf(t.Context(), c, Requests, "", FeedOptions{})
	require.ErrorIs(t, err, ErrCut)
	assert.Equal(t, []string{"w"}, ids(changes))
}

func TestFeedsOfOtherServers(t *testing.T) {
	c := says(t, 200, `{"id":"w","changes":[{"rev":"1-a"}],"doc":{"_id":"w"},"seq":4}`+"\n"+`{"last_seq":5}`+"\n")
	changes, err := changesOf(t.Context(), c, Requests, "3", FeedOptions{})
	require.NoError(t, err)
	require.Len(t, changes, 2)
	assert.Equal(t, Seq("4"), changes[0].Seq)
	assert.JSONEq(t, `{"_id":"w"}`, string(changes[0].Doc))
	assert.Equal(t, Seq("5"), changes[1].Seq)
}
