package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every route sends, with any status, the headers against content sniffing.
func TestEveryAnswerHasItsSecurityHeaders(t *testing.T) {
	f := newFixture(t, 20)
	router, ok := f.api.Handler().(*echo.Echo)
	require.True(t, ok)
	seen := map[string]bool{}
	for _, route := range router.Routes() {
		for _, name := range []string{"nothing", "Status", "not-found", "wf-0"} {
			path := strings.Replace(route.Path, ":name", name, 1)
			if seen[route.Method+path] || route.Method == echo.RouteNotFound {
				continue
			}
			seen[route.Method+path] = true
			res := f.do(route.Method, path)
			assert.Equal(t, []string{"nosniff"}, res.Header.Values("X-Content-Type-Options"), "%s %s: %d", route.Method, path, res.StatusCode)
		}
	}
	assert.Greater(t, len(seen), 100)
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodTrace} {
		assert.Equal(t, "nosniff", f.do(method, "/nowhere").Header.Get("X-Content-Type-Options"), method)
	}
}
