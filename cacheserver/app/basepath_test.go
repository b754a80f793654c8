package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
)

// Below a base path all addresses in answers are below it too; checks, metrics and the
// API of the old server answer at the root as well, and nothing else does.
func TestBasePath(t *testing.T) {
	fake, url := couch(t)
	for _, name := range []string{"a", "b", "c"} {
		put(t, fake, "reqmgr_workload_cache", request(name, "running-open", 1))
	}
	var log logBuffer
	o := options(t, url, &log)
	o.BasePath = "/cms/cache/"
	a := start(t, o)
	ready(t, a.Addr())
	for _, path := range []string{"/livez", "/healthz", "/readyz", "/metrics", "/wmstatsserver/data/info", "/wmstatsserver/openapi.json"} {
		for _, base := range []string{"", "/cms/cache"} {
			status, _ := get(t, a.Addr(), base+path)
			assert.Equal(t, http.StatusOK, status, base+path)
		}
	}
	for _, path := range []string{"/fetch", "/v1/fetch", "/version", "/cms", "/cms/cachex/fetch"} {
		status, body := get(t, a.Addr(), path)
		assert.Equal(t, http.StatusNotFound, status, path)
		assert.Contains(t, body, "below /cms/cache/")
	}
	for _, path := range []string{"/", "/cms/cache"} {
		_, body := get(t, a.Addr(), path)
		assert.Contains(t, body, "\n  /cms/cache/fetch ", "the list of paths, after a redirect")
	}
	for _, start := range []string{"/cms/cache/fetch?limit=1", "/cms/cache/v1/fetch?limit=1"} {
		resource, _, _ := strings.Cut(start, "?")
		var names []string
		for next := start; next != ""; {
			resp, err := http.Get("http://" + a.Addr() + next)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", next, body)
			var page []struct{ Workflow string }
			require.NoError(t, json.Unmarshal(body, &page))
			names, next = append(names, page[0].Workflow), ""
			for link := range strings.SplitSeq(resp.Header.Get("Link"), ", ") {
				assert.True(t, strings.HasPrefix(link, "<"+resource+"?"), link)
				if address, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
					next = address[1:]
				}
			}
		}
		assert.Equal(t, []string{"a", "b", "c"}, names)
	}
	for path, want := range map[string]string{
		"/fetch?envelope=1&limit=1":            `"Next":"/cms/cache/fetch?`,
		"/fetch?gen=g1-1&limit=1&idx=1&last=a": `"continue":"/cms/cache/fetch?after=a\u0026limit=1"`,
		"/attention":                           `"Query":"/cms/cache/fetch?`,
		"/openapi.json":                        `"servers":[{"url":"/cms/cache"},`,
		"/fetchh":                              `"did_you_mean":["/cms/cache/fetch`,
	} {
		_, body := get(t, a.Addr(), "/cms/cache"+path)
		assert.Contains(t, strings.ReplaceAll(body, "&", `\u0026`), want, path)
	}
}

func TestInvalidBasePaths(t *testing.T) {
	for _, path := range []string{"wmstats", "/a//b", "/a/../b", "/a?b", "/a%2Fb", "/wmstatsserver", "/t0_reqmon/data", "/metrics"} {
		_, err := app.ParseOptions([]string{"--couch-url", "http://x", "--base-path", path}, func(string) string { return "" }, io.Discard)
		assert.ErrorContains(t, err, "--base-path", path)
	}
}
