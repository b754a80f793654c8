package basepath_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/program/basepath"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "/": "", "/wmstats": "/wmstats", "/wmstats/": "/wmstats", "/cms/wm.stats-2/": "/cms/wm.stats-2", "/~a/_b": "/~a/_b",
	} {
		base, err := basepath.Parse(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, base, text)
	}
	for text, want := range map[string]string{
		"wmstats": "begins with a slash", "http://x/wmstats": "begins with a slash", "..": "begins with a slash", "?": "begins with a slash",
		"//": "is empty", "//evil.example": "is empty", "/a//b": "is empty", "/a//": "is empty",
		"/..": "each part", "/a/../b": "each part", "/a/.": "each part", "/a?b": "each part", "/a%2Fb": "each part", "/a b": "each part",
		"/a#b": "each part", `/a"b`: "each part", "/a;b": "each part", "/a\n": "each part", "/-a": "each part",
		"/" + strings.Repeat("a", 128): "more than 128",
	} {
		_, err := basepath.Parse(text)
		assert.ErrorContains(t, err, want, text)
	}
}

// inside answers with what a handler sees.
func inside(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s%s", basepath.Seen(r.Context())+" ", r.URL.RequestURI())
}

func TestHandler(t *testing.T) {
	old := func(path string) bool { return strings.HasPrefix(path, "/old/") }
	everybody := func(*http.Request) bool { return true }
	at, shown := basepath.Options{Base: "/wm/stats", Beside: old}, basepath.Options{Believes: everybody}
	both := basepath.Options{Base: "/wm", Believes: everybody}
	for _, c := range []struct {
		o            basepath.Options
		prefix, path string
		status       int
		want         string // body, or Location
	}{
		{at, "", "/wm/stats/", 200, "/wm/stats /"},
		{at, "", "/wm/stats/a%2Fb?c=d", 200, "/wm/stats /a%2Fb?c=d"},
		{at, "", "/wm/stats/wm/stats", 200, "/wm/stats /wm/stats"},
		{at, "", "/wm/stats//a", 200, "/wm/stats //a"},
		{at, "", "/wm/stats/livez", 200, "/wm/stats /livez"},
		{at, "/x", "/wm/stats/a", 200, "/wm/stats /a"},
		{at, "", "/livez", 200, "/wm/stats /livez"}, {at, "", "/healthz", 200, "/wm/stats /healthz"},
		{at, "", "/readyz?verbose", 200, "/wm/stats /readyz?verbose"}, {at, "", "/metrics", 200, "/wm/stats /metrics"},
		{at, "", "/old/data", 200, "/wm/stats /old/data"}, {at, "", "/wm/stats/old/data", 200, "/wm/stats /old/data"},
		{at, "", "/", 307, "/wm/stats/"}, {at, "", "/wm/stats", 307, "/wm/stats/"}, {at, "", "/wm/stats?a=%2F", 307, "/wm/stats/?a=%2F"},
		{at, "", "/wm", 404, ""}, {at, "", "/wm/", 404, ""}, {at, "", "/wm/statsx", 404, ""}, {at, "", "/a", 404, ""}, {at, "", "/livezx", 404, ""},
		{at, "", "/wm%2Fstats/a", 404, ""}, {at, "", "/version", 404, ""}, {at, "", "/wm/stats/../a", 200, "/wm/stats /../a"},
		{shown, "/front", "/a", 200, "/front /a"}, {shown, "/front/", "/", 200, "/front /"}, {shown, "//evil.example", "/a", 200, " /a"},
		{shown, "", "/a", 200, " /a"}, {shown, "/", "/a", 200, " /a"},
		{both, "/front", "/wm/a", 200, "/front /a"}, {both, "/", "/wm/a", 200, " /a"}, {both, "/front", "/wm", 307, "/front/"}, {both, "/wm", "/wm/a", 200, "/wm /a"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
		if c.prefix != "" {
			r.Header.Set("X-Forwarded-Prefix", c.prefix)
		}
		w := httptest.NewRecorder()
		basepath.Handler(c.o, http.HandlerFunc(inside)).ServeHTTP(w, r)
		assert.Equal(t, c.status, w.Code, c.path)
		switch c.status {
		case http.StatusOK:
			assert.Equal(t, c.want, w.Body.String(), c.path)
		case http.StatusTemporaryRedirect:
			assert.Equal(t, c.want, w.Header().Get("Location"), c.path)
		default:
			assert.Contains(t, w.Body.String(), `"/wm/stats/"`, c.path)
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		}
	}
}

// Without a base path and a front end the request itself is passed on.
func TestRootCostsNothing(t *testing.T) {
	r, w := httptest.NewRequest(http.MethodGet, "/a", http.NoBody), httptest.NewRecorder()
	basepath.Handler(basepath.Options{}, http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) { assert.Same(t, r, got) })).ServeHTTP(w, r)
}

// Two prefixes come from two places, so neither is believed.
func TestForwarded(t *testing.T) {
	for _, given := range [][]string{nil, {""}, {"/a", "/b"}, {"a"}, {"/a/../b"}, {"/a>"}} {
		_, ok := basepath.Forwarded(http.Header{"X-Forwarded-Prefix": given})
		assert.False(t, ok, "%q", given)
	}
}

// Whatever is accepted is a path that stays on this host, and is stable.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "/", "/wmstats", "/a/b/", "//x", "/..", "/%2e", "/a\\b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		base, err := basepath.Parse(text)
		if err != nil || base == "" {
			return
		}
		again, err := basepath.Parse(base)
		assert.NoError(t, err)
		assert.Equal(t, base, again)
		r := httptest.NewRequest(http.MethodGet, base+"/x", http.NoBody)
		assert.Equal(t, base+"/x", r.URL.EscapedPath())
		assert.Empty(t, r.URL.Host+r.URL.RawQuery+r.URL.Fragment, "%q", base)
		assert.NotContains(t, strings.Split(base, "/"), "..")
	})
}
