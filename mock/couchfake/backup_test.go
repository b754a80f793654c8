package couchfake_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestPurge: the documents leave lists, changes and counts without a tombstone.
// The position and purge_seq move, but no change mentions it.
func TestPurge(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", numbered(10)...)
	s.put("db", viewDocs()...)
	const view = "/db/_design/ReqMgr/_view/byrequest"
	listed := texts(s.get(view).Get("rows.#.id"))
	require.Subset(t, listed, []string{"d003", "r1"})
	before := s.get("/db")
	require.Regexp(t, "^0-", before.Get("purge_seq").String())
	since := before.Get("update_seq").String()

	rev := s.get("/db/d003").Get("_rev").String()
	answer := s.post("/db/_purge", `{"d003":["`+rev+`","7-0123456789abcdef0123456789abcdef"],"never":["`+rev+`"]}`)
	assert.JSONEq(t, `{"purge_seq":null,"purged":{"d003":["`+rev+`"],"never":[]}}`, answer.Raw)
	assert.Equal(t, 1, s.Purge("db", "r1", "never"))
	after := s.get("/db")
	assert.Equal(t, before.Get("doc_count").Int()-2, after.Get("doc_count").Int())
	assert.Equal(t, before.Get("doc_del_count").Int(), after.Get("doc_del_count").Int())
	assert.Regexp(t, "^2-", after.Get("purge_seq").String())
	assert.NotEqual(t, seqNumber(since), seqNumber(after.Get("update_seq").String()))
	assert.Empty(t, s.get("/db/_changes?since="+since).Get("results").Array())
	assert.NotContains(t, texts(s.get("/db/_changes").Get("results.#.id")), "d003")
	assert.NotContains(t, texts(s.get("/db/_all_docs").Get("rows.#.id")), "d003")
	left := texts(s.get(view).Get("rows.#.id"))
	assert.Len(t, left, len(listed)-2)
	assert.NotContains(t, left, "d003")
	assert.NotContains(t, left, "r1")
	status, body := s.do("GET", "/db/d003", "")
	assert.Equal(t, 404, status)
	assert.Contains(t, body, "missing")
	for _, bad := range []string{`[]`, `{"d004":"1-a"}`, `{"d004":["x"]}`} {
		status, body = s.do("POST", "/db/_purge", bad)
		assert.Equal(t, 400, status, "%s: %s", bad, body)
	}
}

// TestPurgeOfALeaf: the document stays with its remaining leaves.
func TestPurgeOfALeaf(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"a","n":1}`)
	first := s.get("/db/a").Get("_rev").String()
	s.put("db", `{"_id":"a","_rev":"1-ffffffffffffffffffffffffffffffff","n":2}`)
	winner := s.get("/db/a").Get("_rev").String()
	require.NotEqual(t, first, winner)
	s.post("/db/_purge", `{"a":["`+winner+`"]}`)
	assert.EqualValues(t, 1, s.get("/db/a").Get("n").Int())
}

// TestRestore: writes since the backup disappear silently. The database reports
// that it is the same one, and positions since then are ahead of it.
func TestRestore(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", numbered(10)...)
	const view = "/db/_design/ReqMgr/_view/byrequest"
	old := s.get("/db")
	backup, err := s.Backup("db")
	require.NoError(t, err)
	_, err = s.Backup("none")
	require.ErrorContains(t, err, "Database does not exist")

	s.put("db", viewDocs()...)
	s.put("db", `{"_id":"d001","n":99}`)
	require.True(t, s.Delete("db", "d002"))
	require.Len(t, s.get(view).Get("rows").Array(), 19)
	ahead := s.get("/db").Get("update_seq").String()
	feed := s.follow("/db/_changes?feed=continuous&heartbeat=1000&since="+ahead, "")
	for range 2 { // a backup stays as it was
		s.Restore(backup)
		now := s.get("/db")
		for _, member := range []string{"instance_start_time", "doc_count", "doc_del_count"} {
			assert.Equal(t, old.Get(member).Raw, now.Get(member).Raw, member)
		}
		assert.Equal(t, seqNumber(old.Get("update_seq").String()), seqNumber(now.Get("update_seq").String()))
		assert.EqualValues(t, 1, s.get("/db/d001").Get("n").Int())
		assert.EqualValues(t, 2, s.get("/db/d002").Get("n").Int())
		assert.Len(t, s.get(view).Get("rows").Array(), 10)
		s.put("db", `{"_id":"d001","n":100}`, `{"_id":"new"}`)
		assert.Empty(t, s.get("/db/_changes?since="+ahead).Get("results").Array(), "the position is not reached yet")
	}
	row, ok := feed.next()
	require.True(t, ok)
	assert.True(t, row.Get("last_seq").Exists(), "the feed ended")
	s.put("db", viewDocs()...)
	s.put("db", numbered(30)...)
	assert.NotEmpty(t, s.get("/db/_changes?since="+ahead).Get("results").Array(), "now it has passed it")
}

// TestBufferedAnswers: an answer that ends arrives whole; nothing of a feed
// arrives.
func TestBufferedAnswers(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(3)...)
	_, plain := s.do("GET", "/db/_all_docs", "")
	s.Misbehave(couchfake.Fault{Kind: couchfake.Buffer})
	_, body := s.do("GET", "/db/_all_docs", "")
	assert.Equal(t, plain, body)
	status, body := s.do("GET", "/none", "")
	assert.Equal(t, 404, status)
	assert.Contains(t, body, "Database does not exist")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, body, err := s.read(ctx, "/db/_changes?feed=continuous&heartbeat=10")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, body)
}

// TestInfoOfAnotherCopy: the nodes of a cluster may disagree.
func TestInfoOfAnotherCopy(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(10)...)
	s.Misbehave(couchfake.Fault{Kind: couchfake.OtherCopy, Rows: 3, Skip: 1, Times: 1})
	var counts, seqs []string
	for range 3 {
		info := s.get("/db")
		counts, seqs = append(counts, info.Get("doc_count").Raw), append(seqs, seqNumber(info.Get("update_seq").String()))
	}
	assert.Equal(t, []string{"10", "7", "10"}, counts)
	assert.Equal(t, []string{"10", "7", "10"}, seqs)
}
