package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhichAnswersPromise: an answer that leads to another page keeps its
// generation, by Link, by Next in the body, or for /find by its total; any
// other answer keeps nothing, and neither does an error.
func TestWhichAnswersPromise(t *testing.T) {
	for path, promises := range map[string]bool{
		"/fetch?limit=10": true, "/fetch?limit=10&idx=35": true, "/fetch?limit=10&idx=10&format=csv": true, "/fetch?envelope=1&limit=5": true,
		"/fetch": false, "/fetch?limit=all": false, "/fetch?limit=all&format=ndjson": false, "/fetch?status=none&limit=3": false, "/fetch?limit=3&idx=400": false,
		"/sites/T1_US_FNAL?limit=5": true, "/sites/T1_US_FNAL?limit=all": false, "/sites/T1_US_FNAL": false,
		"/sites?limit=1": true, "/sites?limit=1&idx=2": true, "/sites": false, "/sites?limit=50": false, "/sites?idx=1": false, "/campaign?limit=1": true, "/campaign": false,
		"/agent?limit=2": true, "/agent?limit=3": false, "/release?limit=2&idx=2": true, "/release?limit=all": false,
		"/errors?by=workflow&limit=1": true, "/errors?by=workflow&limit=all": false,
		"/status": false, "/pulse": false, "/attention": false, "/stats?by=status": false, "/facet/status?limit=1": false, "/history": false,
		"/fetch/" + workflowName(3) + "/errors": false, "/fetch?limit=10&sort=nothing": false, "/about": false, "/openapi.json": false,
	} {
		f := newFixture(t, 40)
		generation := f.generation()
		a := f.get(path)
		if promises {
			require.Equal(t, http.StatusOK, a.StatusCode, "%s: %s", path, a.body)
		}
		next, prev := a.links()["next"] != "", a.links()["prev"] != ""
		assert.Equal(t, promises, next || prev, path)
		f.store.Apply(changes(0, 40, 2))
		require.NotEqual(t, generation, f.generation())
		want := http.StatusGone
		if promises {
			want = http.StatusOK
		}
		assert.Equal(t, want, f.get("/fetch?limit=1&gen="+generation).StatusCode, path)
	}
	for body, want := range map[string]int{
		`{"selector":{},"limit":3}`: http.StatusOK, `{"selector":{},"limit":3,"idx":38}`: http.StatusOK, `{"selector":{}}`: http.StatusGone,
	} {
		f := newFixture(t, 40)
		generation := f.generation()
		require.Equal(t, http.StatusOK, f.send(http.MethodPost, "/find", body).StatusCode)
		f.store.Apply(changes(0, 40, 2))
		assert.Equal(t, want, f.get("/fetch?limit=1&gen="+generation).StatusCode, body)
	}
}
