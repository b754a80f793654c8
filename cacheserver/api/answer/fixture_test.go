package answer_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/schema/wire"
)

// generation counts its promises.
type generation struct {
	id       string
	promised atomic.Int64
}

func (g *generation) ID() string      { return g.id }
func (g *generation) Time() time.Time { return time.Unix(1795000000, 0) }
func (g *generation) Promise()        { g.promised.Add(1) }

// keeping is a cache that keeps everything and counts.
type keeping struct {
	mu     sync.Mutex
	values map[string]any
	hits   int
}

func (k *keeping) Get(key string) (any, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.values[key]
	if ok {
		k.hits++
	}
	return v, ok
}

func (k *keeping) Set(key string, value any, _ int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[key] = value
}

// world is a Sender behind two servers: one with connections of package
// onewrite, one without.
type world struct {
	t      *testing.T
	sender *answer.Sender
	cache  *keeping
	newest atomic.Pointer[generation]
	stale  atomic.Bool
	now    atomic.Int64
	inside atomic.Int64 // answers that are streamed
	make   func(c echo.Context, key answer.Key) (answer.Answer, error)
	made   atomic.Int64
	urls   [2]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, cache: &keeping{values: map[string]any{}}}
	w.newest.Store(&generation{id: "g-1"})
	var err error
	w.sender, err = answer.New(answer.Options{
		Cache: w.cache, Bytes: 1 << 20, Now: func() time.Time { return time.Unix(1795000000+w.now.Load(), 0) },
		Stale: func() (string, bool) { return "the source\nis away", w.stale.Load() },
		Enter: func(echo.Context) (func(), error) {
			w.inside.Add(1)
			return func() { w.inside.Add(-1) }, nil
		},
	})
	require.NoError(t, err)
	e := echo.New()
	e.Any("/*", func(c echo.Context) error {
		c.Response().Header().Set(wire.HeaderRequestID, c.Request().Header.Get(wire.HeaderRequestID))
		if c.QueryParam("ends") != "" {
			c.Response().Header().Set("Connection", "close")
		}
		cached, ok, key := w.sender.Cached(c, w.newest.Load())
		if ok {
			return cached.Send(c)
		}
		w.made.Add(1)
		a, err := w.make(c, key)
		if err == nil {
			err = w.sender.Send(c, a)
		}
		if err != nil && c.Response().Committed {
			panic(http.ErrAbortHandler)
		}
		return err
	})
	for i := range w.urls {
		server := httptest.NewUnstartedServer(e)
		if i == 1 {
			server.Listener = onewrite.Listener(serving.Listener(server.Listener, time.Minute))
			server.Config.ConnContext = onewrite.Context
		}
		server.Start()
		t.Cleanup(server.Close)
		w.urls[i] = server.URL
	}
	return w
}

func (w *world) get(url, method string, header ...string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, http.NoBody)
	require.NoError(w.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res, body
}

func lines(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = []byte(fmt.Sprintf(`{"Workflow":"wf_%06d","Status":"completed"}`, i))
	}
	return out
}

func list(n int) answer.Answer {
	return answer.Answer{Format: wire.NDJSON, Body: render.List(wire.NDJSON, nil, nil, n, render.Slice(lines(n))), Total: strconv.Itoa(n)}
}

// zipped are segments of a body; slow ones are sent one by one.
type zipped struct {
	text []byte
	slow bool
}

func (z zipped) all() []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(z.text)
	_ = w.Close()
	return out.Bytes()
}
func (z zipped) Ready() bool { return !z.slow }
func (z zipped) Chunks() ([][]byte, int64, bool) {
	all := z.all()
	return [][]byte{all[:10], all[10:]}, int64(len(all)), true
}
func (z zipped) Send(w io.Writer) error { _, err := w.Write(z.all()); return err }
