package onewrite_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/program/serving"
)

// pieces returns a body of size bytes that differs at every offset.
func pieces(size int) (list [][]byte) {
	var text []byte
	for i := 0; len(text) < size; i++ {
		text = strconv.AppendInt(text, int64(i), 10)
	}
	text = text[:size]
	for len(text) > 0 {
		n := min(len(text), 1+len(text)/3)
		list, text = append(list, text[:n]), text[n:]
	}
	return list
}

// sizedHandler answers /N with a body of N bytes in one write.
func sizedHandler(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.Error(w, "an ordinary answer", http.StatusNotFound)
			return
		}
		conn := onewrite.From(r.Context())
		if conn == nil {
			http.Error(w, "not a connection of this package", http.StatusNotImplemented)
			return
		}
		assert.True(t, onewrite.Fits(w))
		body := pieces(size)
		if r.Method == http.MethodHead {
			body = nil
		}
		w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
		lines, more := []byte("X-Line: one\r\n"), []byte("X-Other: two\r\n")
		if size%2 == 0 { // from the map
			lines, more = nil, nil
			w.Header().Set("X-Line", "one")
			w.Header().Set("X-Other", "two")
		}
		w.WriteHeader(http.StatusOK)
		if _, err := conn.Send(w, lines, more, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

func serve(t testing.TB, patience time.Duration, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Listener = onewrite.Listener(serving.Listener(s.Listener, patience))
	s.Config.ConnContext = onewrite.Context
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func dial(t testing.TB, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func read(t testing.TB, r *bufio.Reader, method string, size int) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "one", resp.Header.Get("X-Line"))
	require.Equal(t, "two", resp.Header.Get("X-Other"))
	require.NotEmpty(t, resp.Header.Get("Date"), "net/http's own lines are present")
	require.EqualValues(t, size, resp.ContentLength)
	if method == http.MethodHead {
		require.Empty(t, body)
	} else {
		require.True(t, bytes.Equal(bytes.Join(pieces(size), nil), body))
	}
	return resp
}

// Requests follow each other on one connection, even before the earlier
// answers were read, with ordinary answers between them.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	s := serve(t, time.Minute, sizedHandler(t))
	c := dial(t, s)
	sizes := []int{0, 1, 511, 512, 513, 4096, 100_000, 3_000_000}
	go func() {
		for _, size := range sizes {
			fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\nHEAD /%d HTTP/1.1\r\nHost: x\r\n\r\nGET /ordinary HTTP/1.1\r\nHost: x\r\n\r\n", size, size)
		}
	}()
	r := bufio.NewReader(c)
	for _, size := range sizes {
		read(t, r, http.MethodGet, size)
		read(t, r, http.MethodHead, size)
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "an ordinary answer\n", string(body))
		require.Empty(t, resp.Header.Get("X-Line"))
	}
}

func TestConnectionsEndAsInNetHTTP(t *testing.T) {
	s := serve(t, time.Minute, sizedHandler(t))
	for name, request := range map[string]string{
		"HTTP/1.0":          "GET /5000 HTTP/1.0\r\n\r\n",
		"Connection: close": "GET /5000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	} {
		c := dial(t, s)
		_, err := io.WriteString(c, request)
		require.NoError(t, err)
		r := bufio.NewReader(c)
		resp := read(t, r, http.MethodGet, 5000)
		assert.True(t, resp.Close, name)
		_, err = r.ReadByte()
		assert.ErrorIs(t, err, io.EOF, name)
	}
	c := dial(t, s)
	r := bufio.NewReader(c)
	for range 3 {
		_, err := io.WriteString(c, "GET /5000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		require.NoError(t, err)
		resp := read(t, r, http.MethodGet, 5000)
		assert.Equal(t, "keep-alive", resp.Header.Get("Connection"))
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	s := serve(t, time.Minute, sizedHandler(t))
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for k := range 20 {
				size := (i*7919 + k*104729) % 200_000
				resp, err := client.Get(s.URL + "/" + strconv.Itoa(size))
				if !assert.NoError(t, err) {
					return
				}
				body, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.NoError(t, resp.Body.Close())
				assert.True(t, bytes.Equal(bytes.Join(pieces(size), nil), body))
			}
		})
	}
	all.Wait()
}

// Running requests end before the server does, and their answers announce that
// the connection closes.
func TestShutdownLetsABodyEnd(t *testing.T) {
	const size = 8_000_000 // more than the kernel's buffers hold
	began := make(chan struct{})
	inner := sizedHandler(t)
	s := serve(t, time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		inner.ServeHTTP(w, r)
	}))
	c := dial(t, s)
	fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", size)
	<-began
	ended := make(chan error, 1)
	go func() { ended <- s.Config.Shutdown(context.Background()) }()
	r := bufio.NewReader(c)
	read(t, r, http.MethodGet, size)
	require.NoError(t, <-ended)
	_, err := r.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// A client that stops reading is disconnected, so that it does not hold memory
// for ever.
func TestAClientThatReadsNothingIsDisconnected(t *testing.T) {
	ended := make(chan any, 1)
	inner := sizedHandler(t)
	s := serve(t, 50*time.Millisecond, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			ended <- reason
			if reason != nil {
				panic(reason)
			}
		}()
		inner.ServeHTTP(w, r)
	}))
	c := dial(t, s)
	fmt.Fprint(c, "GET /12000000 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, http.ErrAbortHandler, <-ended)
	n, err := io.Copy(io.Discard, c)
	require.Less(t, n, int64(12_000_000), "a cut body must not look complete: %v", err)
}

func TestOtherWritersAreLeftAlone(t *testing.T) {
	assert.False(t, onewrite.Fits(httptest.NewRecorder()))
	assert.Nil(t, onewrite.From(t.Context()))
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	assert.Nil(t, onewrite.From(onewrite.Context(t.Context(), a)))

	plain := httptest.NewTLSServer(sizedHandler(t))
	defer plain.Close()
	resp, err := plain.Client().Get(plain.URL + "/10")
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusNotImplemented, resp.StatusCode)
}
