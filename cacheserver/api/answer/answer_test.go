package answer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestOneWay: for each kind of body, in each coding, known or streamed, with
// and without connections that write once, the first and the second time, GET,
// HEAD and If-None-Match agree.
func TestOneWay(t *testing.T) {
	for name, c := range map[string]struct {
		n, segments int // segments: 1 ready, 2 slow
		stream      bool
	}{
		"empty": {}, "short": {n: 10}, "page": {n: 500}, "long": {n: 5000}, "streamed": {n: 5000, stream: true}, "short stream": {n: 3, stream: true},
		"segments": {n: 500, segments: 1}, "streamed segments": {n: 5000, segments: 1, stream: true}, "slow segments": {n: 5000, segments: 2, stream: true},
	} {
		for _, coding := range []string{"", "gzip", "zstd", "zstd, gzip;q=0.5", "identity"} {
			w := newWorld(t)
			plain := append(bytes.Join(lines(c.n), []byte("\n")), '\n')
			if c.n == 0 {
				plain = nil
			}
			w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
				a := list(c.n)
				a.Stream, a.Generation, a.Key, a.Link = c.stream, w.newest.Load(), key, `<x>; rel="first"`
				if c.segments > 0 {
					a.Segments = zipped{plain, c.segments == 2}
				}
				return a, nil
			}
			var first http.Header
			for i, url := range []string{w.urls[0], w.urls[1], w.urls[1], w.urls[0]} {
				what := fmt.Sprintf("%s %q %d", name, coding, i)
				res, body := w.get(url+"/list", http.MethodGet, "Accept-Encoding", coding)
				require.Equal(t, 200, res.StatusCode, what)
				if res.Header.Get("Content-Encoding") == "gzip" {
					zr, err := gzip.NewReader(bytes.NewReader(body))
					require.NoError(t, err, what)
					text, err := io.ReadAll(zr)
					require.NoError(t, err)
					require.Equal(t, string(plain), string(text), what)
				} else if res.Header.Get("Content-Encoding") == "" {
					require.Equal(t, string(plain), string(body), what)
				}
				if res.ContentLength >= 0 {
					require.EqualValues(t, len(body), res.ContentLength)
				}
				assert.NotEmpty(t, res.Header.Get(wire.HeaderTiming))
				assert.Equal(t, []string{"g-1"}, res.Header[wire.HeaderGeneration], what)
				for _, moving := range []string{wire.HeaderTiming, "Date", "Content-Length"} {
					res.Header.Del(moving)
				}
				if first == nil {
					first = res.Header
				}
				require.Equal(t, first, res.Header, what)

				head, body := w.get(url+"/list", http.MethodHead, "Accept-Encoding", coding)
				require.Empty(t, body)
				require.Equal(t, first.Get("Etag"), head.Header.Get("Etag"))
				same, body := w.get(url+"/list", http.MethodGet, "Accept-Encoding", coding, "If-None-Match", first.Get("Etag"))
				require.Equal(t, http.StatusNotModified, same.StatusCode, what)
				require.Empty(t, body)
				require.Empty(t, same.Header.Get("Content-Type"))
				require.Equal(t, first.Get("Vary"), same.Header.Get("Vary"))
				require.Equal(t, first.Get(wire.HeaderLink), same.Header.Get(wire.HeaderLink))
			}
			require.Eventually(t, func() bool { return w.inside.Load() == 0 }, time.Minute, time.Millisecond, "each slot is released")
		}
	}
}

// TestPromises: an answer with another page promises its generation each time
// it is sent, including from the cache, without a body, and as 304.
func TestPromises(t *testing.T) {
	for _, promises := range []bool{true, false} {
		w := newWorld(t)
		g := w.newest.Load()
		w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
			a := list(5)
			a.Generation, a.Promises, a.Key = g, promises, key
			return a, nil
		}
		sent := int64(0)
		for range 3 {
			res, _ := w.get(w.urls[1]+"/list", http.MethodGet)
			w.get(w.urls[1]+"/list", http.MethodHead)
			w.get(w.urls[1]+"/list", http.MethodGet, "If-None-Match", res.Header.Get("Etag"))
			if promises {
				sent += 3
			}
			require.Equal(t, sent, g.promised.Load())
		}
		require.EqualValues(t, 1, w.made.Load())
	}
}

// TestFailedAnswersPromiseNothing: no client received the address of another
// page, and nothing is kept.
func TestFailedAnswersPromiseNothing(t *testing.T) {
	w := newWorld(t)
	g := w.newest.Load()
	w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
		a := list(5)
		a.Body.Form = func([]byte, []byte) ([]byte, error) { return nil, errors.New("damaged") }
		a.Generation, a.Promises, a.Key = g, true, key
		return a, nil
	}
	for range 2 {
		res, _ := w.get(w.urls[0]+"/list", http.MethodGet)
		require.Equal(t, http.StatusInternalServerError, res.StatusCode)
	}
	assert.Zero(t, g.promised.Load())
	assert.EqualValues(t, 2, w.made.Load())
}

// An empty list reduced to some keys has no bytes and length 0.
func TestEmptyProjections(t *testing.T) {
	w := newWorld(t)
	w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
		return answer.Answer{Format: wire.NDJSON, Body: render.List(wire.NDJSON, nil, []string{"Workflow"}, 0, render.Slice(nil)), Generation: w.newest.Load(), Key: key}, nil
	}
	for _, url := range w.urls {
		res, body := w.get(url+"/list", http.MethodGet)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.Empty(t, body)
		assert.EqualValues(t, 0, res.ContentLength)
	}
}

// TestCachedAnswersEnd: with their generation, the state of the source, or
// their time; an answer that may not be cached is computed each time.
func TestCachedAnswersEnd(t *testing.T) {
	w := newWorld(t)
	var change atomic.Pointer[func(*answer.Answer)]
	w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
		a := list(int(w.made.Load()))
		a.Generation, a.Key = w.newest.Load(), key
		if f := change.Load(); f != nil {
			(*f)(&a)
		}
		return a, nil
	}
	ask := func(made int, what string, header ...string) *http.Response {
		t.Helper()
		res, _ := w.get(w.urls[1]+"/list?a=b", http.MethodGet, header...)
		require.EqualValues(t, made, w.made.Load(), what)
		require.Equal(t, strconv.Itoa(made), res.Header.Get(wire.HeaderTotal), what)
		return res
	}
	ask(1, "made")
	res := ask(1, "kept")
	assert.Empty(t, res.Header.Get(wire.HeaderStale))
	ask(2, "another form", "Accept", "text/csv")
	w.made.Store(2)
	w.stale.Store(true)
	res = ask(3, "the source is away")
	assert.Equal(t, "1", res.Header.Get(wire.HeaderStale))
	assert.Equal(t, "the source is away", res.Header.Get(wire.HeaderStaleReason))
	res = ask(3, "kept in that state")
	assert.Equal(t, "1", res.Header.Get(wire.HeaderStale))
	w.stale.Store(false)
	ask(4, "and back")
	w.newest.Store(&generation{id: "g-2"})
	res = ask(5, "a new generation")
	assert.Equal(t, "g-2", res.Header.Get(wire.HeaderGeneration))
	ask(5, "kept")
	bytes, n := w.sender.Held()
	assert.EqualValues(t, 1, n)
	assert.Positive(t, bytes)

	w.newest.Store(&generation{id: "g-3"})
	expires := func(a *answer.Answer) { a.Expires = time.Unix(1795000010, 0) }
	change.Store(&expires)
	ask(6, "until then")
	w.now.Store(9)
	ask(6, "kept until then")
	w.now.Store(10)
	ask(7, "expired")
	for name, one := range map[string]func(*answer.Answer){
		"pinned":                func(a *answer.Answer) { a.Pinned = true },
		"fresh":                 func(a *answer.Answer) { a.Fresh = true },
		"of another generation": func(a *answer.Answer) { a.Generation = &generation{id: "g-0"} },
		"too long":              func(a *answer.Answer) { a.Link = strings.Repeat("x", 100); a.Body.Head = make([]byte, 1<<17) },
	} {
		w.newest.Store(&generation{id: "next"})
		change.Store(&one)
		before := int(w.made.Load())
		ask(before+1, name)
		ask(before+2, name)
	}
}

// TestCachedAnswersHaveNothingOfOneRequest: whether a connection ends, and the id.
func TestCachedAnswersHaveNothingOfOneRequest(t *testing.T) {
	w := newWorld(t)
	w.make = func(_ echo.Context, key answer.Key) (answer.Answer, error) {
		a := list(3)
		a.Generation, a.Key = w.newest.Load(), key
		return a, nil
	}
	for _, url := range w.urls {
		for i, ends := range []bool{true, false} {
			id := strconv.Itoa(i)
			path := url + "/list"
			if ends {
				path += "?ends=1"
			}
			for range 2 {
				res, _ := w.get(path, http.MethodGet, wire.HeaderRequestID, id)
				assert.Equal(t, []string{id}, res.Header[wire.HeaderRequestID])
				assert.Equal(t, ends, res.Close, "Connection: close is sent only in its own answer")
			}
		}
	}
	require.EqualValues(t, 2, w.made.Load())
}

// TestMadeBodies: a compressed body is built once for all requests for its
// content, whatever the generation; one that is new each time is not kept.
func TestMadeBodies(t *testing.T) {
	for fresh, cached := range map[bool]int{false: 1, true: 0} {
		w := newWorld(t)
		w.make = func(echo.Context, answer.Key) (answer.Answer, error) {
			a := list(500)
			a.Fresh = fresh
			return a, nil
		}
		var first []byte
		for range 3 {
			_, body := w.get(w.urls[0]+"/list", http.MethodGet, "Accept-Encoding", "zstd")
			if first == nil {
				first = body
			}
			require.Equal(t, first, body)
		}
		require.Len(t, w.cache.values, cached)
		require.Equal(t, 2*cached, w.cache.hits)
	}
}

// TestSameNames: a change of volatile fields does not change the tag.
func TestSameNames(t *testing.T) {
	w := newWorld(t)
	w.make = func(c echo.Context, _ answer.Key) (answer.Answer, error) {
		return answer.Answer{Format: wire.JSON, Body: render.Text([]byte(c.QueryParam("text"))), Same: []byte("news"), Fresh: true}, nil
	}
	one, _ := w.get(w.urls[0]+"/?text=1", http.MethodGet)
	two, body := w.get(w.urls[0]+"/?text=2", http.MethodGet)
	assert.Equal(t, "2", string(body))
	assert.Equal(t, one.Header.Get("Etag"), two.Header.Get("Etag"))
	assert.True(t, strings.HasPrefix(one.Header.Get("Etag"), "W/"), "the bytes may differ")
}

// TestPlain: a status and a text, without headers for revalidation.
func TestPlain(t *testing.T) {
	w := newWorld(t)
	w.make = func(echo.Context, answer.Key) (answer.Answer, error) {
		return answer.Answer{Status: http.StatusTeapot, Media: "text/x", Body: render.Text(bytes.Repeat([]byte("a"), 9000)), Plain: "no-store"}, nil
	}
	for _, url := range w.urls {
		res, body := w.get(url+"/", http.MethodGet, "Accept-Encoding", "gzip", "If-None-Match", "*")
		assert.Equal(t, http.StatusTeapot, res.StatusCode)
		assert.Len(t, body, 9000)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		assert.Empty(t, res.Header.Get("Etag"))
		assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	}
}

// TestRefusedStreams: a request without a slot gets the error, also for a
// cached answer.
func TestRefusedStreams(t *testing.T) {
	full := errors.New("full")
	s, err := answer.New(answer.Options{
		Cache: &keeping{values: map[string]any{}}, Now: time.Now, Stale: func() (string, bool) { return "", false },
		Enter: func(echo.Context) (func(), error) { return nil, full },
	})
	require.NoError(t, err)
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", http.NoBody), httptest.NewRecorder())
	a := list(3)
	a.Stream = true
	require.ErrorIs(t, s.Send(c, a), full)
	assert.False(t, c.Response().Committed)
	_, err = answer.New(answer.Options{})
	require.Error(t, err)
}
