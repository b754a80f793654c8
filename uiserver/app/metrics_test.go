package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// Metrics are all there before anything is counted, with every value of their
// labels, and count what is asked for.
func TestMetrics(t *testing.T) {
	cache := testcache.New(t)
	_, at := start(t, cache.URL)
	res, body := get(t, at+"/metrics")
	require.Equal(t, http.StatusOK, res.StatusCode)
	for _, line := range []string{
		`wmstats_ui_http_requests_total{code="200",route="/workflows"} 0`, `wmstats_ui_http_requests_total{code="503",route="/api"} 0`,
		`wmstats_ui_http_requests_total{code="500",route="other"} 0`, `wmstats_ui_http_request_seconds_count{route="/workflows"} 0`,
		`wmstats_ui_cache_requests_total{for="pages",result="ok"} 0`, `wmstats_ui_cache_requests_total{for="api",result="no_answer"} 0`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		assert.True(t, strings.Contains(string(body), line), line)
	}
	get(t, at+"/workflows")
	get(t, at+"/api/fetch?limit=1")
	get(t, at+"/no/such/page")
	cache.Answer(testcache.Everything, testcache.Loading(""))
	get(t, at+"/readyz")
	for _, line := range []string{
		`wmstats_ui_http_requests_total{code="200",route="/workflows"} 1`, `wmstats_ui_http_requests_total{code="200",route="/api"} 1`,
		`wmstats_ui_http_requests_total{code="404",route="other"} 1`, `wmstats_ui_http_requests_total{code="503",route="/readyz"} 1`,
		`wmstats_ui_cache_requests_total{for="api",result="ok"} 1`, `wmstats_ui_cache_requests_total{for="pages",result="error"} 1`,
	} {
		// A request is counted after its answer has been sent.
		require.Eventually(t, func() bool {
			_, body = get(t, at+"/metrics")
			return strings.Contains(string(body), line)
		}, time.Minute, time.Millisecond, line)
	}
	assert.False(t, strings.Contains(string(body), "no/such"))
}

// A cache server that does not answer is counted as such.
func TestMetricsOfACacheServerThatIsAway(t *testing.T) {
	_, at := start(t, "http://127.0.0.1:1")
	get(t, at+"/readyz")
	get(t, at+"/api/fetch")
	_, body := get(t, at+"/metrics")
	for _, purpose := range []string{"pages", "api"} {
		assert.True(t, strings.Contains(string(body), `wmstats_ui_cache_requests_total{for="`+purpose+`",result="no_answer"} 1`), purpose)
	}
}

// Option --metrics sets who may read the metrics, as for the cache server.
func TestWhoMayReadTheMetrics(t *testing.T) {
	cache := testcache.New(t)
	users := secretFile(t, "# none\n")
	for metrics, want := range map[string]int{"identity": http.StatusUnauthorized, "open": http.StatusOK, "127.0.0.1:0": http.StatusUnauthorized} {
		a, err := app.New(options(t, cache.URL, "--token-file", users, "--metrics", metrics))
		require.NoError(t, err)
		require.NoError(t, a.Start(t.Context()))
		t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
		res, _ := get(t, "http://"+a.Addr()+"/metrics")
		assert.Equal(t, want, res.StatusCode, metrics)
		if metrics == "127.0.0.1:0" {
			res, _ = get(t, "http://"+a.MetricsAddr()+"/metrics")
			assert.Equal(t, http.StatusOK, res.StatusCode)
			res, _ = get(t, "http://"+a.MetricsAddr()+"/workflows")
			assert.Equal(t, http.StatusNotFound, res.StatusCode)
		}
	}
	a, err := app.New(options(t, cache.URL, "--metrics", "127.0.0.1:0"))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	res, _ := get(t, "http://"+a.Addr()+"/metrics")
	assert.Equal(t, http.StatusNotFound, res.StatusCode, "they have an address of their own")
}
