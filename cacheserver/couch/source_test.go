package couch_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/sourcetest"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// TestSource runs the conformance suite for sources against the stand-in.
func TestSource(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Backend {
		srv := couchfake.New(couchfake.Options{User: "admin", Password: "secret"})
		end, err := couchfake.Listen("127.0.0.1:0", srv)
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, srv.Close())
			require.NoError(t, end.Refuse())
		})
		b, w := backend(t, "http://admin:secret@"+end.Addr())
		b.Odd = func(t *testing.T, way string, rows sourcetest.Odd) follower.Source {
			srv.Behave()
			for _, name := range w.dbs {
				for path, method := range map[string]string{"/_design": "", "/_find": "", "/_changes": "", "/_all_docs": "GET"} {
					if rows.Asked {
						path, method = "/_all_docs", "POST"
					}
					srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: method, Path: "/" + name + path}, Kind: couchfake.Kind(rows.Kind), IDs: rows.IDs})
				}
			}
			return b.Ways[way](t)
		}
		return b
	})
}

// TestSourceBehindAProxy checks odd rows that a proxy makes, as
// TestIntegrationSource does.
func TestSourceBehindAProxy(t *testing.T) {
	srv := couchfake.New(couchfake.Options{})
	end, err := couchfake.Listen("127.0.0.1:0", srv)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.NoError(t, end.Refuse())
	})
	sourcetest.RunFacts(t, func(t *testing.T) sourcetest.Backend {
		b, _ := backend(t, end.URL())
		return b
	}, sourcetest.OddRows, sourcetest.SingleDocs)
}

// TestIntegrationSource runs the suite against a real CouchDB: COUCH_URL, with
// user and password in it. Its databases have random names and are dropped.
func TestIntegrationSource(t *testing.T) {
	at := os.Getenv("COUCH_URL")
	if at == "" {
		t.Skip("COUCH_URL is not set: no real CouchDB to test with")
	}
	sourcetest.Run(t, func(t *testing.T) sourcetest.Backend { b, _ := backend(t, at); return b })
}

// TestIntegrationPouchDB runs the suite against pouchdb-server 4.2.0, another
// implementation of the protocol: POUCHDB_URL, where "pouchdb-server
// --in-memory" listens. Cases that it fails are listed with the reason.
func TestIntegrationPouchDB(t *testing.T) {
	at := os.Getenv("POUCHDB_URL")
	if at == "" {
		t.Skip("POUCHDB_URL is not set: no pouchdb-server to test with")
	}
	sourcetest.Run(t, func(t *testing.T) sourcetest.Backend {
		// A selector in a feed terminates its process.
		b, _ := backend(t, without(t, at, "_changes"))
		b.Ways, b.Odd = nil, nil
		b.Lacks = map[sourcetest.Fact]string{
			sourcetest.Jobs:        "it can't select changes",
			sourcetest.UnknownSeq:  "it takes any text for its newest position",
			sourcetest.ForeignSeq:  "its positions are numbers, the same in each database",
			sourcetest.NewDatabase: "the feed of a deleted database does not end",
			sourcetest.Tombstones:  "it reports a deleted document as missing",
			sourcetest.FailuresOf:  "a range of its grouped view is empty",
			sourcetest.OddRows:     "its answers are on one line, which the proxy does not parse",
		}
		return b
	})
}

// closed returns the parts of a database that each way of the full read has to
// do without.
func closed() map[string][]string {
	return map[string][]string{"view": nil, "by": {"_design"}, "scan": {"_design", "_find", "_changes"}}
}

// backend creates databases with the views of WMStats, and a source for them.
func backend(t *testing.T, at string) (sourcetest.Backend, *server) {
	t.Helper()
	w := newServer(t, at)
	ways := map[string]func(t *testing.T) follower.Source{}
	for way, parts := range closed() {
		ways[way] = func(t *testing.T) follower.Source { return w.client(t, without(t, at, parts...)) }
	}
	return sourcetest.Backend{
		Source: w.client(t, at), Writer: w, Ways: ways,
		Again: func(t *testing.T) follower.Source { return w.client(t, at) },
		Odd: func(t *testing.T, way string, rows sourcetest.Odd) follower.Source {
			return w.client(t, without(t, withOddRows(t, at, rows), closed()[way]...))
		},
	}, w
}

// server writes into a CouchDB over HTTP.
type server struct {
	base     *url.URL
	user     *url.Userinfo
	prefix   string
	dbs      map[couch.Database]string // names on the server
	original map[couch.Database]string
}

func newServer(t *testing.T, at string) *server {
	t.Helper()
	base, err := url.Parse(at)
	require.NoError(t, err)
	s := &server{base: base, user: base.User, prefix: "wmstats-test-" + strings.ToLower(rand.Text()[:12]) + "-"}
	base.User = nil
	s.original = map[couch.Database]string{couch.Requests: design.RequestDB, couch.WMStats: design.WMStatsDB, couch.LogDB: design.LogDB}
	s.dbs = map[couch.Database]string{}
	for db, name := range s.original {
		s.dbs[db] = s.prefix + name
		s.create(t, db)
		require.False(t, t.Failed(), "the databases can be created")
		t.Cleanup(func() { s.drop(t, db) })
	}
	return s
}

func (s *server) client(t *testing.T, at string) *couch.Client {
	t.Helper()
	c, err := couch.New(couch.Options{URL: at,
		RequestDB: s.dbs[couch.Requests], WMStatsDB: s.dbs[couch.WMStats], LogDB: s.dbs[couch.LogDB],
		CallTimeout: time.Minute, Heartbeat: 500 * time.Millisecond}) // three missing ones end a feed
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func (s *server) create(t *testing.T, db couch.Database) {
	t.Helper()
	s.call(t, http.MethodPut, s.dbs[db], nil, nil)
	docs, err := design.Documents()
	require.NoError(t, err)
	for _, d := range docs {
		if d.DB == s.original[db] {
			s.call(t, http.MethodPut, s.dbs[db]+"/"+d.ID, d.JSON, nil)
		}
	}
}

func (s *server) drop(t *testing.T, db couch.Database) {
	t.Helper()
	s.call(t, http.MethodDelete, s.dbs[db], nil, nil)
}

func (s *server) Recreate(t *testing.T, db couch.Database) {
	t.Helper()
	s.drop(t, db)
	s.create(t, db)
}

// call may run in any goroutine: it never ends the test.
func (s *server) call(t *testing.T, method, path string, body []byte, answer any) {
	t.Helper()
	u := *s.base
	u.User = s.user
	// The test's own context has ended when it cleans up.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, u.String()+"/"+path, bytes.NewReader(body))
	if !assert.NoError(t, err) {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // leave no connection open
	resp, err := http.DefaultClient.Do(req)
	if !assert.NoError(t, err) {
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	if assert.Less(t, resp.StatusCode, 300, "%s %s: %.500s", method, path, text) && answer != nil {
		assert.NoError(t, json.Unmarshal(text, answer))
	}
}

// bulk writes documents in batches that every server accepts.
func (s *server) bulk(t *testing.T, db couch.Database, newEdits bool, docs []string) {
	t.Helper()
	for len(docs) > 0 {
		n, size := 0, 0
		for n < len(docs) && n < 1000 && (n == 0 || size+len(docs[n]) < 4<<20) {
			size += len(docs[n])
			n++
		}
		var results []struct{ ID, Error, Reason string }
		body := fmt.Sprintf(`{"new_edits":%t,"docs":[%s]}`, newEdits, strings.Join(docs[:n], ","))
		s.call(t, http.MethodPost, s.dbs[db]+"/_bulk_docs", []byte(body), &results)
		for _, r := range results {
			assert.Empty(t, r.Error, "%s: %s", r.ID, r.Reason)
		}
		docs = docs[n:]
	}
}

// revisions returns the revisions of the existing documents.
func (s *server) revisions(t *testing.T, db couch.Database, ids []string) map[string]string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"keys": ids})
	assert.NoError(t, err)
	var answer struct {
		Rows []struct {
			ID    string
			Value struct {
				Rev     string
				Deleted bool
			}
		}
	}
	s.call(t, http.MethodPost, s.dbs[db]+"/_all_docs", body, &answer)
	revs := map[string]string{}
	for _, r := range answer.Rows {
		if r.ID != "" && !r.Value.Deleted {
			revs[r.ID] = r.Value.Rev
		}
	}
	return revs
}

func (s *server) Put(t *testing.T, db couch.Database, docs ...string) {
	t.Helper()
	ids := make([]string, len(docs))
	for i, doc := range docs {
		var head struct {
			ID string `json:"_id"`
		}
		assert.NoError(t, json.Unmarshal([]byte(doc), &head))
		ids[i] = head.ID
	}
	revs := s.revisions(t, db, ids)
	with := make([]string, len(docs))
	for i, doc := range docs {
		if with[i] = doc; revs[ids[i]] != "" {
			with[i] = `{"_rev":"` + revs[ids[i]] + `",` + doc[1:]
		}
	}
	s.bulk(t, db, true, with)
}

func (s *server) PutInvented(t *testing.T, db couch.Database, docs ...string) {
	t.Helper()
	s.bulk(t, db, false, docs)
}

func (s *server) Delete(t *testing.T, db couch.Database, ids ...string) {
	t.Helper()
	revs := s.revisions(t, db, ids)
	docs := make([]string, len(ids))
	for i, id := range ids {
		assert.NotEmpty(t, revs[id], "%s exists", id)
		docs[i] = fmt.Sprintf(`{"_id":%q,"_rev":%q,"_deleted":true}`, id, revs[id])
	}
	s.bulk(t, db, true, docs)
}

// without returns the URL of a proxy that forwards all requests except those for
// paths below a database that begin with one of the parts: they get 404.
func without(t *testing.T, at string, parts ...string) string {
	t.Helper()
	return proxy(t, at, func(w http.ResponseWriter, r *http.Request) bool {
		_, below, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		for _, part := range parts {
			if strings.HasPrefix(below, part) && (part != "_changes" || r.Method == http.MethodPost) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusNotFound)
				_, _ = fmt.Fprint(w, `{"error":"not_found","reason":"missing"}`)
				return true
			}
		}
		return false
	}, nil)
}

// withOddRows forwards a server's answers with odd rows.
func withOddRows(t *testing.T, at string, odd sourcetest.Odd) string {
	t.Helper()
	fault := couchfake.Fault{Kind: couchfake.Kind(odd.Kind), IDs: odd.IDs}
	return proxy(t, at, nil, func(resp *http.Response) error {
		_, resource, _ := strings.Cut(strings.TrimPrefix(resp.Request.URL.Path, "/"), "/")
		asked := resource == "_all_docs" && resp.Request.Method == http.MethodPost
		if asked != odd.Asked {
			return nil
		}
		resp.Body = &oddBody{ReadCloser: resp.Body, lines: bufio.NewReader(resp.Body), fault: fault}
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
		return nil
	})
}

// oddBody is an answer whose rows are rewritten line by line.
type oddBody struct {
	io.ReadCloser
	lines *bufio.Reader
	fault couchfake.Fault
	text  []byte // not yet read
	err   error
}

func (b *oddBody) Read(p []byte) (int, error) {
	for len(b.text) == 0 && b.err == nil {
		var line []byte
		line, b.err = b.lines.ReadBytes('\n')
		b.text = oddLine(line, b.fault)
	}
	if len(b.text) == 0 {
		return 0, b.err
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

// oddLine rewrites one line of an answer, if it is a row.
func oddLine(line []byte, fault couchfake.Fault) []byte {
	row := bytes.TrimSuffix(bytes.TrimRight(line, "\r\n"), []byte{','})
	var head struct {
		ID  string `json:"id"`
		Doc string `json:"_id"`
	}
	if json.Unmarshal(row, &head) != nil || head.ID+head.Doc == "" {
		return line
	}
	rows := fault.Rewrite(head.ID+head.Doc, row)
	switch {
	case rows == nil:
		return line
	case len(rows) == 0:
		return nil
	}
	between := []byte(",\n")
	if bytes.HasPrefix(row, []byte(`{"seq"`)) && !bytes.Contains(line, []byte("\r")) {
		between = []byte("\n") // a continuous feed
	}
	return append(bytes.Join(rows, between), line[len(row):]...)
}

// proxy returns the URL of a proxy: requests that answer handles are not
// forwarded, and answers pass through change.
func proxy(t *testing.T, at string, answer func(http.ResponseWriter, *http.Request) bool, change func(*http.Response) error) string {
	t.Helper()
	target, err := url.Parse(at)
	require.NoError(t, err)
	user := target.User
	target.User = nil
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression, transport.DisableKeepAlives = true, true
	through := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1,
		ModifyResponse: change,
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer == nil || !answer(w, r) {
			through.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		transport.CloseIdleConnections()
	})
	u, err := url.Parse(front.URL)
	require.NoError(t, err)
	u.User = user
	return u.String()
}
