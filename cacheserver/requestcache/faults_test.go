package requestcache_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
)

const small = `{"result":[{"w1":{"_id":"w1","RequestName":"w1","RequestStatus":"running-open",
	"AgentJobInfo":{"a1":{"_id":"a1-w1","type":"agent_request","workflow":"w1","agent_url":"a1","status":{"success":3}}}},
	"w2":{"_id":"w2","RequestName":"w2","RequestStatus":"new"}}]}`

func look(t *testing.T, s *requestcache.Source) error {
	t.Helper()
	_, err := s.Position(t.Context(), couch.Requests)
	return err
}

func TestForms(t *testing.T) {
	for name, c := range map[string]struct {
		text             string
		requests, agents map[string]string
	}{
		"usual": {small,
			map[string]string{"w1": `{"_id":"w1","RequestName":"w1","RequestStatus":"running-open"}`, "w2": `{"_id":"w2","RequestName":"w2","RequestStatus":"new"}`},
			map[string]string{"a1-w1": `{"_id":"a1-w1","type":"agent_request","workflow":"w1","agent_url":"a1","status":{"success":3}}`}},
		"no ids": {`{"result":[{"w":{"AgentJobInfo":{"a":{}, "b":{"type":"agent_request"}},"x":1}}]}`,
			map[string]string{"w": `{"x":1,"_id":"w","RequestName":"w"}`},
			map[string]string{"a-w": `{"_id":"a-w","type":"agent_request"}`, "b-w": `{"_id":"b-w","type":"agent_request"}`}},
		"escaped keys": {`{"r\u0065sult":[{"w":{"\u005fid":"i","RequestN\u0061me":"r","\u0041gentJobInfo":{"a":{"_id":"x","type":"agent_request"}}}}]}`,
			map[string]string{"w": `{"_id":"i","RequestName":"r"}`}, map[string]string{"x": `{"_id":"x","type":"agent_request"}`}},
		"cleaned":          {`{"result":[{"w":{"_id":"w","RequestName":"w","AgentJobInfo":"CLEANED"}}]}`, map[string]string{"w": `{"_id":"w","RequestName":"w"}`}, nil},
		"null":             {`{"result":[{"w":{"_id":"w","RequestName":"w","AgentJobInfo":null}}]}`, map[string]string{"w": `{"_id":"w","RequestName":"w"}`}, nil},
		"a list":           {`{"result":[{"w":{"_id":"w","RequestName":"w","AgentJobInfo":[{"a":[1]},2]}}]}`, map[string]string{"w": `{"_id":"w","RequestName":"w"}`}, nil},
		"one by one":       {`{"x":{"y":[1]},"result":[{"v":{"_id":"v","RequestName":"v"}},{},{"w":{"_id":"w","RequestName":"w"}}]}`, map[string]string{"v": `{"_id":"v","RequestName":"v"}`, "w": `{"_id":"w","RequestName":"w"}`}, nil},
		"twice":            {`{"result":[{"w":{"_id":"w","RequestName":"w","n":1},"w":{"_id":"w","RequestName":"w","n":2}}]}`, map[string]string{"w": `{"_id":"w","RequestName":"w","n":2}`}, nil},
		"no documents":     {`{"result":[{"v":null,"w":[1,[2]],"x":"text","y":{"RequestName":"y","_id":"y"}}]}`, map[string]string{"v": `null`, "w": `[]`, "x": `"text"`, "y": `{"RequestName":"y","_id":"y"}`}, nil},
		"odd names":        {`{"result":[{"w\"<é":{"_id":"i","RequestName":"r"}}]}`, map[string]string{`w"<é`: `{"_id":"i","RequestName":"r"}`}, nil},
		"unusable agent":   {`{"result":[{"w":{"_id":"w","RequestName":"w","AgentJobInfo":{"a":7}}}]}`, map[string]string{"w": `{"_id":"w","RequestName":"w"}`}, map[string]string{"a-w": `7`}},
		"space at the end": {`{"result":[{"w":{"_id":"w","RequestName":"w"}}]}` + "\n \n", map[string]string{"w": `{"_id":"w","RequestName":"w"}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := saved(t, c.text)
			s := open(t, path)
			for db, want := range map[couch.Database]map[string]string{couch.Requests: c.requests, couch.WMStats: c.agents} {
				got := rows(t, s, db)
				assert.Equal(t, ids(want), ids(got))
				for id, doc := range want {
					assert.JSONEq(t, doc, got[id], id)
				}
			}
		})
	}
}

func TestADumpOfGzip(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(small))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	path, write := saved(t, zipped.String())
	s := open(t, path)
	assert.Equal(t, []string{"w1", "w2"}, ids(rows(t, s, couch.Requests)))
	write(zipped.Bytes()[:zipped.Len()-5])
	err = look(t, s)
	require.ErrorIs(t, err, couch.ErrCut)
	assert.Equal(t, "the requestcache is truncated", couch.Public(err))
}

// TestABrokenAnswerReplacesNothing: after any invalid answer, the previous
// documents stay readable, the error is reported until an answer is valid
// again, and then the source recovers.
func TestABrokenAnswerReplacesNothing(t *testing.T) {
	broken := map[string]struct {
		text string
		kind error
	}{
		"a login page": {"<html>please</html>", couch.ErrForm},
		"nothing":      {"", couch.ErrCut},
		"a list":       {`[{"w":{}}]`, couch.ErrForm},
		"no result":    {`{"rows":[]}`, couch.ErrForm},
		"an error":     {`{"error":"500"}`, couch.ErrForm},
		"text":         {`{"result":["w"]}`, couch.ErrForm},
		"bad inside":   {`{"result":[{"w":{"a":tru}}]}`, couch.ErrForm},
		"not filled":   {`{"result":[{}]}`, couch.ErrForm},
		"more":         {small + "{}", couch.ErrForm},
	}
	for n := 1; n < len(small); n += 7 {
		broken[fmt.Sprintf("truncated at %d", n)] = struct {
			text string
			kind error
		}{small[:n], couch.ErrCut}
	}
	path, write := saved(t, small)
	s := open(t, path)
	before := rows(t, s, couch.Requests)
	good, err := s.Position(t.Context(), couch.Requests)
	require.NoError(t, err)
	for name, c := range broken {
		write([]byte(c.text))
		for range 2 { // also when it is not read again
			err := look(t, s)
			require.ErrorIs(t, err, c.kind, name)
			assert.NotContains(t, couch.Public(err), "/", name)
		}
		require.Equal(t, before, rows(t, s, couch.Requests), name)
		detail, err := s.Detail(t.Context(), "w1", []string{"a1-w1"})
		require.NoError(t, err, name)
		require.EqualValues(t, 3, detail.Success)
	}
	write([]byte(small))
	again, err := s.Position(t.Context(), couch.Requests)
	require.NoError(t, err)
	assert.Equal(t, good, again)
	require.NoError(t, os.Remove(path))
	err = look(t, s)
	require.ErrorIs(t, err, couch.ErrUnreachable)
	assert.NotContains(t, couch.Public(err), filepath.Base(path))
	assert.Equal(t, before, rows(t, s, couch.Requests))
}

// TestMuchGone: an answer that lost a large part is not passed on as
// deletions.
func TestMuchGone(t *testing.T) {
	answer := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"w%03d":{"_id":"w%03d","RequestName":"w%03d"}`, i, i, i)
		}
		return `{"result":[{` + b.String()[1:] + `}]}`
	}
	path, write := saved(t, answer(100))
	s := open(t, path)
	from, err := s.Position(t.Context(), couch.Requests)
	require.NoError(t, err)
	write([]byte(answer(60)))
	for ch, err := range s.Changes(t.Context(), couch.Requests, from.Seq, couch.FeedOptions{Once: true}) {
		require.ErrorIs(t, err, couch.ErrSeqUnknown, ch.ID)
		assert.Contains(t, couch.Public(err), "many documents are gone")
	}
	from, err = s.Position(t.Context(), couch.Requests)
	require.NoError(t, err)
	write([]byte(answer(55)))
	gone := 0
	for ch, err := range s.Changes(t.Context(), couch.Requests, from.Seq, couch.FeedOptions{Once: true}) {
		require.NoError(t, err)
		if ch.Deleted {
			gone++
		}
	}
	assert.Equal(t, 5, gone)
}

func TestServerFaults(t *testing.T) {
	var how atomic.Value
	how.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		how.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(srv.Close)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(small)) })
	how.Store(good)
	at := strings.Replace(srv.URL, "http://", "http://me:hidden@", 1) + "/wmstatsserver/data/requestcache?token=hidden"
	s := open(t, at, func(o *requestcache.Options) { o.Idle = 2 * time.Second })
	name, err := s.Name(t.Context())
	require.NoError(t, err)
	assert.Equal(t, srv.URL+"/wmstatsserver/data/requestcache", name)
	before := rows(t, s, couch.Requests)
	for name, c := range map[string]struct {
		how    http.HandlerFunc
		kind   error
		public string
	}{
		"401":         {status(401), couch.ErrUnauthorized, "the old server refuses the credentials"},
		"404":         {status(404), couch.ErrRefused, "the old server returned status 404"},
		"503":         {status(503), couch.ErrServer, "the old server returned status 503"},
		"304 unasked": {status(304), couch.ErrRefused, "the old server returned status 304"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(small)))
			_, _ = w.Write([]byte(small[:100]))
		}, couch.ErrCut, "the answer of the old server is truncated"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, couch.ErrFrozen, "the old server is silent"},
		"silent in it": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(small[:100]))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, couch.ErrFrozen, "the old server is silent"},
		"a login page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, couch.ErrForm, "the answer is not a requestcache"},
	} {
		how.Store(c.how)
		err := look(t, s)
		require.ErrorIs(t, err, c.kind, name)
		assert.Equal(t, c.public, couch.Public(err), name)
		assert.NotContains(t, err.Error(), "hidden", name)
		assert.Equal(t, before, rows(t, s, couch.Requests), name)
		how.Store(good)
		require.NoError(t, look(t, s), name)
	}
	srv.Close()
	err = look(t, s)
	require.ErrorIs(t, err, couch.ErrUnreachable)
	assert.Equal(t, "connection to the old server failed", couch.Public(err))
	assert.NotContains(t, err.Error(), "hidden")
}

// TestAsksOnlyWhenDue: within the interval no request is sent, however often
// the source is asked, and an unchanged answer is not sent again.
func TestAsksOnlyWhenDue(t *testing.T) {
	var asked, sent atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		assert.NotEmpty(t, r.Header.Get("Accept-Encoding"))
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT")
		_, _ = w.Write([]byte(small))
	}))
	t.Cleanup(srv.Close)
	var clock atomic.Int64
	s := open(t, srv.URL, func(o *requestcache.Options) {
		o.Interval, o.Now = time.Minute, func() time.Time { return time.Unix(clock.Load(), 0) }
	})
	for range 3 {
		require.NoError(t, look(t, s))
	}
	assert.EqualValues(t, 1, asked.Load())
	clock.Store(61)
	for range 3 {
		require.NoError(t, look(t, s))
	}
	assert.EqualValues(t, 2, asked.Load())
	assert.EqualValues(t, 1, sent.Load())
}

func TestOptionsAndEnds(t *testing.T) {
	for from, want := range map[string]string{"": "no URL and no file", "ftp://u:hidden@h/x": "want http", "http://u:hidden@[": "want http", "http://": "want http"} {
		_, err := requestcache.New(requestcache.Options{From: from, Interval: -1})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "must not be negative")
		assert.NotContains(t, err.Error(), "hidden")
	}
	path, _ := saved(t, small)
	s := open(t, path)
	_, err := s.Position(t.Context(), couch.LogDB)
	require.ErrorIs(t, err, couch.ErrNoDatabase)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Position(ctx, couch.Requests)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, look(t, s), "a caller that left is not a failure of the source")

	_, err = s.Read(t.Context(), couch.Requests, nil, func(couch.Row) error {
		require.NoError(t, s.Close()) // a running read remains until the end
		return nil
	})
	require.NoError(t, err)
	require.ErrorContains(t, look(t, s), "closed")

	dir := open(t, t.TempDir())
	require.ErrorIs(t, look(t, dir), couch.ErrForm)
	nowhere := filepath.Join(t.TempDir(), "nosuch")
	full, err := requestcache.New(requestcache.Options{From: path, Dir: nowhere})
	require.NoError(t, err)
	err = look(t, full)
	require.ErrorIs(t, err, requestcache.ErrSpool)
	assert.NotContains(t, couch.Public(err), nowhere)
	require.NoError(t, full.Close())
}

// FuzzAnswers: no bytes make the reader panic, hang, or leave a file behind.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"result":[{"w":{"AgentJobInfo":{"a":{}}},"v":[1]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path, _ := saved(t, string(text))
		s := open(t, path)
		if look(t, s) != nil {
			return
		}
		assert.NotEmpty(t, rows(t, s, couch.Requests))
		rows(t, s, couch.WMStats)
	})
}
