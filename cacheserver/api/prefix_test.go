package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Behind a proxy every URL in an answer begins with the proxy's path.
func TestForwardedPrefix(t *testing.T) {
	f := newFixture(t, 60)
	for given, want := range map[string]string{
		"/api": "/api", "/api/": "/api", "/wmstats/api-2": "/wmstats/api-2", "": "",
		"//evil.example": "", "api": "", "/a/../b": "", "/a//b": "", "/a b": "", `/a>; rel="x"`: "", "/a?b": "", "/a%2F": "", "http://x": "", "/": "",
		"/" + strings.Repeat("a", 128): "",
	} {
		header := "X-Forwarded-Prefix: " + given
		for rel, link := range f.get("/fetch?limit=20&idx=20", header).links() {
			assert.True(t, strings.HasPrefix(link, want+"/fetch?"), "%q %s %s", given, rel, link)
		}
		envelope := decode[wire.Envelope[schema.Workflow]](t, f.get("/fetch?limit=20&envelope=1", header).body)
		assert.True(t, strings.HasPrefix(envelope.Next, want+"/fetch?"), envelope.Next)
		p := f.get("/v1/fetch?limit=20&idx=20&gen=zz-1&last=a", header).problem(t)
		assert.Equal(t, want+"/v1/fetch?limit=20", p.Restart)
		assert.Equal(t, want+"/v1/fetch?after=a&limit=20", p.Continue)
		assert.Equal(t, "/problems/generation-expired", p.Type, "the name of a problem is the same everywhere")
	}
	for prefix, want := range map[string][]string{"": {"/", "/v1"}, "/api": {"/api", "/api/v1"}} {
		var described struct{ Servers []struct{ URL string } }
		require.NoError(t, json.Unmarshal(f.get("/openapi.json", "X-Forwarded-Prefix: "+prefix).body, &described))
		require.Len(t, described.Servers, 2)
		assert.Equal(t, want, []string{described.Servers[0].URL, described.Servers[1].URL})
		p := f.get("/fetchh", "X-Forwarded-Prefix: "+prefix).problem(t)
		assert.Contains(t, p.Detail, "'"+prefix+"/fetchh'")
		assert.Contains(t, p.DidYouMean, prefix+"/fetch")
		assert.Contains(t, string(f.get("/", "X-Forwarded-Prefix: "+prefix).body), "  "+prefix+"/fetch ")
	}
	twice := f.get("/fetch?limit=20", "X-Forwarded-Prefix: /a", "X-Forwarded-Prefix: /b")
	assert.True(t, strings.HasPrefix(twice.links()["next"], "/fetch?"))

	plain, behind := f.get("/fetch?envelope=1&limit=20"), f.get("/fetch?envelope=1&limit=20", "X-Forwarded-Prefix: /api")
	require.NotEqual(t, string(plain.body), string(behind.body))
	assert.NotEqual(t, plain.Header.Get("ETag"), behind.Header.Get("ETag"), "two bodies, two tags")
}
