package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
)

// forms are requests whose answers take different code paths to the
// connection.
var forms = []struct{ path, coding string }{
	{"/fetch", "gzip"},
	{"/fetch", "zstd"},
	{"/fetch", "identity"},
	{"/fetch?idx=150&limit=50", "gzip"},
	{"/fetch?idx=37&limit=113", "gzip"},
	{"/fetch?limit=1", "gzip"},
	{"/fetch?idx=9999", "gzip"},
	{"/fetch?format=ndjson&limit=1000", "gzip"},
	{"/fetch?format=ndjson&limit=all", "gzip"},
	{"/fetch?format=ndjson&limit=all", "identity"},
	{"/fetch?format=csv&limit=all", "gzip"},
	{"/fetch?format=csv&limit=all&status=completed", "zstd"},
	{"/fetch?format=csv", "identity"},
	{"/fetch?status=completed&sort=-Priority", "gzip"},
	{"/fetch?fields=Status,Priority&limit=500", "gzip"},
	{"/fetch?envelope=1&facets=status", "gzip"},
	{"/campaign", "gzip"},
	{"/fetch?limit=1000", "identity"},
}

// ask returns the answer of the handler alone, without a connection.
func (f *fixture) ask(path, coding string) answerOf {
	f.t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	req.Header.Set("Accept-Encoding", coding)
	w := httptest.NewRecorder()
	f.api.Handler().ServeHTTP(w, req)
	return answerOf{w.Result(), w.Body.Bytes()} //nolint:bodyclose // a recorder has nothing to close
}

// Many clients, each with one persistent connection, request all forms in
// their own order, GET and HEAD and revalidation; each answer equals the one
// without a connection.
func TestManyClientsReadTheSameBytes(t *testing.T) {
	const clients = 12
	f := newFixture(t, 460)
	f.newAPI(func(o *api.Options) { o.Streams = clients }) // they all have one address
	want := make([]answerOf, len(forms))
	for i, form := range forms {
		want[i] = f.ask(form.path, "identity")
		require.Equal(t, http.StatusOK, want[i].StatusCode)
	}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			for k := range 2 * len(forms) {
				at := (i*5 + k*7) % len(forms)
				f.checkForm(t, client, at, want[at].body)
			}
		})
	}
	all.Wait()
}

func (f *fixture) checkForm(t *testing.T, client *http.Client, at int, want []byte) {
	send := func(method, tag string) (answerOf, bool) {
		req, err := http.NewRequestWithContext(t.Context(), method, f.url+forms[at].path, http.NoBody)
		if !assert.NoError(t, err) {
			return answerOf{}, false
		}
		req.Header.Set("Accept-Encoding", forms[at].coding)
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		resp, err := client.Do(req)
		if !assert.NoError(t, err) {
			return answerOf{}, false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return answerOf{resp, body}, assert.NoError(t, err)
	}
	got, ok := send(http.MethodGet, "")
	if !ok || !assert.Equal(t, http.StatusOK, got.StatusCode, forms[at].path) {
		return
	}
	assert.True(t, bytes.Equal(want, got.plain(t)), "%s %s", forms[at].path, forms[at].coding)
	if got.ContentLength >= 0 {
		assert.Len(t, got.body, int(got.ContentLength))
	}
	head, ok := send(http.MethodHead, "")
	if ok {
		assert.Empty(t, head.body)
		assert.Equal(t, got.Header.Get("Etag"), head.Header.Get("Etag"))
		if got.ContentLength >= 0 { // a stream that was kept meanwhile has a length
			assert.Equal(t, got.ContentLength, head.ContentLength, forms[at].path)
		}
	}
	same, ok := send(http.MethodGet, got.Header.Get("Etag"))
	if ok {
		assert.Equal(t, http.StatusNotModified, same.StatusCode)
		assert.Empty(t, same.body)
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length"} {
			assert.Empty(t, same.Header.Values(name), "a 304 has no headers about a body")
		}
		for _, name := range []string{"Etag", "Vary", "Cache-Control", "X-Generation", "X-Request-Id"} {
			assert.NotEmpty(t, same.Header.Get(name), "%s of a 304 of %s", name, forms[at].path)
		}
	}
}

// The header is the same whether it is written through net/http's map or not,
// and whether the answer was cached or computed.
func TestTheHeaderIsTheSameOnEveryWay(t *testing.T) {
	f := newFixture(t, 1200)
	for _, form := range forms {
		var headers []http.Header
		for range 2 {
			headers = append(headers, f.ask(form.path, form.coding).Header, f.get(form.path, "Accept-Encoding: "+form.coding).Header)
		}
		for i, h := range headers {
			assert.NotEmpty(t, h.Get("X-Request-Id"))
			for _, name := range []string{"X-Request-Id", "Server-Timing", "Date", "Content-Length"} {
				h.Del(name) // a recorder sets no date, and chunks have no length
			}
			assert.Equal(t, headers[0], h, "%s %s way %d", form.path, form.coding, i)
		}
	}
}

// Cached answers do not outlive their generation, nor the state of the source.
func TestCachedAnswersEndWithTheirGeneration(t *testing.T) {
	f := newFixture(t, 300)
	before := f.get("/fetch", "Accept-Encoding: gzip")
	require.Equal(t, before.Header.Get("Etag"), f.get("/fetch", "Accept-Encoding: gzip").Header.Get("Etag"))
	f.store.Apply(changes(0, 300, 2))
	after := f.get("/fetch", "Accept-Encoding: gzip")
	assert.NotEqual(t, before.Header.Get("X-Generation"), after.Header.Get("X-Generation"))
	assert.NotEqual(t, before.Header.Get("Etag"), after.Header.Get("Etag"))
	assert.NotEqual(t, before.plain(t), after.plain(t))
	assert.Empty(t, after.Header.Get("X-Stale"))

	state := f.store.Source()
	state.Stale, state.Reason = true, "it does not answer"
	f.store.SetSource(state)
	stale := f.get("/fetch", "Accept-Encoding: gzip")
	assert.Equal(t, "1", stale.Header.Get("X-Stale"))
	assert.Equal(t, "it does not answer", stale.Header.Get("X-Stale-Reason"))
	state.Stale = false
	f.store.SetSource(state)
	assert.Empty(t, f.get("/fetch", "Accept-Encoding: gzip").Header.Get("X-Stale"))
}

// A client's id is returned, and can't add a line to the header.
func TestRequestIDsOfClients(t *testing.T) {
	f := newFixture(t, 300)
	for range 2 {
		assert.Equal(t, "abc-1", f.get("/fetch", "X-Request-Id: abc-1").Header.Get("X-Request-Id"))
		assert.NotEqual(t, "a b", f.get("/fetch", "X-Request-Id: a b").Header.Get("X-Request-Id"))
	}
}

// All gzip readers can read stitched pages, and whole lists too, and get the
// plain text.
func TestProgramsReadStitchedBodies(t *testing.T) {
	f := newFixture(t, 2021)
	programs := map[string][]string{
		"zcat":    {"zcat"},
		"gzip":    {"gzip", "-dc"},
		"python3": {"python3", "-c", "import sys,zlib; d=zlib.decompressobj(31); b=sys.stdin.buffer.read(); o=d.decompress(b); assert d.eof and not d.unused_data; sys.stdout.buffer.write(o)"},
		"node":    {"node", "-e", "const b=require('fs').readFileSync(0); process.stdout.write(require('zlib').gunzipSync(b))"},
	}
	plain, zipped := map[string][]byte{}, map[string][]byte{}
	for _, path := range stitchedPaths {
		plain[path] = f.get(path).body
		a := f.get(path, "Accept-Encoding: gzip")
		require.Equal(t, "gzip", a.Header.Get("Content-Encoding"), path)
		zipped[path] = a.body
	}
	for name, command := range programs {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("%s is not installed", name)
			}
			for _, path := range stitchedPaths {
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Stdin = bytes.NewReader(zipped[path])
				out, err := cmd.Output()
				require.NoError(t, err, path)
				require.True(t, bytes.Equal(plain[path], out), path)
			}
		})
	}
	t.Run("gzip -t", func(t *testing.T) {
		if _, err := exec.LookPath("gzip"); err != nil {
			t.Skip("gzip is not installed")
		}
		for _, path := range stitchedPaths {
			cmd := exec.CommandContext(t.Context(), "gzip", "-t")
			cmd.Stdin = bytes.NewReader(zipped[path])
			require.NoError(t, cmd.Run(), path)
		}
	})
	t.Run("go", func(t *testing.T) {
		for _, path := range stitchedPaths {
			r, err := gzip.NewReader(bytes.NewReader(zipped[path]))
			require.NoError(t, err)
			out, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(plain[path], out), path)
		}
	})
	t.Run("curl", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("curl is not installed")
		}
		for _, path := range stitchedPaths {
			out, err := exec.CommandContext(t.Context(), "curl", "-sf", "--compressed", f.url+path).Output()
			require.NoError(t, err, path)
			require.True(t, bytes.Equal(plain[path], out), path)
		}
	})
}

var stitchedPaths = []string{
	"/fetch", "/fetch?limit=50", "/fetch?limit=1000", "/fetch?idx=2000", "/fetch?idx=17&limit=333", "/fetch?idx=50&limit=101",
	"/fetch?limit=all&format=ndjson", "/fetch?limit=1000&format=ndjson&idx=3",
}

// Pipelined requests on one connection are answered in their order.
func TestPipelining(t *testing.T) {
	f := newFixture(t, 460)
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	go func() {
		for range 3 {
			for _, form := range forms {
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\n\r\n", form.path, form.coding)
			}
		}
	}()
	r := bufio.NewReader(c)
	for range 3 {
		for _, form := range forms {
			resp, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, f.ask(form.path, "identity").body, answerOf{resp, body}.plain(t))
		}
	}
}
