package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

// The groups and values are the same in every format.
func TestStatsAndFacetsAsLines(t *testing.T) {
	f := newFixture(t, 200)
	for _, c := range []struct {
		path, ndjson string
		header       []string
	}{
		{"/stats?by=status,campaign&sum=Failure,Success&has=failure", `{"Status":%q,"Campaign":%q,"Count":%v,"SumFailure":%v,"SumSuccess":%v}`,
			[]string{"Status", "Campaign", "Count", "SumFailure", "SumSuccess"}},
		{"/stats?by=requestor", `{"Requestor":%q,"Count":%v}`, []string{"Requestor", "Count"}},
		{"/stats?sum=Failure", `{"Count":%v,"SumFailure":%v}`, []string{"Count", "SumFailure"}},
	} {
		stats := decode[wire.Stats](t, f.get(c.path).body)
		require.NotEmpty(t, stats.Groups)
		var lines strings.Builder
		table := [][]string{c.header}
		for _, g := range stats.Groups {
			values, cells := []any{}, []string{}
			for _, k := range g.Keys {
				values, cells = append(values, k), append(cells, k)
			}
			values, cells = append(values, g.Count), append(cells, fmt.Sprint(g.Count))
			for _, s := range g.Sums {
				values, cells = append(values, s), append(cells, fmt.Sprint(s))
			}
			fmt.Fprintf(&lines, c.ndjson+"\n", values...)
			table = append(table, cells)
		}
		asLines := f.get(c.path + "&format=ndjson")
		require.Equal(t, http.StatusOK, asLines.StatusCode)
		assert.Equal(t, "application/x-ndjson", asLines.Header.Get("Content-Type"))
		assert.Equal(t, lines.String(), string(asLines.body))
		assert.Equal(t, fmt.Sprint(len(stats.Groups)), asLines.Header.Get("X-Total-Count"))
		asTable := f.get(c.path, "Accept: text/csv")
		assert.Equal(t, table, rows(t, asTable.body))
		assert.NotEqual(t, asLines.Header.Get("ETag"), asTable.Header.Get("ETag"))
		assert.Equal(t, http.StatusNotModified, f.get(c.path, "Accept: text/csv", "If-None-Match: "+asTable.Header.Get("ETag")).StatusCode)
	}

	const path = "/facet/site?prefix=t2_&limit=1"
	facet := decode[wire.FacetPage](t, f.get(path).body)
	require.Len(t, facet.Values, 1)
	a := f.get(path + "&format=ndjson")
	assert.Equal(t, "2", a.Header.Get("X-Total-Count"), "how many values have this prefix")
	var value wire.FacetValue
	require.NoError(t, json.Unmarshal(bytes.TrimSpace(a.body), &value))
	assert.Equal(t, facet.Values[0], value)
	assert.Equal(t, [][]string{{"Value", "Count"}, {value.Value, fmt.Sprint(value.Count)}}, rows(t, f.get(path+"&format=csv").body))
}
