package secondtry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/secondtry"
)

// servers answer the requests in turn.
type servers struct {
	each  []server
	asked atomic.Int64
	ended atomic.Int64 // canceled requests, and bodies that were closed
}

type server struct {
	after time.Duration
	err   error
}

var errRefused = errors.New("refused")

func (s *servers) RoundTrip(req *http.Request) (*http.Response, error) {
	n := s.asked.Add(1) - 1
	at := s.each[n]
	select {
	case <-time.After(at.after):
	case <-req.Context().Done():
		s.ended.Add(1)
		return nil, context.Cause(req.Context())
	}
	if at.err != nil {
		return nil, at.err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: closer{strings.NewReader(string(rune('a' + n))), s}}, nil
}

type closer struct {
	io.Reader

	s *servers
}

func (c closer) Close() error {
	c.s.ended.Add(1)
	return nil
}

func TestSecondTry(t *testing.T) {
	const frozen, second = time.Hour, time.Second
	once := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/errors") }
	for name, c := range map[string]struct {
		method, path string
		servers      []server
		want         string // answer, or error
		took         time.Duration
		asked        int64
	}{
		"in time":                   {http.MethodGet, "/", []server{{second, nil}}, "a", second, 1},
		"the first is frozen":       {http.MethodGet, "/", []server{{frozen, nil}, {second, nil}}, "b", 3 * second, 2},
		"the first is only slow":    {http.MethodGet, "/", []server{{3 * second, nil}, {2 * second, nil}}, "a", 3 * second, 2},
		"the first is down":         {http.MethodGet, "/", []server{{second, errRefused}}, "refused", second, 1},
		"the first ends late":       {http.MethodGet, "/", []server{{3 * second, errRefused}, {2 * second, nil}}, "b", 4 * second, 2},
		"the second is down":        {http.MethodGet, "/", []server{{4 * second, nil}, {second, errRefused}}, "a", 4 * second, 2},
		"both are down":             {http.MethodGet, "/", []server{{4 * second, errRefused}, {second, io.EOF}}, "EOF", 4 * second, 2},
		"both are frozen":           {http.MethodGet, "/", []server{{frozen, nil}, {frozen, nil}}, "deadline", 5 * second, 2},
		"what may be sent once":     {http.MethodGet, "/errors", []server{{4 * second, nil}}, "a", 4 * second, 1},
		"what may change something": {http.MethodPost, "/", []server{{4 * second, nil}}, "a", 4 * second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &servers{each: c.servers}
				transport, err := secondtry.New(secondtry.Options{Next: s, After: 2 * second, Once: once})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), 5*second)
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, c.method, "http://cache"+c.path, http.NoBody)
				require.NoError(t, err)
				began := time.Now()
				res, err := transport.RoundTrip(req)
				var got string
				failed := int64(0)
				if err != nil {
					got = err.Error()
				} else {
					body, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					require.NoError(t, res.Body.Close())
					got = string(body)
				}
				assert.Contains(t, got, c.want)
				assert.Equal(t, c.took, time.Since(began))
				synctest.Wait()
				for _, one := range c.servers {
					if one.err != nil {
						failed++
					}
				}
				assert.Equal(t, c.asked, s.asked.Load())
				assert.Equal(t, c.asked-failed, s.ended.Load(), "every request has ended, and every body is closed")
			})
		})
	}
}

// A cache server that is slow for everybody does not get all requests twice.
func TestMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &servers{each: make([]server, 100)}
		for i := range s.each {
			s.each[i].after = time.Minute
		}
		transport, err := secondtry.New(secondtry.Options{Next: s, After: time.Second, Most: 3})
		require.NoError(t, err)
		for range 20 {
			go func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://cache/", http.NoBody)
				if !assert.NoError(t, err) {
					return
				}
				if res, err := transport.RoundTrip(req); assert.NoError(t, err) {
					_ = res.Body.Close()
				}
			}()
		}
		time.Sleep(2 * time.Second) // of the bubble
		synctest.Wait()
		assert.EqualValues(t, 23, s.asked.Load())
		time.Sleep(2 * time.Minute)
	})
}
