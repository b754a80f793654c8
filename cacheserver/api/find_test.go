package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	oracle "github.com/go-kivik/kivik/v4/x/mango"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// found is the body of /find.
type found struct {
	Generation, Time  string
	Total, Idx, Limit int
	ExecutionStats    *wire.FindStats
	Items             []schema.Workflow
}

func (f *fixture) find(body string) found {
	f.t.Helper()
	a := f.send(http.MethodPost, "/find", body)
	require.Equal(f.t, 200, a.StatusCode, "%s\n%s", body, a.body)
	return decode[found](f.t, a.body)
}

// Columns and records together find the same as kivik's matcher.
func TestFindAsKivik(t *testing.T) {
	f := newFixture(t, 90)
	all := f.list("/fetch?limit=all")
	docs := make([]any, len(all))
	for i := range all {
		require.NoError(t, json.Unmarshal(schema.AppendJSON(nil, &all[i]), &docs[i]))
	}
	r := rand.New(rand.NewPCG(5, 8))
	conditions := []string{
		`{"Status":"completed"}`, `{"Status":{"$ne":"completed"}}`, `{"Priority":{"$gte":5000}}`, `{"Priority":{"$lt":5000}}`, `{"Failure":{"$gt":1}}`,
		`{"Campaign":{"$regex":"0[12]$"}}`, `{"Sites":{"$elemMatch":{"$eq":"T2_CH_CERN_1"}}}`, `{"Sites":{"$size":2}}`, `{"Campaign":""}`,
		`{"Status":{"$in":["completed","force-complete"]}}`, `{"Status":{"$nin":["completed","force-complete"]}}`, `{"EstimatedJobs":-1}`, `{"Priority":{"$mod":[2,1]}}`, `{"HasJobInfo":true}`,
	}
	for range 150 {
		var parts []string
		for range 1 + r.IntN(3) {
			parts = append(parts, conditions[r.IntN(len(conditions))])
		}
		selector := parts[0]
		if len(parts) > 1 || r.IntN(3) == 0 {
			selector = fmt.Sprintf(`{%q:[%s]}`, []string{"$and", "$or", "$nor"}[r.IntN(3)], strings.Join(parts, ","))
		}
		node, err := oracle.Parse([]byte(selector))
		require.NoError(t, err)
		want := []string{}
		for i := range all {
			if oracle.Match(node, docs[i]) {
				want = append(want, all[i].Workflow)
			}
		}
		for range 2 { // computed, then cached
			got := f.find(`{"selector":` + selector + `,"limit":1000}`)
			require.Equal(t, want, names(got.Items), selector)
			require.Equal(t, len(want), got.Total)
		}
	}
}

func TestFindPagesAndForms(t *testing.T) {
	f := newFixture(t, 120)
	for selector, examined := range map[string]int{`{}`: 0, `{"Status":"completed"}`: 0, `{"Status":{"$regex":"^completed$"}}`: 120, `{"Priority":{"$gt":0},"Status":{"$regex":"^completed$"}}`: 120} {
		whole := f.find(`{"selector":` + selector + `,"sort":[{"Priority":"desc"},"Status"],"limit":1000,"execution_stats":true}`)
		filter := ""
		if selector != `{}` {
			filter = "status=completed&"
		}
		want := names(f.list("/fetch?" + filter + "limit=1000&sort=-Priority,Status"))
		assert.Equal(t, want, names(whole.Items), selector)
		require.NotNil(t, whole.ExecutionStats)
		assert.Equal(t, wire.FindStats{Workflows: 120, Examined: examined, Matched: len(want)}, *whole.ExecutionStats, selector)
		var paged []string
		for idx := 0; idx < whole.Total; idx += 7 {
			body := fmt.Sprintf(`{"selector":%s,"sort":[{"Priority":"desc"},"Status"],"limit":7,"idx":%d}`, selector, idx)
			a := f.send("QUERY", "/find?gen="+whole.Generation, body)
			require.Equal(t, 200, a.StatusCode, string(a.body))
			paged = append(paged, names(decode[found](t, a.body).Items)...)
			f.store.Apply(changes(idx%100, idx%100+2, 2+idx))
		}
		assert.Equal(t, want, paged, selector)
		f = newFixture(t, 120)
	}
	csv := f.send(http.MethodPost, "/find?format=csv", `{"selector":{},"fields":["Failure","status"],"limit":3}`)
	assert.Equal(t, []string{"Workflow", "Status", "Failure"}, rows(t, csv.body)[0])
	assert.Len(t, rows(t, csv.body), 4)
	lines := f.send("QUERY", "/v1/find", `{"selector":{},"limit":3}`, "Accept: application/x-ndjson")
	assert.Equal(t, 3, strings.Count(string(lines.body), "\n"))
	tag := "If-None-Match: " + lines.Header.Get("ETag")
	assert.Equal(t, 304, f.send("QUERY", "/find", `{"selector":{},"limit":3}`, "Accept: application/x-ndjson", tag).StatusCode)
	assert.Equal(t, 200, f.send(http.MethodPost, "/find", `{"selector":{},"limit":3}`, "Accept: application/x-ndjson", tag).StatusCode)
	assert.Contains(t, string(f.send(http.MethodPost, "/find", `{"selector":{"Status":"nowhere"}}`).body), `"Items":[]`)
}

func TestBadFind(t *testing.T) {
	f := newFixture(t, 20)
	for body, want := range map[string]struct {
		status int
		slug   wire.Slug
	}{
		``:                               {400, wire.SlugBadSelector},
		`[]`:                             {400, wire.SlugBadSelector},
		`{"limit":5}`:                    {400, wire.SlugBadSelector},
		`{"selector":{},"skip":5}`:       {400, wire.SlugBadSelector},
		`{"selector":{},"limit":0}`:      {400, wire.SlugBadValue},
		`{"selector":{},"limit":"5"}`:    {400, wire.SlugBadSelector},
		`{"selector":{},"limit":10001}`:  {400, wire.SlugBadValue},
		`{"selector":{},"fields":["x"]}`: {400, wire.SlugUnknownField},
		`{"selector":{},"sort":[{"Status":"up"}]}`:                      {400, wire.SlugBadSelector},
		`{"selector":{"Status":{"$regex":"(?=a)"}}}`:                    {422, wire.SlugTooExpensive},
		`{"selector":{"Status":"` + strings.Repeat("a", 70_000) + `"}}`: {413, wire.SlugTooLarge},
	} {
		a := f.send(http.MethodPost, "/find", body)
		assert.Equal(t, want.status, a.StatusCode, "%.60s: %s", body, a.body)
		assert.Equal(t, want.slug, ptr(a.problem(t)).Slug(), "%.60s", body)
	}
	assert.Equal(t, 400, f.send(http.MethodPost, "/find?limit=5", `{"selector":{}}`).StatusCode)
	gone := f.send(http.MethodPost, "/find?gen=zz-1", `{"selector":{}}`).problem(t)
	assert.Equal(t, []any{410, "/find", ""}, []any{gone.Status, gone.Restart, gone.Continue})
	got := f.get("/find")
	assert.Equal(t, 405, got.StatusCode)
	assert.Contains(t, got.Header.Get("Allow"), "POST")
}

func TestOptions(t *testing.T) {
	f := newFixture(t, 2)
	for path, want := range map[string]string{"/fetch": "GET, HEAD, OPTIONS", "/v1/sites/x": "GET, HEAD, OPTIONS", "/find": "POST, QUERY, OPTIONS", "/livez": "GET, HEAD, OPTIONS"} {
		a := f.do(http.MethodOptions, path)
		assert.Equal(t, http.StatusNoContent, a.StatusCode, path)
		assert.Equal(t, want, a.Header.Get("Allow"), path)
	}
	assert.True(t, slices.Contains(strings.Split(f.do(http.MethodDelete, "/fetch").Header.Get("Allow"), ", "), "GET"))
}
