package couchfake_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	kivik "github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestKivik reads, writes, queries and follows with the Go client that the
// servers use. kivik packs request bodies with gzip and posts _changes.
func TestKivik(t *testing.T) {
	s := start(t, couchfake.Options{User: "u", Password: "p", BuiltinViews: true})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	wrong, err := kivik.New("couch", s.URL(), couchdb.BasicAuth("u", "no"))
	require.NoError(t, err)
	_, err = wrong.DBExists(ctx, "db")
	assert.Equal(t, http.StatusUnauthorized, kivik.HTTPStatus(err))

	client, err := kivik.New("couch", s.URL(), couchdb.BasicAuth("u", "p"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	version, err := client.Version(ctx)
	require.NoError(t, err)
	assert.Equal(t, "3.5.0", version.Version)
	up, err := client.Ping(ctx)
	require.NoError(t, err)
	assert.True(t, up)
	require.NoError(t, client.CreateDB(ctx, "db"))
	assert.Equal(t, http.StatusPreconditionFailed, kivik.HTTPStatus(client.CreateDB(ctx, "db")))
	names, err := client.AllDBs(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"db"}, names)
	db := client.DB("db")

	t.Run("documents", func(t *testing.T) {
		rev, err := db.Put(ctx, "a", map[string]any{"v": 1})
		require.NoError(t, err)
		_, err = db.Put(ctx, "a", map[string]any{"v": 2})
		assert.Equal(t, http.StatusConflict, kivik.HTTPStatus(err))
		var doc struct {
			Rev string `json:"_rev"`
			V   int    `json:"v"`
		}
		require.NoError(t, db.Get(ctx, "a").ScanDoc(&doc))
		assert.Equal(t, rev, doc.Rev)
		head, err := db.GetRev(ctx, "a")
		require.NoError(t, err)
		assert.Equal(t, rev, head)
		_, err = db.Delete(ctx, "a", rev)
		require.NoError(t, err)
		assert.Equal(t, http.StatusNotFound, kivik.HTTPStatus(db.Get(ctx, "a").Err()))
	})
	t.Run("bulk and all docs", func(t *testing.T) {
		docs := []any{}
		for i := range 10 {
			docs = append(docs, map[string]any{"_id": fmt.Sprintf("d%d", i), "_rev": fmt.Sprintf("7-%d", i+1),
				"type": "agent_request", "workflow": fmt.Sprintf("w%d", i%3), "agent_url": fmt.Sprintf("a%d", i)})
		}
		_, err := db.BulkDocs(ctx, docs, kivik.Param("new_edits", false))
		require.NoError(t, err)
		rows := db.AllDocs(ctx, kivik.IncludeDocs(), kivik.Params(map[string]any{"startkey": "d3", "endkey": "d6"}))
		got := []string{}
		for rows.Next() {
			var doc map[string]any
			require.NoError(t, rows.ScanDoc(&doc))
			got = append(got, doc["_rev"].(string))
		}
		require.NoError(t, rows.Err())
		assert.Equal(t, []string{"7-4", "7-5", "7-6", "7-7"}, got)
	})
	t.Run("view", func(t *testing.T) {
		rows := db.Query(ctx, "_design/WMStats", "_view/latestRequest", kivik.Params(map[string]any{
			"include_docs": true, "startkey": []any{"w1"}, "endkey": []any{"w1", map[string]any{}}}))
		ids := []string{}
		for rows.Next() {
			id, err := rows.ID()
			require.NoError(t, err)
			ids = append(ids, id)
		}
		require.NoError(t, rows.Err())
		assert.Equal(t, []string{"d1", "d4", "d7"}, ids)
		counts := db.Query(ctx, "_design/WMStatsErl", "_view/requestAgentUrl", kivik.Params(map[string]any{"group_level": 1}))
		var sum int
		for counts.Next() {
			var n int
			require.NoError(t, counts.ScanValue(&n))
			sum += n
		}
		require.NoError(t, counts.Err())
		assert.Equal(t, 10, sum)
	})
	t.Run("find", func(t *testing.T) {
		found := db.Find(ctx, map[string]any{"selector": map[string]any{"workflow": "w2"}})
		n := 0
		for found.Next() {
			n++
		}
		require.NoError(t, found.Err())
		assert.Equal(t, 3, n)
	})
	t.Run("changes", func(t *testing.T) {
		past := db.Changes(ctx)
		n := 0
		for past.Next() {
			n++
		}
		require.NoError(t, past.Err())
		assert.Equal(t, 11, n, "ten documents and a tombstone")
		meta, err := past.Metadata()
		require.NoError(t, err)
		ended, stop := context.WithCancel(ctx)
		feed := db.Changes(ended, kivik.Params(map[string]any{"feed": "continuous", "since": meta.LastSeq,
			"heartbeat": 1000, "include_docs": true}))
		_, err = db.Put(ctx, "late", map[string]any{"v": 1})
		require.NoError(t, err)
		require.True(t, feed.Next(), "%v", feed.Err())
		assert.Equal(t, "late", feed.ID())
		stop()
		assert.False(t, feed.Next())
		// Close says it too, or not: that depends on who of the client is first.
		assert.ErrorIs(t, feed.Err(), context.Canceled)
		_ = feed.Close()
	})
}
