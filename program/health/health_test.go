package health_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/health"
)

func TestReport(t *testing.T) {
	checks := []health.Check{
		health.Serving(true),
		health.Files(nil),
		health.Files([]string{"one is wrong", "one can't\nbe read"}),
	}
	ready, text := health.Report(checks)
	assert.True(t, ready)
	assert.Equal(t, `[+] serving: yes
[+] files: all in use
[~] files: one is wrong; one can't be read; using the last good content
`, text)
	checks[0] = health.Serving(false)
	ready, text = health.Report(checks)
	assert.False(t, ready)
	assert.Contains(t, text, "[-] serving: no, shutting down\n")
}

// Ask works with every address that a server may listen on.
func TestAsk(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(status)
		_, _ = w.Write([]byte("not yet\n"))
	}))
	addr := server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for _, listen := range []string{addr, "0.0.0.0:" + port, "[::]:" + port, ":" + port} {
		assert.NoError(t, health.Ask(t.Context(), listen, "/readyz"), listen)
	}
	assert.NoError(t, health.AskURL(t.Context(), server.URL+"/readyz"))
	status = http.StatusServiceUnavailable
	assert.ErrorContains(t, health.Ask(t.Context(), addr, "/readyz"), "answered 503 Service Unavailable: not yet")
	server.Close()
	assert.Error(t, health.Ask(t.Context(), addr, "/readyz"))
	assert.ErrorContains(t, health.Ask(t.Context(), "8080", "/readyz"), "want host:port")
}
