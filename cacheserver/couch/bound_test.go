package couch_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// An endless answer, as one row or one document, is an error and does not
// exhaust the memory.
func TestEndlessAnswersAreBounded(t *testing.T) {
	const most = 1 << 20
	for name, begin := range map[string]string{"text": `{"_id":"`, "space": `{`, "row": "{\"rows\":[\n{\"id\":\"", "line": `{"rows":[`} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			fill := strings.Repeat("x", 32<<10)
			if name == "space" {
				fill = strings.Repeat(" ", 32<<10)
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent.Store(0)
				if _, err := io.WriteString(w, begin); err != nil {
					return
				}
				for r.Context().Err() == nil {
					n, err := io.WriteString(w, fill)
					if sent.Add(int64(n)); err != nil {
						return
					}
				}
			}))
			defer server.Close()
			c, err := couch.New(couch.Options{URL: server.URL, MaxAnswer: most})
			require.NoError(t, err)
			defer c.Close()
			_, err = c.Detail(t.Context(), "w", nil)
			assert.Error(t, err)
			assert.Less(t, sent.Load(), int64(32*most), "the read ended soon")
			_, err = c.Position(t.Context(), couch.WMStats)
			assert.Error(t, err)
			assert.Less(t, sent.Load(), int64(32*most))
			_, err = c.Read(t.Context(), couch.WMStats, nil, func(couch.Row) error { return nil })
			assert.Error(t, err)
			assert.Less(t, sent.Load(), int64(32*most))
		})
	}
}
