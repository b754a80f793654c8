package couch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// over returns a stream that reads from r instead of a network.
func over(r io.Reader) *stream {
	s := &stream{op: "test", idle: time.Hour, most: defaultMaxAnswer, body: io.NopCloser(r), timer: time.NewTimer(time.Hour)}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

func collect(s *stream) (rows []string, alive int, t tail, err error) {
	t, err = s.rows(func(row []byte) error { rows = append(rows, string(row)); return nil }, func() { alive++ })
	return rows, alive, t, err
}

func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		rows   []string
		last   string
	}{
		"view":          {"{\"total_rows\":5,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\"},\r\n{\"id\":\"b\"}\r\n]}\n", []string{`{"id":"a"}`, `{"id":"b"}`}, ""},
		"empty view":    {"{\"total_rows\":6,\"offset\":0,\"rows\":[\r\n\r\n]}\n", nil, ""},
		"find":          {"{\"docs\":[\r\n{\"_id\":\"w\"}\r\n],\r\n\"bookmark\": \"g1\",\r\n\"warning\": \"none\"}\r\n\n", []string{`{"_id":"w"}`}, ""},
		"changes":       {"{\"results\":[\n{\"id\":\"a\"},\r\n{\"id\":\"b\"}\n],\n\"last_seq\":\"12-g1\",\"pending\":0}\n\n", []string{`{"id":"a"}`, `{"id":"b"}`}, `"12-g1"`},
		"heartbeats":    {"{\"results\":[\n\n\n{\"id\":\"a\"}\n\n],\n\"last_seq\":\"12-g1\",\"pending\":0}\n\n", []string{`{"id":"a"}`}, `"12-g1"`},
		"no last break": {"{\"rows\":[\n{\"id\":\"a\"}\n]}", []string{`{"id":"a"}`}, ""},
		"one line":      {`{"total_rows":2,"offset":0,"rows":[{"id":"a"},{"id":"b"}]}`, []string{`{"id":"a"}`, `{"id":"b"}`}, ""},
		"one line, seq": {"{\"results\":[{\"id\":\"a\"}],\"last_seq\":7}\n", []string{`{"id":"a"}`}, `7`},
		"indented":      {"{\n \"rows\": [\n  {\"id\":\"a\"}\n ]\n}", []string{`{"id":"a"}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.answer), iotest.OneByteReader(strings.NewReader(c.answer)), iotest.DataErrReader(strings.NewReader(c.answer))} {
				rows, _, last, err := collect(over(r))
				require.NoError(t, err)
				assert.Equal(t, c.rows, rows)
				assert.Equal(t, c.last, string(last.LastSeq))
			}
		})
	}
}

func TestRowsTellsACutFromAnEnd(t *testing.T) {
	whole := "{\"rows\":[\r\n{\"id\":\"a\",\"doc\":{\"x\":1}},\r\n{\"id\":\"b\"}\r\n]}\n"
	for n := range len(whole) - len("\n") {
		_, _, _, err := collect(over(strings.NewReader(whole[:n])))
		require.ErrorIs(t, err, ErrCut, "after %d bytes: %q", n, whole[:n])
		_, _, _, err = collect(over(io.MultiReader(strings.NewReader(whole[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))))
		require.ErrorIs(t, err, ErrCut, "after %d bytes and a break: %q", n, whole[:n])
	}
}

func TestErrorsInRows(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		kind   error
	}{
		"error row":         {"{\"rows\":[\n{\"id\":\"a\"},\n{\"error\":\"timeout\",\"reason\":\"slow\"}\n]}\n", ErrRow},
		"error as answer":   {"{\"error\":\"x\",\"reason\":\"y\"}\n", ErrRow},
		"login page":        {"<html>please log in</html>", ErrForm},
		"text between rows": {"{\"rows\":[\n{\"id\":\"a\"},\nwhat\n]}\n", ErrForm},
		"no rows":           {"{\"ok\":true}\n", ErrForm},
		"error after rows":  {"{\"rows\":[\n{\"id\":\"a\"}\n],\"error\":\"timeout\",\"reason\":\"slow\"}\n", ErrRow},
		"nothing":           {"", ErrCut},
		"broken end":        {"{\"rows\":[\n],}\n", ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := collect(over(strings.NewReader(c.answer)))
			require.ErrorIs(t, err, c.kind)
		})
	}
}

func TestLinesOfAnyLength(t *testing.T) {
	huge := strings.Repeat("x", 20<<20)
	s := over(strings.NewReader("a\n" + huge + "\r\n" + strings.Repeat("b\n", 1000)))
	line, whole, err := s.line()
	require.NoError(t, err)
	assert.True(t, whole)
	assert.Equal(t, "a", string(line))
	line, whole, err = s.line()
	require.NoError(t, err)
	assert.True(t, whole)
	assert.Len(t, line, len(huge))
	for range 1000 {
		line, _, err = s.line()
		require.NoError(t, err)
		require.Equal(t, "b", string(line))
	}
	_, _, err = s.line()
	require.ErrorIs(t, err, io.EOF)
}

func TestACallerThatStopsGetsItsOwnError(t *testing.T) {
	mine := errors.New("enough")
	s := over(strings.NewReader("{\"rows\":[\n{\"id\":\"a\"}\n]}\n"))
	_, err := s.rows(func([]byte) error { return mine }, func() {})
	require.Equal(t, mine, err)
}

func TestASilentServerIsAbandoned(t *testing.T) {
	for name, before := range map[string]string{"at once": "", "in a row": "{\"rows\":[\n{\"id\":\"a\"},\n{\"id\":"} {
		t.Run(name, func(t *testing.T) {
			c := answers(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice that the client has left
				if before != "" {
					_, _ = fmt.Fprint(w, before)
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			}, func(o *Options) { o.ReadIdle = 50 * time.Millisecond })
			_, _, err := rowsOf(t.Context(), c, Requests, "new")
			require.ErrorIs(t, err, ErrFrozen)
			assert.Equal(t, "the database server is silent", Public(err))
		})
	}
}

// TestASlowReaderIsNotASilentServer delays the reader for longer than the
// deadline, after the server has sent everything.
func TestASlowReaderIsNotASilentServer(t *testing.T) {
	s := over(strings.NewReader("{\"rows\":[\n{\"id\":\"a\"},\n{\"id\":\"b\"}\n]}\n"))
	s.idle = time.Millisecond
	s.timer = time.AfterFunc(time.Hour, func() { s.cancel(ErrFrozen) })
	rows := 0
	_, err := s.rows(func([]byte) error {
		rows++
		<-time.After(20 * time.Millisecond)
		return nil
	}, func() {})
	require.NoError(t, err)
	assert.Equal(t, 2, rows)
}

func TestHeadersOfRequests(t *testing.T) {
	var got *http.Request
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/bystatus") {
			got = r.Clone(context.Background())
		}
		_, _ = fmt.Fprint(w, "{\"rows\":[\n]}\n")
	}, func(o *Options) {
		o.URL = strings.Replace(o.URL, "http://", "http://me:se%20cret@", 1) + "/couch db/"
		o.RequestDB = "req/1"
	})
	_, _, err := rowsOf(t.Context(), c, Requests, "new")
	require.NoError(t, err)
	assert.Equal(t, "/couch%20db/req%2F1/_design/ReqMgr/_view/bystatus", got.URL.EscapedPath())
	assert.Equal(t, url.Values{"include_docs": {"true"}, "reduce": {"false"}}, got.URL.Query())
	user, password, _ := got.BasicAuth()
	assert.Equal(t, []string{"me", "se cret"}, []string{user, password})
	assert.Empty(t, got.Header.Get("Accept-Encoding"))
	assert.NotContains(t, c.PublicURL(), "cret")
}
