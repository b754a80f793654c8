package haproxy

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFrozenServer: one of the servers accepts requests and answers none. A request
// that is not answered in time is sent to another server, but for those that may take
// long.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	var arrived atomic.Int64       // at the frozen server
	wake := make(chan struct{}, 1) // one request
	servers := make([]string, 3)
	for i := range servers {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if i == 0 && r.URL.Path != "/readyz" {
				arrived.Add(1)
				select {
				case <-wake:
				case <-r.Context().Done():
					return
				}
			}
			w.WriteHeader(http.StatusOK)
		}))
		t.Cleanup(s.Close)
		servers[i] = s.Listener.Addr().String()
	}
	sockets, addrs := make([]*os.File, 2), make([]string, 2)
	for i := range sockets {
		sockets[i], addrs[i] = listening(t)
	}
	text, err := os.ReadFile("../../../deploy/haproxy/haproxy-log.cfg")
	require.NoError(t, err)
	file := string(text)
	for _, r := range [][2]string{
		{"bind :8080", "bind fd@3"}, {"bind :8082", "bind fd@4"}, {"timeout server 12s", "timeout server 300ms"},
		{"192.0.2.21:8080", servers[0]}, {"192.0.2.22:8080", servers[1]},
		{"192.0.2.11:8081", servers[0]}, {"192.0.2.12:8081", servers[1]}, {"192.0.2.13:8081", servers[2]},
	} {
		require.Equal(t, 1, strings.Count(file, r[0]), r[0])
		file = strings.Replace(file, r[0], r[1], 1)
	}
	runHAProxy(t, program, file, sockets)

	for _, addr := range addrs {
		for _, path := range []string{"/fetch?limit=50", "/workflows", "/api/sites", "/v1/fetch"} {
			before := arrived.Load()
			for arrived.Load() == before {
				a, err := ask(t.Context(), "http://"+addr+path)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, a.status, "%s%s", addr, path)
			}
		}
	}
	// The ports count apart which server has the fewest requests under way.
	late := func() {
		for before := arrived.Load(); arrived.Load() == before; {
			a, err := ask(t.Context(), "http://"+addrs[0]+"/workflows")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, a.status)
		}
	}
	for _, path := range []string{"/changes?feed=longpoll", "/fetch?format=ndjson&limit=all", "/errors", "/fetch/wf1", "/v1/fetch/wf1/jobs", "/wmstatsserver/data/requestcache"} {
		before := arrived.Load()
		var answered chan answer
		for arrived.Load() == before { // until it is the frozen server's turn
			mine := make(chan answer, 1)
			answered = mine
			go func() {
				if a, err := ask(t.Context(), "http://"+addrs[1]+path); err == nil {
					mine <- a
				}
			}()
			require.Eventually(t, func() bool { return arrived.Load() > before || len(answered) > 0 }, patience, time.Millisecond, path)
		}
		late()
		require.Empty(t, answered, "%s was sent on", path)
		wake <- struct{}{}
		assert.Equal(t, http.StatusOK, (<-answered).status, path)
	}
}
