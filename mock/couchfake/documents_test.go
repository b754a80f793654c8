package couchfake_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

func TestInventedRevisions(t *testing.T) {
	s := start(t, couchfake.Options{})
	bulk := func(docs string) { s.post("/db/_bulk_docs", `{"new_edits":false,"docs":[`+docs+`]}`) }
	require.NoError(t, s.Create("db"))
	for _, step := range []struct {
		name, docs, rev, conflicts string
		seq                        int64
	}{
		{"first", `{"_id":"a","_rev":"3-555","v":1}`, "3-555", `[]`, 1},
		{"the same again changes nothing", `{"_id":"a","_rev":"3-555","v":1}`, "3-555", `[]`, 1},
		{"a greater number wins", `{"_id":"a","_rev":"32-6027014210","v":2}`, "32-6027014210", `["3-555"]`, 2},
		{"a smaller number loses but is a change", `{"_id":"a","_rev":"9-1","v":3}`, "32-6027014210", `["9-1","3-555"]`, 3},
		{"of equal numbers the greater text wins", `{"_id":"a","_rev":"32-7","v":4}`, "32-7", `["32-6027014210","9-1","3-555"]`, 4},
		{"_revisions that name a leaf replace it", `{"_id":"a","_revisions":{"start":33,"ids":["8","7"]},"v":5}`, "33-8", `["32-6027014210","9-1","3-555"]`, 5},
		{"an ancestor is known", `{"_id":"a","_rev":"32-7","v":4}`, "33-8", `["32-6027014210","9-1","3-555"]`, 5},
		{"a live leaf wins over a deleted one", `{"_id":"a","_revisions":{"start":34,"ids":["9","8"]},"_deleted":true}`, "32-6027014210", `["9-1","3-555"]`, 6},
	} {
		t.Run(step.name, func(t *testing.T) {
			bulk(step.docs)
			doc := s.get("/db/a?conflicts=true")
			assert.Equal(t, step.rev, doc.Get("_rev").String())
			want := step.conflicts
			if want == "[]" {
				want = ""
			}
			assert.Equal(t, want, doc.Get("_conflicts").Raw)
			st, _ := s.Stats("db")
			assert.Equal(t, step.seq, st.Changes)
		})
	}
	assert.EqualValues(t, 1, s.get("/db/a?rev=3-555").Get("v").Int(), "a losing leaf is readable")
}

func TestEdits(t *testing.T) {
	s := start(t, couchfake.Options{MaxDocumentBytes: 100})
	require.NoError(t, s.Create("db"))
	first := s.post("/db/_bulk_docs", `{"docs":[{"_id":"a/ü","x":1}]}`).Get("0.rev").String()
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		answer                   string
	}{
		{"stale revision", "PUT", "/db/a%2F%C3%BC", `{"_rev":"1-0","x":2}`, 409, `{"error":"conflict"`},
		{"two revisions named", "PUT", "/db/a%2F%C3%BC?rev=" + first, `{"_rev":"1-0"}`, 400, "different values"},
		{"other id in the body", "PUT", "/db/b", `{"_id":"c"}`, 400, "must match"},
		{"a revision of nothing", "PUT", "/db/b", `{"_rev":"1-0"}`, 409, "conflict"},
		{"no revision at all", "PUT", "/db/b", `{"_rev":"zero"}`, 400, "Invalid rev format"},
		{"unknown special member", "PUT", "/db/b", `{"_foo":1}`, 400, `"doc_validation","reason":"Bad special document member: _foo"`},
		{"reserved id", "PUT", "/db/_foo", `{}`, 400, "illegal_docid"},
		{"not an object", "PUT", "/db/b", `[1]`, 400, "must be a JSON object"},
		{"broken JSON", "PUT", "/db/b", `{"a":`, 400, "invalid UTF-8 JSON"},
		{"invalid UTF-8", "PUT", "/db/b", "{\"a\":\"\xff\"}", 400, "invalid UTF-8 JSON"},
		{"too large", "PUT", "/db/b", `{"a":"` + strings.Repeat("x", 200) + `"}`, 413, "document_too_large"},
		{"new_edits=false needs a revision", "POST", "/db/_bulk_docs", `{"new_edits":false,"docs":[{"_id":"z"}]}`, 400, "needs `_rev`"},
		{"bulk without docs", "POST", "/db/_bulk_docs", `{}`, 400, "must include `docs`"},
		{"database name", "PUT", "/Upper", "", 400, "illegal_database_name"},
		{"no such database", "GET", "/nosuch/_all_docs", "", 404, "Database does not exist."},
		{"method", "DELETE", "/db/_all_docs", "", 405, "Only GET,HEAD,POST allowed"},
		{"attachments", "GET", "/db/a/spec", "", 501, "the stand-in has no attachments"},
		{"right revision", "PUT", "/db/a%2F%C3%BC?rev=" + first, `{"x":2}`, 201, `{"ok":true,"id":"a/ü","rev":"2-`},
		{"tombstone by PUT", "PUT", "/db/gone", `{"_deleted":true,"why":"test"}`, 201, `"rev":"1-`},
		{"deleted twice", "DELETE", "/db/gone", "", 404, "deleted"},
		{"created again without a revision", "PUT", "/db/gone", `{"x":1}`, 201, `"rev":"2-`},
		{"a bulk continues after a failure", "POST", "/db/_bulk_docs", `{"docs":[{"_id":"gone","x":2},{"_id":"new"}]}`, 201, `[{"id":"gone","error":"conflict","reason":"Document update conflict."},{"ok":true,"id":"new"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := s.do(tc.method, tc.path, tc.body)
			assert.Equal(t, tc.status, status, body)
			assert.Contains(t, body, tc.answer)
		})
	}
	doc, ok := s.Doc("db", "a/ü")
	require.True(t, ok)
	assert.Regexp(t, `^\{"_id":"a/ü","_rev":"2-[0-9a-f]{32}","x":2\}$`, string(doc))
}

func TestSameEditSameRevision(t *testing.T) {
	a, b := start(t, couchfake.Options{}), start(t, couchfake.Options{Uncompressed: true})
	doc := fmt.Sprintf(`{"_id":"x", "text": %q, "n": 1.50}`, strings.Repeat("long text ", 100))
	a.put("db", doc)
	b.put("db", doc)
	one, _ := a.Doc("db", "x")
	two, _ := b.Doc("db", "x")
	assert.Equal(t, string(one), string(two))
	assert.Contains(t, string(one), `"n":1.50`, "numbers keep their text")
}

func TestPut(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"a","v":1}`)
	s.put("db", `{"_id":"a","v":2}`)
	doc, _ := s.Doc("db", "a")
	assert.Regexp(t, `"_rev":"2-[0-9a-f]{32}","v":2`, string(doc), "no revision: replaces")
	s.put("db", `{"_id":"a","_rev":"40-77","v":3}`)
	doc, _ = s.Doc("db", "a")
	assert.Contains(t, string(doc), `"_rev":"40-77","v":3`, "an invented revision is kept")
	s.put("db", `{"_id":"a","_rev":"40-77","v":4}`)
	doc, _ = s.Doc("db", "a")
	assert.Contains(t, string(doc), `"_rev":"41-`, "the revision of a leaf is an edit of that leaf")

	err := s.Put("db", []byte(`{"v":1}`), []byte(`nonsense`), []byte(`{"_id":"ok"}`), []byte("{\"_id\":\"bad\",\"e\":\"\xff\"}"))
	require.ErrorContains(t, err, "put document 0")
	require.ErrorContains(t, err, "put document 1")
	_, ok := s.Doc("db", "ok")
	assert.True(t, ok, "the good ones are still stored")
	bad, _ := s.Doc("db", "bad")
	assert.Contains(t, string(bad), "\xff", "in process, bytes that are not UTF-8 are kept")

	assert.True(t, s.Delete("db", "ok"))
	assert.False(t, s.Delete("db", "ok"))
	_, ok = s.Doc("db", "ok")
	assert.False(t, ok)
	assert.Equal(t, []string{"db"}, s.Databases())
	require.Error(t, s.Put("Bad Name", []byte(`{"_id":"x"}`)))
}

func TestGzipRequestBody(t *testing.T) {
	s := start(t, couchfake.Options{})
	require.NoError(t, s.Create("db"))
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, err := io.WriteString(zw, `{"docs":[{"_id":"a"}]}`)
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	for _, tc := range []struct {
		encoding string
		body     string
		status   int
	}{{"gzip", zipped.String(), 201}, {"gzip", "not gzip", 400}, {"br", "x", 415}} {
		req, err := http.NewRequest(http.MethodPost, s.URL()+"/db/_bulk_docs", strings.NewReader(tc.body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Encoding", tc.encoding)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, tc.status, resp.StatusCode)
	}
}

func TestWelcomeVendor(t *testing.T) {
	s := start(t, couchfake.Options{Vendor: map[string]any{"name": "WMStats mock", "seed": 7}})
	assert.JSONEq(t, `{"name":"WMStats mock","seed":7}`, s.get("/").Get("vendor").Raw)
	assert.Equal(t, `["_admin"]`, s.get("/_session").Get("userCtx.roles").Raw)
}
