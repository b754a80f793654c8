package couch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKivikHidesErrors is the reason for reading views and queries without kivik
// (decision 0005): for an answer with an error in it, kivik returns rows and no
// error, and this package an error. If this test fails, the decision can be
// reconsidered.
func TestKivikHidesErrors(t *testing.T) {
	const good = "{\"id\":\"a\",\"key\":\"a\",\"value\":null,\"doc\":{\"_id\":\"a\"}}"
	for name, c := range map[string]struct {
		answer string
		rows   int
	}{
		"an error instead of a row": {"{\"rows\":[\r\n" + good + ",\r\n{\"error\":\"timeout\",\"reason\":\"slow\"}\r\n]}\n", 2},
		"an error in a row":         {"{\"rows\":[\r\n{\"id\":\"a\",\"key\":\"a\",\"value\":null,\"error\":\"boom\"}\r\n]}\n", 1},
		"an error after the rows":   {"{\"rows\":[\r\n" + good + "\r\n],\"error\":\"timeout\",\"reason\":\"slow\"}\n", 1},
		"an error for a document":   {"{\"docs\":[\r\n{\"_id\":\"a\"},\r\n{\"error\":\"timeout\",\"reason\":\"slow\"}\r\n]}\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			client := answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprint(w, c.answer)
			})
			var got *kivik.ResultSet
			if name == "an error for a document" {
				got = client.kivik.DB("x").Find(t.Context(), map[string]any{"selector": map[string]any{}})
			} else {
				got = client.kivik.DB("x").Query(t.Context(), "_design/d", "_view/v", kivik.IncludeDocs())
			}
			rows := 0
			for got.Next() {
				var doc json.RawMessage
				_ = got.ScanDoc(&doc) // "doc is nil" at most, as for a row without a document
				rows++
			}
			require.NoError(t, got.Err())
			assert.Equal(t, c.rows, rows)
		})
	}
}
