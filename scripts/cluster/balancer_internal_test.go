package cluster

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// behind answers for servers: each with a status, or not at all.
type behind map[string]int

func (b behind) RoundTrip(req *http.Request) (*http.Response, error) {
	status := b[req.URL.Host]
	if status == 0 {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(req.URL.Host))}, nil
}

// The balancer of this package sends a request on from a server that is frozen or not
// ready, and waits for those that take long.
func TestRound(t *testing.T) {
	for path, took := range map[string]time.Duration{
		"/fetch": answerFor, "/sites": answerFor, "/workflows": answerFor, "/facet/site": answerFor,
		"/changes": time.Hour, "/errors": time.Hour, "/fetch/wf1": time.Hour, "/v1/fetch/wf1/logs": time.Hour, "/wmstatsserver/data/requestcache": time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			all := behind{"a": 0, "b": http.StatusServiceUnavailable, "c": http.StatusOK}
			r := &round{base: all}
			for _, addr := range []string{"c", "a", "b"} { // the first request goes to a
				r.servers = append(r.servers, &upstream{addr: addr})
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://balancer"+path, http.NoBody)
			require.NoError(t, err)
			began := time.Now()
			if took > answerFor {
				ctx, cancel := context.WithTimeout(req.Context(), took)
				defer cancel()
				_, err := r.RoundTrip(req.WithContext(ctx)) //nolint:bodyclose // it has none
				require.ErrorIs(t, err, context.DeadlineExceeded, path)
				assert.Equal(t, took, time.Since(began), path)
				return
			}
			resp, err := r.RoundTrip(req)
			require.NoError(t, err, path)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, "c", string(body), path)
			assert.Equal(t, took, time.Since(began), path)
		})
	}
}

// A frozen server gets few requests: others have fewer under way.
func TestFewestRequests(t *testing.T) {
	r := &round{servers: []*upstream{{addr: "a"}, {addr: "b"}, {addr: "c"}}}
	first := func() (addrs string) {
		for range 6 {
			addrs += r.order()[0].addr
		}
		return addrs
	}
	assert.Equal(t, "bcabca", first(), "in turn")
	r.servers[0].active.Add(2)
	r.servers[1].active.Add(1)
	assert.Equal(t, "cccccc", first())
	r.servers[2].active.Add(1)
	assert.Equal(t, "bcbbcb", first(), "in turn from each")
	r.servers[2].down.Store(true)
	assert.Equal(t, "bbbbbb", first())
	assert.Equal(t, "c", r.order()[2].addr, "one that is down is the last")
}
