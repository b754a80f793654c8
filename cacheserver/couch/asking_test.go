package couch

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// Answers that are well formed and end early, in feeds with and without a filter
// and a limit: changes are requested until the last one.
func TestChangesAreRequestedToTheLast(t *testing.T) {
	for rows := range 4 {
		synctest.Test(t, func(t *testing.T) {
			srv := couchfake.New(couchfake.Options{BuiltinViews: true})
			c := inMemory(t, srv, nil)
			var requests, agents []string
			for i := range 20 {
				request, agent := fmt.Sprintf("w%02d", i), fmt.Sprintf("a%02d", i)
				require.NoError(t, srv.Put(requestDB, fmt.Appendf(nil, `{"_id":%q,"RequestName":%q,"RequestStatus":"new"}`, request, request)))
				require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":"job-%d","type":"jobsummary"}`, i)))
				require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":%q,"type":"agent_request"}`, agent)))
				require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":"other-%d","type":"jobsummary"}`, i)))
				requests, agents = append(requests, request), append(agents, agent)
			}
			fault := srv.Misbehave(couchfake.Fault{Kind: couchfake.EndFeed, Rows: rows})
			for db, want := range map[Database][]string{Requests: requests, WMStats: agents} {
				changes, err := changesOf(t.Context(), c, db, "", FeedOptions{Once: true})
				require.NoError(t, err)
				var have []string
				ends := 0
				for i, ch := range changes {
					if ch.ID != "" {
						have = append(have, ch.ID)
					}
					if ch.End {
						ends = i
					}
				}
				assert.Equal(t, want, have, "%s, %d rows", db, rows)
				assert.Equal(t, len(changes)-1, ends, "the last one is marked")
				last := changes[ends].Seq
				none, err := changesOf(t.Context(), c, db, last, FeedOptions{Once: true})
				require.NoError(t, err)
				assert.Len(t, none, 1, "nothing follows")

				changes, err = changesOf(t.Context(), c, db, "", FeedOptions{Once: true, Limit: 1, NoDocs: true})
				require.NoError(t, err)
				assert.Contains(t, ids(changes), want[0], "the first matching document, whatever the number of others")
			}
			fault.Clear()
			began := time.Now()
			_, err := changesOf(t.Context(), c, Requests, "", FeedOptions{Once: true})
			require.NoError(t, err)
			assert.Zero(t, time.Since(began), "no wait after the end")
		})
	}
}

// The same for the read of all documents by their changes.
func TestTheFirstReadByChangesGoesToTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := couchfake.New(couchfake.Options{})
		c := inMemory(t, srv, nil)
		for i := range 50 {
			require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":"a%d","type":"agent_info"}`, i)))
		}
		srv.Misbehave(couchfake.Fault{Kind: couchfake.EndFeed, Rows: 2})
		rows, way, err := rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		assert.Contains(t, way, "changes")
		assert.Len(t, rows, 50)
	})
}

// The number of pending changes that a server reports, or leaves out.
func TestPendingChanges(t *testing.T) {
	const row = `{"seq":"5-a","id":"w","changes":[{"rev":"1-a"}],"doc":{}}`
	answer := func(row, rest string) string { return "{\"results\":[\n" + row + "\n],\n" + rest + "}\n" }
	for name, c := range map[string]struct {
		answers   []string // the last one is repeated
		questions int
		kind      error
	}{
		"none pending":                 {[]string{answer("", `"last_seq":"5-a","pending":0`)}, 1, nil},
		"none, no number":              {[]string{answer("", `"last_seq":"5-a"`)}, 1, nil},
		"none, null":                   {[]string{answer("", `"last_seq":"5-a","pending":null`)}, 1, nil},
		"one, then nothing":            {[]string{answer(row, `"last_seq":"5-a","pending":0`), answer("", `"last_seq":"5-a","pending":0`)}, 2, nil},
		"one, then nothing, no number": {[]string{answer(row, `"last_seq":5`), answer("", `"last_seq":5`)}, 2, nil},
		"always one more":              {[]string{answer(row, `"last_seq":"5-a","pending":0`)}, wordCounts + 1, nil},
		"always one more, no number":   {[]string{answer(row, `"last_seq":"5-a"`)}, mostAnswers, ErrCut},
		"always some pending":          {[]string{answer("", `"last_seq":"5-a","pending":3`)}, mostAnswers, ErrCut},
		"some pending, then none":      {[]string{answer("", `"last_seq":"5-a","pending":3`), answer("", `"last_seq":"8-a","pending":0`)}, 2, nil},
		"no position":                  {[]string{answer("", `"pending":0`)}, 1, ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				client := inMemory(t, saying{func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write([]byte(c.answers[min(asked, len(c.answers)-1)]))
					asked++
				}}, nil)
				began := time.Now()
				_, err := changesOf(t.Context(), client, Requests, "1-a", FeedOptions{Once: true})
				require.ErrorIs(t, err, c.kind)
				assert.Equal(t, c.questions, asked)
				if asked > 2 {
					assert.Greater(t, time.Since(began), time.Duration(asked-2)*askAgain, "there are pauses")
				}
			})
		})
	}
	t.Run("a canceled caller does not wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := inMemory(t, saying{func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(answer("", `"last_seq":"5-a","pending":3`)))
			}}, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := changesOf(ctx, c, Requests, "1-a", FeedOptions{Once: true})
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
}
