package couch

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// A row of a query is only the document, and that is another one, or has another
// name. No document is left out.
func TestAQueryThatBringsTheWrongDocument(t *testing.T) {
	find := couchfake.Match{Path: "/" + requestDB + "/_find"}
	byID := couchfake.Match{Method: http.MethodPost, Path: "/" + requestDB + "/_all_docs"}
	const own = `{"_id":"r2","_rev":"1-a","RequestName":"r2","RequestStatus":"running-open"}`
	for name, c := range map[string]struct {
		faults []couchfake.Fault
		way    string
		lacks  []string
	}{
		"under another name": {[]couchfake.Fault{{Match: find, Kind: couchfake.OtherDoc, IDs: []string{"r1"}}}, "Mango", nil},
		"and unavailable by id": {[]couchfake.Fault{
			{Match: find, Kind: couchfake.OtherDoc, IDs: []string{"r1"}},
			{Match: byID, Kind: couchfake.NullDoc, IDs: []string{"r1"}},
		}, "Mango", []string{"r1"}},
		"that of another one":    {[]couchfake.Fault{{Match: find, Kind: couchfake.OddDoc, IDs: []string{"r1"}, Text: own}}, "scan", nil},
		"a row that comes twice": {[]couchfake.Fault{{Match: find, Kind: couchfake.TwiceRow, IDs: []string{"r1"}}}, "scan", nil},
	} {
		t.Run(name, func(t *testing.T) {
			srv, c2 := standIn(t, couchfake.Options{})
			fill(t, srv)
			require.NoError(t, srv.Put(requestDB, []byte(`{"_id":"apart","RequestName":"other","RequestStatus":"running-open"}`)))
			for _, f := range c.faults {
				srv.Misbehave(f)
			}
			var came, lacks []string
			way, err := c2.Read(t.Context(), Requests, []string{"new", "running-open"}, func(r Row) error {
				switch {
				case r.Lacking():
					lacks = append(lacks, r.ID)
				default:
					assert.Empty(t, r.Fault())
					came = append(came, r.ID)
				}
				return nil
			})
			require.NoError(t, err)
			assert.Contains(t, way, c.way)
			assert.Equal(t, c.lacks, lacks)
			for _, id := range []string{"r1", "r2", "apart"} {
				assert.Equal(t, !slices.Contains(c.lacks, id), slices.Contains(came, id), "%s of %v", id, came)
			}
			assert.NotContains(t, came, "other-r1")
		})
	}
}
