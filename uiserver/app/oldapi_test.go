package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// TestOldAPI: clients of the old server may be pointed at the dashboard's address:
// answers and errors come as the cache server makes them.
func TestOldAPI(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL)
	res, body := get(t, at+"/wmstatsserver/data/filtered_requests?&mask=RequestStatus", "Accept", "*/*")
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", body)
	assert.Equal(t, "text/plain;charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(t, "100", res.Header.Get("X-Rest-Status"))
	assert.NotEmpty(t, res.Header.Get("Etag"))
	assert.True(t, strings.HasPrefix(string(body), "{\"result\": [\n {"))
	for path, want := range map[string]string{
		"/wmstatsserver/data": "205", "/wmstatsserver/data/": "205", "/wmstatsserver/data/nosuch": "207", "/wmstatsserver/data/request/a/b": "302",
		"/wmstatsserver//data//info//": "100", "/wmstatsserver/data/request//": "301",
	} {
		res, _ = get(t, at+path, "Accept", "application/json")
		assert.Equal(t, want, res.Header.Get("X-Rest-Status"), path)
	}
	res, _ = get(t, at+"/wmstatsserver/data/request/a%2Fb", "Accept", "application/json")
	assert.Equal(t, http.StatusOK, res.StatusCode, "an escaped slash is part of the name")
	res, _ = get(t, at+"/wmstatsserver/openapi.json")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	res, _ = get(t, at+"/wmstatsserver/elsewhere")
	assert.Equal(t, http.StatusNotFound, res.StatusCode)

	away := run(t, "http://127.0.0.1:1")
	res, _ = get(t, away+"/wmstatsserver/data/globallocks")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(t, "401", res.Header.Get("X-Rest-Status"))
	assert.Regexp(t, "^[0-9a-f]{32}$", res.Header.Get("X-Error-Id"))

	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	closed := run(t, cache.URL, "--htpasswd-file", secretFile(t, "bob:"+string(hash)+"\n"))
	res, body = get(t, closed+"/wmstatsserver/data/info")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	assert.Contains(t, string(body), "You are not allowed to access this resource.")
	assert.Equal(t, "You are not allowed to access this resource.", res.Header.Get("X-Error-Detail"))
	assert.Equal(t, "403", res.Header.Get("X-Error-Http"))
	assert.Regexp(t, "^[0-9a-f]{32}$", res.Header.Get("X-Error-Id"))
	assert.Empty(t, res.Header.Values("X-Rest-Status"))

	limited := run(t, cache.URL, "--rate-limit", "0.01", "--rate-burst", "1")
	get(t, limited+"/wmstatsserver/data/info", "X-Forwarded-For", "198.51.100.7")
	res, _ = get(t, limited+"/wmstatsserver/data/info", "X-Forwarded-For", "198.51.100.7")
	assert.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	assert.Equal(t, "429", res.Header.Get("X-Rest-Status"))
	assert.Equal(t, "429", res.Header.Get("X-Error-Http"))
	assert.NotEmpty(t, res.Header.Get("X-Error-Detail"))
}
