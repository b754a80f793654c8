package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/load"
)

// serve starts the stand-in behind a wrapper.
func serve(t *testing.T, opts couchfake.Options, wrap func(http.Handler) http.Handler) (*couchfake.Server, string) {
	t.Helper()
	couch := couchfake.New(opts)
	var h http.Handler = couch
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(func() { _ = couch.Close(); srv.Close() })
	return couch, srv.URL
}

func docs(list ...gen.Doc) iter.Seq2[gen.Doc, error] {
	return func(yield func(gen.Doc, error) bool) {
		for _, d := range list {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func worldDocs(t *testing.T, opts gen.Options) []gen.Doc {
	t.Helper()
	opts.Storable = true
	w, err := gen.New(opts)
	require.NoError(t, err)
	var list []gen.Doc
	for d := range w.All() {
		list = append(list, d)
	}
	return list
}

func run(t *testing.T, opts load.Options) load.Summary {
	t.Helper()
	sum, err := load.Run(t.Context(), opts)
	require.NoError(t, err)
	return sum
}

func TestLoadAndReload(t *testing.T) {
	couch, url := serve(t, couchfake.Options{User: "admin", Password: "secret"}, nil)
	list := worldDocs(t, gen.Options{Seed: 1, Workflows: 1000, Lean: true})
	opts := load.Options{URL: url, User: "admin", Password: "secret", Docs: docs(list...)}
	sum := run(t, opts)
	assert.Zero(t, sum.Failed, "%v", sum.Failures)
	assert.Equal(t, len(list), sum.Created+sum.Updated+sum.Deleted)
	for _, d := range list {
		if bytes.Contains(d.JSON, []byte(`"_deleted":true`)) {
			continue
		}
		got, ok := couch.Doc(d.DB, d.ID)
		require.True(t, ok, d.ID)
		var want, have map[string]any
		require.NoError(t, json.Unmarshal(d.JSON, &want))
		require.NoError(t, json.Unmarshal(got, &have))
		if want["_rev"] == nil {
			delete(have, "_rev")
		}
		require.Equal(t, want, have, "an invented revision is kept")
	}
	for _, v := range design.Views() {
		_, ok := couch.Doc(v.DB, "_design/"+v.Design)
		assert.True(t, ok, v.Design)
	}

	again := run(t, opts)
	assert.Zero(t, again.Failed, "%v", again.Failures)
	assert.Zero(t, again.Created)
	assert.Equal(t, len(list), again.Updated+again.Deleted)
}

func TestTheLaterCopyCounts(t *testing.T) {
	couch, url := serve(t, couchfake.Options{}, nil)
	var list []gen.Doc
	for n := range 1200 { // more than a bulk, so that copies meet in one and in several
		list = append(list, gen.Doc{DB: "wmstats", ID: "a", JSON: []byte(`{"_id":"a","n":` + string(rune('0'+n%10)) + `}`)},
			gen.Doc{DB: "wmstats", ID: "b" + string(rune('a'+n%26)), JSON: []byte(`{"_id":"b` + string(rune('a'+n%26)) + `"}`)})
	}
	sum := run(t, load.Options{URL: url, Docs: docs(list...)})
	assert.Zero(t, sum.Failed, "%v", sum.Failures)
	assert.Equal(t, len(list), sum.Created+sum.Updated)
	got, ok := couch.Doc("wmstats", "a")
	require.True(t, ok)
	assert.Contains(t, string(got), `"n":9`)
}

func TestBadDocumentsCostOnlyThemselves(t *testing.T) {
	_, url := serve(t, couchfake.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte("poison")) {
				http.Error(w, `{"error":"bad_request","reason":"invalid UTF-8 JSON"}`, http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	})
	var list []gen.Doc
	for n := range 40 {
		id := fmt.Sprintf("d%02d", n)
		list = append(list, gen.Doc{DB: "wmstats", ID: id, JSON: []byte(`{"_id":"` + id + `"}`)})
	}
	list[7].JSON = []byte(`{"_id":"d07","text":"poison"}`)
	list[9] = gen.Doc{DB: "wmstats", ID: "none", JSON: []byte(`{"x":1}`)}
	sum := run(t, load.Options{URL: url, Docs: docs(list...)})
	assert.Equal(t, 38, sum.Created)
	assert.Equal(t, 2, sum.Failed)
	require.Len(t, sum.Failures, 2)
	all := sum.Failures[0].String() + sum.Failures[1].String()
	assert.Contains(t, all, "wmstats/d07")
	assert.Contains(t, all, "invalid UTF-8 JSON")
	assert.Contains(t, all, "no _id")
}

func TestAttachmentStubsAreLeftOut(t *testing.T) {
	couch, url := serve(t, couchfake.Options{}, nil)
	sum := run(t, load.Options{URL: url, Docs: docs(gen.Doc{DB: design.RequestDB, ID: "r", JSON: []byte(
		`{"_id":"r","_rev":"3-00000000000000000000000000000000","RequestName":"r","_attachments":{"spec":{"stub":true,"length":9}}}`)})})
	assert.Zero(t, sum.Failed, "%v", sum.Failures)
	assert.Equal(t, 1, sum.Stubs)
	assert.Contains(t, sum.String(), "without their attachments")
	_, ok := couch.Doc(design.RequestDB, "r")
	assert.True(t, ok)
}

func TestWaitsForABusyServer(t *testing.T) {
	var asked atomic.Int32
	_, url := serve(t, couchfake.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= 2 {
				http.Error(w, "starting", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	sum := run(t, load.Options{URL: url, Docs: docs(gen.Doc{DB: "wmstats", ID: "a", JSON: []byte(`{"_id":"a"}`)})})
	assert.Equal(t, 1, sum.Created)
}

func TestGivesUp(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + ln.Addr().String()
	require.NoError(t, ln.Close())
	_, guarded := serve(t, couchfake.Options{User: "admin", Password: "secret"}, nil)
	for name, url := range map[string]string{"connection refused": closed, "401": guarded} {
		_, err := load.Run(t.Context(), load.Options{URL: url, Docs: docs(), Wait: 50 * time.Millisecond})
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = load.Run(ctx, load.Options{URL: closed, Docs: docs(), Wait: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
	_, err = load.Run(t.Context(), load.Options{URL: "no url"})
	assert.ErrorContains(t, err, "want http://host:port")
	assert.ErrorContains(t, err, "no documents", "all errors at once")
}

func TestExistingViewsStay(t *testing.T) {
	couch, url := serve(t, couchfake.Options{}, nil)
	own := `{"_id":"_design/ReqMgr","language":"javascript","views":{"bystatus":{"map":"function(doc) { emit(doc.RequestStatus, 1); }"},"mine":{"map":"function(doc) {}"}}}`
	require.NoError(t, couch.Put(design.RequestDB, []byte(own)))
	run(t, load.Options{URL: url, Docs: docs()})
	raw, ok := couch.Doc(design.RequestDB, "_design/ReqMgr")
	require.True(t, ok)
	assert.Contains(t, string(raw), "emit(doc.RequestStatus, 1)")
	assert.Contains(t, string(raw), `"mine"`)
	assert.Contains(t, string(raw), `"bystatusandtime"`, "a missing view is added")

	erlang := strings.Replace(own, "javascript", "erlang", 1)
	couch, url = serve(t, couchfake.Options{}, nil)
	require.NoError(t, couch.Put(design.RequestDB, []byte(erlang)))
	_, err := load.Run(t.Context(), load.Options{URL: url, Docs: docs()})
	assert.ErrorContains(t, err, "erlang")
}

func TestReadRaw(t *testing.T) {
	in := strings.Join([]string{
		`{"db":"wmstats","doc":{"_id":"a","x":[1,2]}}`, ``, `{"db":"wmstats","doc":{"_id":""}}`, `not json`,
		`{"db":"","doc":{"_id":"b"}}`, `{"db":"wmstats","doc":[1]}`, `{"db":"wmstats","doc":{"_id":"c"},"more":1}`,
		`{"db":"wmstats","doc":{"_id":"d"}} {}`, `  {"db":"x","doc":{"_id":"e"}}`,
	}, "\n")
	var ids []string
	var lines []int
	for d, err := range load.ReadRaw(strings.NewReader(in)) {
		var bad *load.LineError
		if errors.As(err, &bad) {
			lines = append(lines, bad.Line)
			continue
		}
		require.NoError(t, err)
		ids = append(ids, d.DB+"/"+d.ID)
	}
	assert.Equal(t, []string{"wmstats/a", "x/e"}, ids)
	assert.Equal(t, []int{3, 4, 5, 6, 7, 8}, lines)
}

func TestReadRawReportsAFailingReader(t *testing.T) {
	var last error
	for _, err := range load.ReadRaw(io.MultiReader(strings.NewReader("{\"db\":\"a\",\"doc\":{\"_id\":\"b\"}}\n"), iotest.ErrReader(errors.New("disk")))) {
		last = err
	}
	assert.ErrorContains(t, last, "line 2: disk")
}

func FuzzReadRaw(f *testing.F) {
	f.Add([]byte(`{"db":"wmstats","doc":{"_id":"a"}}`))
	f.Add([]byte("\n\n{\"db\":1}\n\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for d, err := range load.ReadRaw(bytes.NewReader(in)) {
			if err == nil && (d.ID == "" || d.DB == "" || !json.Valid(d.JSON)) {
				t.Fatalf("a document without name: %+v", d)
			}
		}
	})
}

// TestRawRoundTrip: lines that the generator writes are read back unchanged.
func TestRawRoundTrip(t *testing.T) {
	w, err := gen.New(gen.Options{Seed: 2, Workflows: 1000, Lean: true})
	require.NoError(t, err)
	var out bytes.Buffer
	var want []gen.Doc
	for d := range w.All() {
		want = append(want, d)
		out.Write(append(d.Line(), '\n'))
	}
	n := 0
	for d, err := range load.ReadRaw(&out) {
		require.NoError(t, err)
		require.Equal(t, want[n].ID, d.ID)
		require.True(t, bytes.Equal(want[n].JSON, d.JSON), d.ID)
		n++
	}
	assert.Equal(t, len(want), n)
}
