package couchfake_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// follower reads a continuous feed line by line.
type follower struct {
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (s *server) follow(path, body string) *follower {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	resp, err := s.open(ctx, method, path, body)
	require.NoError(s.t, err)
	require.Equal(s.t, 200, resp.StatusCode)
	f := &follower{resp: resp, lines: bufio.NewScanner(resp.Body), cancel: cancel}
	f.lines.Buffer(nil, 16<<20)
	s.t.Cleanup(f.close)
	return f
}

func (f *follower) close() {
	f.cancel()
	_ = f.resp.Body.Close()
}

// next returns the next row; ok is false when the feed has ended.
func (f *follower) next() (row gjson.Result, ok bool) {
	for f.lines.Scan() {
		if f.lines.Text() != "" {
			return gjson.Parse(f.lines.Text()), true
		}
	}
	return row, false
}

func TestResumeAnywhere(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(20)...)
	s.put("db", `{"_id":"d003","n":33}`)
	s.Delete("db", "d004")
	all := s.get("/db/_changes")
	require.Len(t, all.Get("results").Array(), 20, "one row per document")
	assert.Equal(t, "true", all.Get(`results.#(id=="d004").deleted`).Raw)
	for i, row := range all.Get("results").Array() {
		rest := s.get("/db/_changes?since=" + row.Get("seq").String())
		assert.Equal(t, texts(all.Get("results.#.id"))[i+1:], texts(rest.Get("results.#.id")))
	}
	last := all.Get("last_seq").String()
	assert.Empty(t, texts(s.get("/db/_changes?since="+last).Get("results.#.id")))
	again := s.get("/db/_changes").Get("last_seq").String()
	assert.NotEqual(t, last, again, "two texts for one position: seqs are not for comparing")
	page := s.get("/db/_changes?limit=7&since=" + all.Get("results.4.seq").String())
	assert.EqualValues(t, 8, page.Get("pending").Int())
}

func TestSeqsAreOnlyOurs(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(3)...)
	seq := s.get("/db").Get("update_seq").String()
	n, opaque, _ := strings.Cut(seq, "-")
	for _, since := range []string{"3", "bogus", "2-" + opaque, n + "-" + opaque[:len(opaque)-1], n + "-" + strings.Replace(opaque, "A", "B", 1)} {
		status, body := s.do("GET", "/db/_changes?since="+since, "")
		assert.Equal(t, 400, status, since)
		assert.Contains(t, body, "Malformed sequence")
	}
	require.True(t, s.Drop("db"))
	require.False(t, s.Drop("db"))
	s.put("db", numbered(5)...)
	got := s.get("/db/_changes?since=" + seq)
	assert.Len(t, got.Get("results").Array(), 5, "a seq of the earlier database: all changes")
}

func TestFilters(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(4)...)
	s.Delete("db", "d000")
	s.put("db", `{"_id":"_design/x"}`)
	for _, tc := range []struct {
		name, filter, body string
		ids                []string
	}{
		{"by type", "_selector", `{"selector":{"type":"t1"}}`, []string{"d001", "d003"}},
		{"a tombstone has lost its fields", "_selector", `{"selector":{"type":"t0"}}`, []string{"d002"}},
		{"tombstones by _deleted", "_selector", `{"selector":{"_deleted":true}}`, []string{"d000"}},
		{"or tombstone", "_selector", `{"selector":{"$or":[{"type":"t1"},{"_deleted":true}]}}`, []string{"d001", "d003", "d000"}},
		{"ids", "_doc_ids", `{"doc_ids":["d000","d002","none"]}`, []string{"d002", "d000"}},
		{"design", "_design", `{}`, []string{"_design/x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := s.post("/db/_changes?include_docs=true&filter="+tc.filter, tc.body)
			assert.Equal(t, tc.ids, texts(got.Get("results.#.id")))
			assert.Equal(t, tc.ids, texts(got.Get("results.#.doc._id")))
			assert.EqualValues(t, 0, got.Get("pending").Int())
		})
	}
	status, body := s.do("POST", "/db/_changes?filter=_selector", `{"selector":{"a":{"$nope":1}}}`)
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "Invalid operator: $nope")
	status, _ = s.do("GET", "/db/_changes?filter=app/unknown", "")
	assert.Equal(t, 501, status)
}

func TestLongpollWakesOnlyForItsSelector(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(3)...)
	now := s.get("/db").Get("update_seq").String()
	resp, err := s.open(t.Context(), "POST", "/db/_changes?feed=longpoll&filter=_selector&heartbeat=20&since="+now, `{"selector":{"type":"match"}}`)
	require.NoError(t, err)
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	read := func() string {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		return line
	}
	require.Equal(t, "{\"results\":[\n", read())
	s.put("db", `{"_id":"x","type":"other"}`)
	for range 3 {
		require.Equal(t, "\n", read(), "blank lines while nothing matches")
	}
	s.put("db", `{"_id":"y","type":"match"}`)
	line := "\n"
	for line == "\n" {
		line = read()
	}
	assert.Equal(t, "y", gjson.Get(line, "id").String())
	assert.Equal(t, "],\n", read())
}

// TestEveryWriteIsSeen runs writers and continuous readers at the same time:
// each reader must end with the newest state of every document.
func TestEveryWriteIsSeen(t *testing.T) {
	const writers, docs, rounds, readers = 4, 20, 15, 3
	s := start(t, couchfake.Options{})
	require.NoError(t, s.Create("db"))
	var work sync.WaitGroup
	for r := range readers {
		path := "/db/_changes?feed=continuous&include_docs=true&heartbeat=50"
		body := ""
		if r == 2 {
			path, body = path+"&filter=_selector", `{"selector":{"round":{"$gte":0}}}`
		}
		f := s.follow(path, body)
		work.Go(func() {
			state := map[string]int64{}
			done := 0
			for done < writers*docs {
				row, ok := f.next()
				if !assert.True(t, ok, "the feed ended") {
					return
				}
				id, round := row.Get("id").String(), row.Get("doc.round").Int()
				assert.GreaterOrEqual(t, round, state[id], "a change went back to an older state")
				if state[id] = round; round == rounds {
					done++
				}
			}
		})
	}
	for w := range writers {
		work.Go(func() {
			for round := 1; round <= rounds; round++ {
				for d := range docs {
					doc := fmt.Sprintf(`{"_id":"w%d-%d","round":%d}`, w, d, round)
					if w%2 == 0 {
						assert.NoError(t, s.Put("db", []byte(doc)))
						continue
					}
					invented := fmt.Sprintf(`{"new_edits":false,"docs":[{"_id":"w%d-%d","_rev":"%d-99","round":%d}]}`, w, d, round, round)
					resp, err := s.open(context.Background(), "POST", "/db/_bulk_docs", invented)
					if assert.NoError(t, err) {
						assert.Equal(t, 201, resp.StatusCode)
						assert.NoError(t, resp.Body.Close())
					}
				}
			}
		})
	}
	work.Wait()
	st, _ := s.Stats("db")
	assert.Equal(t, int64(writers*docs*rounds), st.Changes)
	assert.Equal(t, writers*docs, st.Docs)
}

func TestFeedEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(s *server)
	}{
		{"the database is deleted", func(s *server) { s.Drop("db") }},
		{"the server closes", func(s *server) { require.NoError(s.t, s.Server.Close()) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, couchfake.Options{})
			s.put("db", numbered(1)...)
			f := s.follow("/db/_changes?feed=continuous&heartbeat=1000", "")
			_, ok := f.next()
			require.True(t, ok)
			tc.end(s)
			last, ok := f.next()
			require.True(t, ok)
			assert.True(t, last.Get("last_seq").Exists())
			_, ok = f.next()
			assert.False(t, ok)
			assert.NoError(t, f.lines.Err(), "ended in order")
		})
	}
}

func TestManyRewritesKeepTheLogShort(t *testing.T) {
	s := start(t, couchfake.Options{})
	want := []string{}
	for round := range 100 {
		docs := numbered(50)
		if round%2 == 1 {
			slices.Reverse(docs)
		}
		s.put("db", docs...)
	}
	for i := 49; i >= 0; i-- {
		want = append(want, fmt.Sprintf("d%03d", i))
	}
	assert.Equal(t, want, texts(s.get("/db/_changes").Get("results.#.id")))
	assert.Regexp(t, `^5000-`, s.get("/db").Get("update_seq").String(), "the number counts writes")
}
