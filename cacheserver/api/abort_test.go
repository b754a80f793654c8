package api

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// A stream that fails half way must not look complete: neither its coding nor
// its chunks are terminated.
func TestAFailedStreamIsCut(t *testing.T) {
	records, err := store.New(store.Options{Process: "t"})
	require.NoError(t, err)
	a, err := New(Options{Store: records})
	require.NoError(t, err)
	for name, fail := range map[string]render.Records{
		"panic": func(i, n int) [][]byte {
			if i > 1000 {
				panic("half way")
			}
			return lines(n)
		},
		"short": func(i, n int) [][]byte {
			if i > 1000 {
				return nil
			}
			return lines(n)
		},
	} {
		a.echo.GET("/"+name, a.wrap(route{path: "/" + name, handle: func(c echo.Context) error {
			body := render.List(wire.NDJSON, a.workflow, nil, 5000, fail)
			return a.sender.Send(c, answer.Answer{Format: wire.NDJSON, Body: body, Stream: true, Began: a.o.Now()})
		}}))
		server := httptest.NewServer(a.Handler())
		for _, coding := range []string{"identity", "gzip", "zstd"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+name, http.NoBody)
			require.NoError(t, err)
			req.Header.Set("Accept-Encoding", coding)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // aborted before the header was sent
			}
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s %s", name, coding)
		}
		server.Close()
	}
}

func lines(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = bytes.Repeat([]byte("x"), 300)
	}
	return out
}
