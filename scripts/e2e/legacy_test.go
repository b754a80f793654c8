package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

const (
	legacyPath = "/wmstatsserver/data/"
	locks      = "globallocks"
	lfns       = "protectedlfns"
	lfnsFinal  = "protectedlfns_final"
	masked     = "filtered_requests?mask=RequestStatus&mask=RequestType&mask=SiteWhitelist&mask=OutputDatasets&mask=LumiList"
)

// neverShort are the calls of the old API that need all requests.
func neverShort() []string {
	return []string{"requestcache", "filtered_requests", masked, locks, lfns, lfnsFinal}
}

// legacy asks the old API of a cache server.
func legacy(t *testing.T, cache, call string) answer {
	t.Helper()
	return get(t, cache+legacyPath+call, "Accept", "application/json")
}

// rows returns the rows of a call that must succeed.
func rows[T any](t *testing.T, cache, call string) []T {
	t.Helper()
	a := legacy(t, cache, call)
	require.Equal(t, http.StatusOK, a.status, "%s: %s", call, a.body)
	var of struct{ Result []T }
	require.NoError(t, json.Unmarshal(a.body, &of), call)
	return of.Result
}

// legacyState is everything that the old API returns about current requests.
type legacyState struct {
	whole map[string]json.RawMessage // the row of requestcache
	masks map[string]json.RawMessage // rows of masked, by name
	lists map[string][]string
}

func readLegacy(t *testing.T, cache string) legacyState {
	t.Helper()
	s := legacyState{masks: map[string]json.RawMessage{}, lists: map[string][]string{}}
	whole := rows[map[string]json.RawMessage](t, cache, "requestcache")
	require.Len(t, whole, 1)
	s.whole = whole[0]
	for _, row := range rows[json.RawMessage](t, cache, masked) {
		var of struct{ RequestName string }
		require.NoError(t, json.Unmarshal(row, &of))
		s.masks[of.RequestName] = row
	}
	for _, call := range []string{locks, lfns, lfnsFinal, "teams"} {
		s.lists[call] = rows[string](t, cache, call)
	}
	return s
}

// refused checks that each call is 503 with the old server's error.
func refused(t *testing.T, cache, why string, calls ...string) {
	t.Helper()
	for _, call := range calls {
		a := legacy(t, cache, call)
		assert.Equal(t, http.StatusServiceUnavailable, a.status, call)
		assert.Equal(t, "208", a.header.Get("X-Rest-Status"), call)
		assert.Equal(t, "DataCache is Empty", a.header.Get("X-Error-Detail"), call)
		assert.Contains(t, a.header.Get("X-Error-Info"), why, call)
	}
}

// serves waits until each call is answered.
func serves(t *testing.T, cache string, calls ...string) {
	t.Helper()
	for _, call := range calls {
		waitStatus(t, cache+legacyPath+call, http.StatusOK)
	}
}

// TestLegacyWhileTheSourceHangs: CouchDB accepts connections and answers nothing.
func TestLegacyWhileTheSourceHangs(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 21, Workflows: 50, Lean: true, NoEdges: true})
	hang := s.couch.Misbehave(couchfake.Fault{Kind: couchfake.Freeze})
	cache := s.launchCache(t).url
	eventually(t, func() bool { return hang.Hits() > 0 }, "a request hangs")
	refused(t, cache, "full read", append(neverShort(), "teams")...)
	assert.Equal(t, http.StatusOK, legacy(t, cache, "info").status)
	s.couch.Behave()
	serves(t, cache, append(neverShort(), "teams")...)
}

// TestLegacyAfterALongSilence: the lists that others act on are refused once the
// feed has been dead for --legacy-max-age, although the records are served, and come
// back with the feed.
func TestLegacyAfterALongSilence(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 22, Workflows: 100, Lean: true, NoEdges: true})
	s.tune = func(o *cacheapp.Options) {
		o.Legacy.MaxAge = 10 * time.Second
		o.Patience.LookEvery = 20 * time.Millisecond
	}
	cache := s.startCache(t).url
	serves(t, cache, neverShort()...)
	before := readLegacy(t, cache)
	require.NotEmpty(t, before.lists[locks])

	require.NoError(t, s.endpoint.Refuse()) // open feeds end, and new ones get no byte
	s.couch.Misbehave(couchfake.Fault{Kind: couchfake.Freeze})
	require.NoError(t, s.endpoint.Accept())
	for _, call := range []string{locks, "teams"} { // one needs requests, one agents; neither needs a read
		waitStatus(t, cache+legacyPath+call, http.StatusServiceUnavailable)
	}
	refused(t, cache, "the limit is 10s", neverShort()...)
	assert.Equal(t, http.StatusOK, get(t, cache+"/fetch?limit=1").status)
	assert.Equal(t, http.StatusOK, legacy(t, cache, "info").status)

	s.couch.Behave()
	serves(t, cache, neverShort()...)
	assert.Equal(t, before, readLegacy(t, cache))
}

// poisonDocs returns the documents that make the old server fail, and the right
// answers about them alone.
func poisonDocs(t *testing.T) (docs []gen.Doc, want map[string][]string) {
	t.Helper()
	lines := func(file string, fn func(line []byte)) {
		f, err := os.Open(filepath.Join("../../cacheserver/legacy/testdata/poison", file))
		require.NoError(t, err)
		defer f.Close()
		zr, err := gzip.NewReader(f)
		require.NoError(t, err)
		scan := bufio.NewScanner(zr)
		scan.Buffer(nil, 16<<20)
		for scan.Scan() {
			fn(scan.Bytes())
		}
		require.NoError(t, scan.Err())
	}
	lines("raw.ndjson.gz", func(line []byte) {
		var d struct {
			DB  string
			Doc map[string]any
		}
		require.NoError(t, json.Unmarshal(line, &d))
		delete(d.Doc, "_rev")
		text, err := json.Marshal(d.Doc)
		require.NoError(t, err)
		id, _ := d.Doc["_id"].(string)
		docs = append(docs, gen.Doc{DB: d.DB, ID: id, JSON: text})
	})
	want = map[string][]string{}
	lines("vectors.jsonl.gz", func(line []byte) {
		var v struct {
			ID, Compare string
			Want        json.RawMessage
		}
		require.NoError(t, json.Unmarshal(line, &v))
		if v.Compare != "set" {
			return
		}
		var names []string
		require.NoError(t, json.Unmarshal(v.Want, &names))
		for i := range names { // a vector has each as JSON
			require.NoError(t, json.Unmarshal([]byte(names[i]), &names[i]))
		}
		want[v.ID] = names
	})
	return docs, want
}

// TestLegacyWithPoison: each of the documents made the old server fail for all
// requests. Here they arrive by the feed, change no row of another request, and add
// their own names to the lists.
func TestLegacyWithPoison(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 23, Workflows: 200, NoEdges: true})
	serves(t, s.cache, append(neverShort(), "teams")...)
	before := readLegacy(t, s.cache)
	victim := s.withJobs(t).Workflow

	docs, want := poisonDocs(t)
	for _, d := range docs {
		require.NoError(t, s.couch.Put(d.DB, d.JSON))
	}
	// A row of the feed whose document is not JSON: the request keeps its answers.
	broken := s.couch.Misbehave(couchfake.Fault{Kind: couchfake.BrokenDoc, IDs: []string{victim}})
	require.NoError(t, s.endpoint.Refuse()) // an open feed continues without the fault
	require.NoError(t, s.endpoint.Accept())
	s.edit(t, requestDB, victim, "RequestPriority", 999)
	eventually(t, func() bool { return broken.Rows() > 0 }, "the broken row arrives")
	eventually(t, func() bool {
		now := readLegacy(t, s.cache)
		return len(now.whole) == len(before.whole)+6 && slices.Contains(now.lists["teams"], "poison-team") &&
			strings.Contains(string(now.whole["px_cooloff"]), "AgentJobInfo")
	}, "the documents have arrived")
	after := readLegacy(t, s.cache)
	for name, row := range before.whole {
		require.JSONEq(t, string(row), string(after.whole[name]), name)
	}
	for name, row := range before.masks {
		require.JSONEq(t, string(row), string(after.masks[name]), name)
	}
	require.Len(t, after.masks, len(before.masks)+6)
	for call, names := range before.lists {
		all := append(slices.Clone(names), want[call]...)
		slices.Sort(all)
		assert.Equal(t, slices.Compact(all), after.lists[call], call)
	}

	for _, d := range docs {
		require.True(t, s.couch.Delete(d.DB, d.ID))
	}
	eventually(t, func() bool { return assert.ObjectsAreEqual(before, readLegacy(t, s.cache)) }, "all is as before")
}

// TestLegacyAfterACheckpointWithoutIt: a server that ran with --legacy=false leaves a
// checkpoint without request documents. The next one serves its lists at once, but
// nothing of the old API that needs all requests until it has read them.
func TestLegacyAfterACheckpointWithoutIt(t *testing.T) {
	b := buildPrograms(t)
	s := newCouch(t, gen.Options{Seed: 24, Workflows: 200, Lean: true, NoEdges: true})
	file := filepath.Join(t.TempDir(), "checkpoint")
	args := []string{"--couch-url", s.endpoint.URL(), "--checkpoint", file}
	first := startProgram(t, b.cache, append(args, "--legacy=false")...)
	assert.Equal(t, http.StatusNotFound, legacy(t, "http://"+first.addr, "info").status)
	first.says("full read finished")
	first.signal(syscall.SIGTERM)
	require.True(t, first.ended().Success(), first.log)

	// Requests appear and leave while no server runs.
	request, _ := s.editable()
	require.True(t, s.couch.Delete(requestDB, request[0].ID))
	require.NoError(t, s.couch.Put(requestDB, []byte(plainRequest("came-meanwhile", `"InputDataset":"/came/mean-while/RAW",`))))
	fresh := s.startCache(t).url
	serves(t, fresh, neverShort()...)
	want := readLegacy(t, fresh)
	require.Contains(t, want.lists[locks], "/came/mean-while/RAW")

	reads := s.couch.Misbehave(couchfake.Fault{Kind: couchfake.Freeze, Match: couchfake.Match{Path: "/" + requestDB + "/_design"}})
	second := startProgram(t, b.cache, args...) // it is ready: the checkpoint has the records
	at := "http://" + second.addr
	second.says("the checkpoint has no request documents")
	eventually(t, func() bool { return reads.Hits() > 0 }, "the full read begins")
	eventually(t, func() bool { return get(t, at+"/fetch?limit=1&name=came-meanwhile").status == http.StatusOK }, "the feed is followed")
	refused(t, at, "full read", append(neverShort(), "request/came-meanwhile", "isfinished/came-meanwhile")...)
	assert.Equal(t, http.StatusOK, legacy(t, at, "info").status)

	s.couch.Behave()
	serves(t, at, append(neverShort(), "teams")...)
	assert.Equal(t, want, readLegacy(t, at))

	// Its own checkpoint has the documents: no full read is needed.
	second.signal(syscall.SIGTERM)
	require.True(t, second.ended().Success(), second.log)
	s.couch.Misbehave(couchfake.Fault{Kind: couchfake.Freeze, Match: couchfake.Match{Path: "/" + requestDB + "/_design"}})
	third := startProgram(t, b.cache, args...)
	serves(t, "http://"+third.addr, append(neverShort(), "teams")...)
	assert.Equal(t, want, readLegacy(t, "http://"+third.addr))
}

// TestLegacyBreaksOff: CouchDB fails in the middle of requestcache. curl fails, with
// and without compression, at both servers: a part does not look like the whole.
func TestLegacyBreaksOff(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	s := newSystem(t, gen.Options{Seed: 25, Workflows: 2_000, NoEdges: true})
	serves(t, s.cache, "requestcache")
	out := filepath.Join(t.TempDir(), "out")
	ask := func(base string, more ...string) error {
		return exec.CommandContext(t.Context(), curl, append(more, "-s", "-o", out, "-D", out+".header", "-H", "Accept: application/json", base+legacyPath+"requestcache")...).Run()
	}
	for _, base := range []string{s.cache, s.ui} {
		for _, coding := range [][]string{nil, {"--compressed"}} {
			require.NoError(t, ask(base, coding...))
			whole, err := os.ReadFile(out)
			require.NoError(t, err)
			require.True(t, json.Valid(whole))

			broken := s.couch.Misbehave(couchfake.Fault{Kind: couchfake.FailStatus, Skip: 3, Match: couchfake.Match{Method: http.MethodPost, Path: "/" + wmstatsDB + "/_all_docs"}})
			err = ask(base, coding...)
			header, readErr := os.ReadFile(out + ".header")
			require.NoError(t, readErr)
			require.Positive(t, broken.Hits())
			if !strings.HasPrefix(string(header), "HTTP/1.1 503") { // else it broke before anything was sent
				require.Error(t, err, "%s %s", base, coding)
				part, err := os.ReadFile(out)
				require.NoError(t, err)
				require.Less(t, len(part), len(whole))
			} else {
				require.NotEmpty(t, coding, "an answer of this length is sent as it is built")
			}
			s.couch.Behave()
		}
	}
}

// TestLegacyRoundTrip: a server that reads requestcache from another one, as it may
// from the old server, has the same records. It refuses what requestcache is not enough for.
func TestLegacyRoundTrip(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 26, Workflows: 600})
	first := s.startCache(t).url
	serves(t, first, "requestcache")
	s.tune = func(o *cacheapp.Options) {
		o.CouchURL, o.RequestCache = "", first+legacyPath+"requestcache"
	}
	second := s.startCache(t).url
	want := map[string]schema.Workflow{}
	for _, w := range all(t, first) {
		want[w.Workflow] = w
	}
	got := all(t, second)
	refused(t, second, "requestcache of another", locks, lfns, lfnsFinal, "teams")
	serves(t, second, "requestcache", masked)
	require.Len(t, got, len(want))
	for _, w := range got {
		require.Equal(t, want[w.Workflow], w)
	}
}
