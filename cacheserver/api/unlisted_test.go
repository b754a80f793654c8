package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// A request that is not in the lists is read from the source by its name, and is
// like any other detail; the lists do not change.
func TestUnlisted(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{}
	f.newAPI(func(o *api.Options) { o.Details, o.Demand.Keep, o.Now = source, 5*time.Minute, f.clock.Now })
	const name = "user_old_251130_101112_1"
	for status, want := range map[string]string{"normal-archived": "archived", "rejected-archived": "archived", "running-open": "other"} {
		source.change(func(d *detailsFake) { d.status = status })
		a := f.get("/fetch/" + name + "_" + want + status)
		require.Equal(t, 200, a.StatusCode, string(a.body))
		got := decode[schema.Detail](t, a.body)
		assert.Equal(t, want, got.Unlisted)
		assert.Equal(t, status, got.Status)
		assert.Equal(t, "not_loaded", got.ErrorsState, "agents' counts are not known")
		assert.Len(t, got.Transitions, 2)
		assert.Empty(t, got.Agents)
		assert.Equal(t, string(schema.AppendDetail(nil, &got))+"\n", string(a.body), "keys in the order of the schema")
	}
	calls := source.count()
	for range 3 {
		assert.Equal(t, 200, f.get("/fetch/"+name+"_otherrunning-open").StatusCode)
	}
	assert.Equal(t, calls, source.count(), "it is kept")
	assert.Empty(t, f.list("/fetch?name="+name))
	listed := decode[schema.Detail](t, f.get("/fetch/"+workflowName(1)).body)
	assert.Empty(t, listed.Unlisted)
	lines := strings.Split(string(f.get("/fetch/"+name+"_otherrunning-open?format=ndjson").body), "\n")
	assert.Contains(t, lines[0], `"Unlisted":"other"`)

	// What the source does not have is kept for five minutes.
	source.change(func(d *detailsFake) { d.err = ondemand.ErrAbsent })
	calls = source.count()
	for range 3 {
		a := f.get("/fetch/" + workflowName(1) + "x")
		require.Equal(t, 404, a.StatusCode)
		assert.Contains(t, decode[wire.Problem](t, a.body).DidYouMean, workflowName(1))
	}
	assert.Equal(t, calls+1, source.count())
	source.change(func(d *detailsFake) { d.err = nil })
	assert.Equal(t, 404, f.get("/fetch/"+workflowName(1)+"x").StatusCode)
	f.clock.advance(5 * time.Minute)
	assert.Equal(t, 200, f.get("/fetch/"+workflowName(1)+"x").StatusCode)

	// While the source is away it is unknown whether there is such a request.
	source.change(func(d *detailsFake) { d.err = errors.New("connection refused") })
	a := f.get("/fetch/user_new_251130_101112_2")
	assert.Equal(t, 502, a.StatusCode)
	assert.Equal(t, "/problems/source-failed", decode[wire.Problem](t, a.body).Type)

	// Names that no request has, and older generations, cause no read.
	calls = source.count()
	for _, path := range []string{
		"/fetch/_design", "/fetch/_all_docs", "/fetch/..%2F_session", "/fetch/a%2Fb", "/fetch/a%20b", "/fetch/" + strings.Repeat("a", 151), "/fetch/%C3%A9",
		"/fetch/user_new_251130_101112_2?gen=" + f.get("/pulse").Header.Get("X-Generation"),
	} {
		assert.Equal(t, 404, f.get(path).StatusCode, path)
	}
	assert.Equal(t, calls, source.count())
}
