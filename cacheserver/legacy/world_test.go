package legacy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
)

const (
	longest   = time.Minute // after that, a condition counts as never satisfied
	tick      = 5 * time.Millisecond
	requestDB = "reqmgr_workload_cache"
	wmstatsDB = "wmstats"
	data      = "/wmstatsserver/data/"
)

// world is a CouchDB stand-in and a cache server that reads it.
type world struct {
	t    *testing.T
	fake *couchfake.Server
	url  string // of the cache server
}

// newStandIn starts a stand-in with the databases and views of production.
func newStandIn(t *testing.T) (fake *couchfake.Server, url string) {
	t.Helper()
	fake = couchfake.New(couchfake.Options{BuiltinViews: true})
	for _, db := range []string{requestDB, wmstatsDB, "wmstats_logdb"} {
		require.NoError(t, fake.Create(db))
	}
	server := httptest.NewServer(fake)
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		server.CloseClientConnections()
		server.Close()
	})
	return fake, server.URL
}

// start starts a cache server. It does not wait for the first read.
func start(t *testing.T, change func(*app.Options)) string {
	t.Helper()
	o := app.Defaults()
	o.Listen, o.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	o.Access.Rate = 0
	o.Patience = app.Patience{MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond, LookEvery: 20 * time.Millisecond}
	change(&o)
	a, err := app.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longest)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, a.Stop(ctx))
	})
	return "http://" + a.Addr()
}

// newWorld starts a cache server that has read all documents.
func newWorld(t *testing.T, docs ...document) *world {
	t.Helper()
	fake, couch := newStandIn(t)
	w := &world{t: t, fake: fake}
	load(t, couch, docs)
	w.url = start(t, func(o *app.Options) { o.CouchURL = couch })
	w.filled()
	return w
}

// filled waits until the old API answers.
func (w *world) filled() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return w.get("globallocks").status == http.StatusOK && w.get("teams").status == http.StatusOK
	}, longest, tick)
}

// document is one line of raw.ndjson.gz.
type document struct {
	DB  string          `json:"db"`
	Doc json.RawMessage `json:"doc"`
}

// load stores documents in a stand-in with their own revisions.
func load(t *testing.T, couch string, docs []document) {
	t.Helper()
	for _, d := range docs {
		db := d.DB
		if db == "reqdb" {
			db = requestDB
		}
		var has struct {
			Rev string `json:"_rev"`
		}
		require.NoError(t, json.Unmarshal(d.Doc, &has))
		body, err := json.Marshal(map[string]any{"docs": []json.RawMessage{d.Doc}, "new_edits": has.Rev == ""})
		require.NoError(t, err)
		res, err := http.Post(couch+"/"+db+"/_bulk_docs", "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusCreated, res.StatusCode, "%s", answer)
	}
}

// reply is an answer of the server.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func (w *world) get(call string, header ...string) reply {
	w.t.Helper()
	return ask(w.t, http.MethodGet, w.url+data+call, append([]string{"Accept", "application/json"}, header...)...)
}

func ask(t *testing.T, method, url string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[http.CanonicalHeaderKey(header[i])] = []string{header[i+1]}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	r := reply{status: res.StatusCode, header: res.Header}
	if r.body, r.err = io.ReadAll(res.Body); r.err == nil && res.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(bytes.NewReader(r.body))
		require.NoError(t, err)
		r.body, r.err = io.ReadAll(zr)
	}
	return r
}

// lines returns the JSON values of a gzip file that has one per line.
func lines[T any](t *testing.T, set, name string) (list []T) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", set, name))
	require.NoError(t, err)
	defer f.Close()
	zr, err := gzip.NewReader(f)
	require.NoError(t, err)
	dec := json.NewDecoder(zr)
	dec.UseNumber()
	for {
		var one T
		err := dec.Decode(&one)
		if err == io.EOF {
			return list
		}
		require.NoError(t, err)
		list = append(list, one)
	}
}
