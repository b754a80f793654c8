package couch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// shortened is a stand-in whose answers to some requests have a limited number
// of rows and are well formed, like those of a server with a query_limit.
type shortened struct {
	*couchfake.Server
	meets func(r *http.Request) bool
	rows  int
}

func (s *shortened) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.meets(r) {
		s.Server.ServeHTTP(w, r)
		return
	}
	got := httptest.NewRecorder()
	s.Server.ServeHTTP(got, r)
	body := got.Body.String()
	if open := strings.Index(body, "[\r\n"); open >= 0 && got.Code == http.StatusOK {
		head, rest := body[:open+3], body[open+3:]
		end := strings.LastIndex(rest, "\r\n]")
		rows := strings.Split(rest[:end], ",\r\n")
		rows = rows[:min(len(rows), s.rows)]
		tail := rest[end:]
		if last := len(rows) - 1; last >= 0 && strings.Contains(tail, "bookmark") { // of the last row in the answer
			var doc struct {
				ID string `json:"_id"`
			}
			if json.Unmarshal([]byte(rows[last]), &doc) == nil {
				tail = regexp.MustCompile(`"bookmark": "[^"]*"`).ReplaceAllString(tail, fmt.Sprintf(`"bookmark": %q`, s.bookmark(r, doc.ID)))
			}
		}
		body = head + strings.Join(rows, ",\r\n") + tail
	}
	w.WriteHeader(got.Code)
	_, _ = w.Write([]byte(body))
}

// bookmark returns the stand-in's bookmark after a document.
func (s *shortened) bookmark(r *http.Request, id string) string {
	ask := httptest.NewRequestWithContext(r.Context(), http.MethodPost, r.URL.Path, strings.NewReader(fmt.Sprintf(`{"selector":{"_id":%q}}`, id)))
	ask.Header.Set("Content-Type", "application/json")
	got := httptest.NewRecorder()
	s.Server.ServeHTTP(got, ask)
	var answer struct{ Bookmark string }
	_ = json.Unmarshal(got.Body.Bytes(), &answer)
	return answer.Bookmark
}

// An answer to a bulk read that is well formed and states, or allows to find
// out, that there is more.
func TestAReadThatEndsEarlyIsNotComplete(t *testing.T) {
	const n = 12
	types := []string{typeAgentRequest, typeAgentInfo}
	ofPath := func(part string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.Contains(r.URL.Path, part) }
	}
	all := func(*http.Request) bool { return true }
	for name, c := range map[string]struct {
		db    Database
		meets func(*http.Request) bool
		gone  []string // parts of missing paths
		way   string   // that returns everything; "": none, and the read fails
	}{
		"a query":                  {Requests, ofPath("/_find"), []string{"/_design/"}, "Mango"},
		"a scan of requests":       {Requests, ofPath("/_all_docs"), []string{"/_design/", "/_find"}, ""},
		"a scan of the agents'":    {WMStats, ofPath("/_all_docs"), []string{"/_design/", "/_changes"}, ""},
		"everything, for requests": {Requests, all, []string{"/_design/"}, "Mango"},
	} {
		for rows := range 3 {
			if rows == 0 && strings.Contains(c.way, "Mango") {
				continue // an empty page is the end
			}
			t.Run(fmt.Sprintf("%s, %d rows", name, rows), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := couchfake.New(couchfake.Options{BuiltinViews: true})
					client := inMemory(t, &shortened{srv, c.meets, rows}, nil)
					for i := range n {
						require.NoError(t, srv.Put(requestDB, fmt.Appendf(nil, `{"_id":"w%d","RequestName":"w%d","RequestStatus":"new"}`, i, i)))
						require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":"a%d","type":%q,"workflow":"w%d","agent_url":"a"}`, i, types[i%2], i)))
					}
					for _, path := range c.gone {
						srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + client.DatabaseName(c.db) + path}, Kind: couchfake.FailStatus, Status: http.StatusNotImplemented})
					}
					got, way, err := rowsOf(t.Context(), client, c.db, "new")
					if c.way == "" {
						require.ErrorIs(t, err, ErrCut)
						assert.Contains(t, err.Error(), fmt.Sprintf("%d of %d rows came", rows, n))
						return
					}
					require.NoError(t, err)
					assert.Contains(t, way, c.way)
					seen := map[string]bool{}
					for _, r := range got {
						seen[r.ID] = true
					}
					assert.Len(t, seen, n)
				})
			})
		}
	}
}
