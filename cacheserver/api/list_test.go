package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestFormatsHaveTheSameRecords(t *testing.T) {
	f := newFixture(t, 230)
	for _, path := range []string{
		"/fetch", "/fetch?limit=1", "/fetch?limit=50&idx=50", "/fetch?limit=77&idx=31", "/fetch?status=completed&limit=200",
		"/fetch?sort=-Priority&limit=60", "/fetch?limit=all", "/fetch?status=!completed&limit=all", "/fetch?fields=Status,Priority&limit=200",
		"/fetch?idx=500", "/sites", "/campaign", "/agent", "/release", "/status", "/sites/T1_US_FNAL", "/quarantine",
	} {
		t.Run(path, func(t *testing.T) {
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			ndjson := f.get(path, "Accept: application/x-ndjson")
			require.Equal(t, 200, ndjson.StatusCode, string(ndjson.body))
			assert.Equal(t, "application/x-ndjson", ndjson.Header.Get("Content-Type"))
			lines := bytes.SplitAfter(ndjson.body, []byte("\n"))
			lines = lines[:len(lines)-1]
			if !strings.HasPrefix(path, "/sites/") { // one group is an object
				plain := f.get(path)
				require.Equal(t, 200, plain.StatusCode, string(plain.body))
				assert.Equal(t, "application/json", plain.Header.Get("Content-Type"))
				want := "[" + strings.ReplaceAll(strings.TrimSuffix(string(ndjson.body), "\n"), "\n", ",\n") + "]\n"
				assert.Equal(t, want, string(plain.body))
			}
			csv := f.get(path, "Accept: text/csv")
			require.Equal(t, 200, csv.StatusCode)
			table := rows(t, csv.body)
			require.Len(t, table, len(lines)+1)
			assert.Equal(t, csv.body, f.get(path+join+"format=csv").body)
			for _, coding := range []string{"gzip", "zstd", "gzip, zstd"} {
				for accept, want := range map[string][]byte{"application/x-ndjson": ndjson.body, "text/csv": csv.body} {
					got := f.get(path, "Accept: "+accept, "Accept-Encoding: "+coding)
					require.Equal(t, 200, got.StatusCode)
					require.True(t, bytes.Equal(want, got.plain(t)), "%s %s", accept, coding)
					if len(want) > 64<<10 {
						assert.NotEmpty(t, got.Header.Get("Content-Encoding"))
						assert.Less(t, len(got.body), len(want))
					}
				}
			}
			js := f.get(path, "Accept: application/json")
			zipped := f.get(path, "Accept: application/json", "Accept-Encoding: gzip")
			assert.Equal(t, string(js.body), string(zipped.plain(t)))
		})
	}
}

func TestSmallBodiesAreNotCompressed(t *testing.T) {
	f := newFixture(t, 5)
	a := f.get("/fetch?limit=1", "Accept-Encoding: gzip, zstd")
	assert.Empty(t, a.Header.Get("Content-Encoding"))
	assert.Equal(t, strconv.Itoa(len(a.body)), a.Header.Get("Content-Length"))
}

func TestHeadersOfAList(t *testing.T) {
	f := newFixture(t, 230)
	generation, ok := f.store.Newest()
	require.True(t, ok)
	a := f.get("/fetch?limit=50&idx=50", "X-Request-Id: my-id_1")
	assert.Equal(t, generation.ID(), a.Header.Get("X-Generation"))
	at, err := time.Parse(time.RFC3339, a.Header.Get("X-Generation-Time"))
	require.NoError(t, err)
	assert.WithinDuration(t, generation.Time(), at, time.Millisecond)
	assert.Equal(t, "230", a.Header.Get("X-Total-Count"))
	assert.Equal(t, "private, no-cache", a.Header.Get("Cache-Control"))
	assert.Equal(t, "Accept, Accept-Encoding", a.Header.Get("Vary"))
	assert.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
	assert.Regexp(t, `^filter;dur=\d+\.\d+, encode;dur=\d+\.\d+$`, a.Header.Get("Server-Timing"))
	assert.Equal(t, "my-id_1", a.Header.Get("X-Request-Id"))
	assert.Equal(t, strconv.Itoa(len(a.body)), a.Header.Get("Content-Length"))
	assert.Empty(t, a.Header.Get("X-Stale"))
	links := a.links()
	assert.Equal(t, []string{"first", "last", "next", "prev"}, sortedKeys(links))
	for rel, link := range links {
		u, err := url.Parse(link)
		require.NoError(t, err)
		assert.Equal(t, "/fetch", u.Path)
		assert.Equal(t, generation.ID(), u.Query().Get("gen"), rel)
	}
	assert.Equal(t, "private, max-age=600, immutable", f.get(links["next"]).Header.Get("Cache-Control"))
	assert.NotEqual(t, "bad id\"", f.get("/fetch", `X-Request-Id: bad id"`).Header.Get("X-Request-Id"))
	dl := f.get("/fetch?dl=1&format=csv")
	assert.Equal(t, `attachment; filename="workflows.csv"`, dl.Header.Get("Content-Disposition"))
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// A client that follows next gets each workflow of one generation once, in
// order, while newer generations are published.
func TestFollowingLinksGivesTheWholeGeneration(t *testing.T) {
	for _, query := range []string{"limit=30", "limit=50", "limit=7&status=completed", "limit=40&sort=-Priority", "limit=33&site=T2_CH_CERN_1", "limit=500"} {
		f := newFixture(t, 230)
		whole, err := url.ParseQuery(query)
		require.NoError(t, err)
		whole.Set("limit", "all")
		want := names(f.list("/fetch?" + whole.Encode()))
		var got []string
		next := "/fetch?" + query
		for page := 0; next != ""; page++ {
			a := f.get(next)
			require.Equal(t, 200, a.StatusCode, string(a.body))
			assert.Equal(t, strconv.Itoa(len(want)), a.Header.Get("X-Total-Count"))
			got = append(got, names(decode[[]schema.Workflow](t, a.body))...)
			next = a.links()["next"]
			f.store.Apply(changes(page*3, page*3+3, page+2))
		}
		assert.Equal(t, want, got, query)
	}
}

func TestPrevAndLastLinks(t *testing.T) {
	f := newFixture(t, 103)
	all := names(f.list("/fetch?limit=all"))
	a := f.get("/fetch?limit=40&idx=50")
	assert.Equal(t, all[10:50], names(f.list(a.links()["prev"])))
	assert.Equal(t, all[90:], names(f.list(a.links()["last"])))
	assert.Equal(t, all[:40], names(f.list(a.links()["first"])))
	a = f.get("/fetch?limit=40&idx=30")
	assert.Equal(t, all[:30], names(f.list(a.links()["prev"])), "no record of this page is repeated")
	a = f.get("/fetch?limit=40&idx=1000")
	assert.Equal(t, "[]\n", string(a.body))
	assert.Empty(t, a.links()["next"])
	assert.Equal(t, all[80:], names(f.list(a.links()["last"])))
	assert.Empty(t, f.get("/fetch?limit=all").links())
}

func TestExpiredGeneration(t *testing.T) {
	f := newFixture(t, 120)
	all := names(f.list("/fetch?limit=all"))
	first := f.get("/fetch?limit=50")
	next := first.links()["next"]
	read := names(decode[[]schema.Workflow](t, first.body))
	f.expire(first.Header.Get("X-Generation"))

	a := f.get(next)
	require.Equal(t, http.StatusGone, a.StatusCode)
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	p := a.problem(t)
	assert.Equal(t, wire.SlugGenerationExpired, p.Slug())
	assert.Equal(t, "/fetch?limit=50", p.Restart)
	rest := p.Continue
	require.NotEmpty(t, rest)
	for rest != "" {
		a := f.get(rest)
		require.Equal(t, 200, a.StatusCode, string(a.body))
		read = append(read, names(decode[[]schema.Workflow](t, a.body))...)
		rest = a.links()["next"]
	}
	assert.Equal(t, all, read, "each workflow is returned exactly once")

	p = f.get("/fetch?gen=zz-9&idx=100&sort=-Priority&last=x").problem(t)
	assert.Equal(t, "/fetch?sort=-Priority", p.Restart)
	assert.Empty(t, p.Continue, "the order is not by name")
	p = f.get("/fetch?gen=zz-9&idx=100").problem(t)
	assert.Empty(t, p.Continue, "the last workflow is not known")
	p = f.get("/v1/sites/T1_US_FNAL?gen=zz-9&idx=5&last=b&status=new").problem(t)
	assert.Equal(t, "/v1/sites/T1_US_FNAL?after=b&status=new", p.Continue)
	for _, path := range []string{"/sites?gen=zz-9", "/status?gen=zz-9", "/stats?by=status&gen=zz-9", "/facet/status?gen=zz-9", "/fetch/" + all[0] + "?gen=zz-9"} {
		assert.Equal(t, http.StatusGone, f.get(path).StatusCode, path)
	}
}

// expire makes the store drop a generation.
func (f *fixture) expire(gen string) {
	f.t.Helper()
	for i := range 200 {
		f.clock.advance(2 * time.Hour)
		f.store.Apply(changes(i%50, i%50+1, 1000+i))
		if _, ok := f.store.Generation(gen); !ok {
			return
		}
	}
	f.t.Fatal("the generation never expires")
}

func TestRevalidation(t *testing.T) {
	f := newFixture(t, 120)
	tags := map[string]bool{}
	for _, c := range []struct{ path, accept, coding string }{
		{"/fetch?limit=50", "application/json", ""}, {"/fetch?limit=50", "application/json", "gzip"},
		{"/fetch?limit=50", "application/json", "zstd"}, {"/fetch?limit=50", "application/x-ndjson", ""},
		{"/fetch?limit=50", "application/x-ndjson", "gzip"}, {"/fetch?limit=50", "text/csv", ""},
		{"/fetch?limit=50", "text/csv", "gzip"}, {"/fetch?limit=50&fields=Status", "application/json", ""},
		{"/fetch?limit=50&idx=50", "application/json", ""}, {"/fetch?limit=50&envelope=1", "application/json", ""},
		{"/sites", "application/json", ""}, {"/sites/T1_US_FNAL", "application/json", ""}, {"/status", "application/json", ""},
		{"/fetch?limit=all", "application/json", ""}, {"/stats?by=status", "application/json", ""}, {"/facet/site", "application/json", ""},
	} {
		headers := []string{"Accept: " + c.accept, "Accept-Encoding: " + c.coding}
		first := f.get(c.path, headers...)
		tag := first.Header.Get("ETag")
		require.NotEmpty(t, tag, c)
		assert.False(t, tags[tag], "%v: the tag also identifies another representation", c)
		tags[tag] = true
		again := f.get(c.path, append(headers, "If-None-Match: "+tag)...)
		assert.Equal(t, http.StatusNotModified, again.StatusCode, c)
		assert.Empty(t, again.body)
		for _, name := range []string{"ETag", "Vary", "Cache-Control", "X-Generation", "X-Total-Count", "Link"} {
			assert.Equal(t, first.Header.Get(name), again.Header.Get(name), "%v %s", c, name)
		}
		other := f.get(c.path, append(headers, `If-None-Match: "other"`)...)
		assert.Equal(t, 200, other.StatusCode)
	}
}

func TestTagNamesContentNotGeneration(t *testing.T) {
	f := newFixture(t, 120)
	all := f.list("/fetch?limit=all")
	first := f.get("/fetch?limit=50")
	tag := "If-None-Match: " + first.Header.Get("ETag")
	index := func(at int) int { // number of the workflow at a position of the list
		for i := range 120 {
			if workflowName(i) == all[at].Workflow {
				return i
			}
		}
		t.Fatal("no such workflow")
		return 0
	}
	elsewhere, here := index(70), index(10)
	f.store.Apply(changes(elsewhere, elsewhere+1, 9))
	a := f.get("/fetch?limit=50", tag)
	assert.Equal(t, http.StatusNotModified, a.StatusCode, "another page changed, not this one")
	assert.NotEqual(t, first.Header.Get("X-Generation"), a.Header.Get("X-Generation"))
	f.store.Apply(changes(here, here+1, 9))
	assert.Equal(t, 200, f.get("/fetch?limit=50", tag).StatusCode)
	// The envelope names the generation, so its body changes with each one.
	env := f.get("/fetch?limit=50&envelope=1")
	f.store.Apply(changes(elsewhere, elsewhere+1, 10))
	assert.Equal(t, 200, f.get("/fetch?limit=50&envelope=1", "If-None-Match: "+env.Header.Get("ETag")).StatusCode)
}

func TestNotAcceptable(t *testing.T) {
	f := newFixture(t, 3)
	for _, path := range []string{"/fetch", "/sites", "/status", "/sites/T1_US_FNAL", "/quarantine"} {
		a := f.get(path, "Accept: text/html")
		p := a.problem(t)
		assert.Equal(t, http.StatusNotAcceptable, a.StatusCode, path)
		assert.Equal(t, []string{"application/json", "application/x-ndjson", "text/csv"}, p.DidYouMean)
	}
	assert.Equal(t, 406, f.get("/fetch?format=xml").StatusCode)
	assert.Equal(t, 406, f.get("/fetch?envelope=1", "Accept: text/csv").StatusCode)
	assert.Equal(t, 406, f.get("/stats?by=status", "Accept: image/png").StatusCode)
	assert.Equal(t, 200, f.get("/fetch", "Accept: text/html,*/*;q=0.8").StatusCode)
}

func TestHeadAndOptions(t *testing.T) {
	f := newFixture(t, 120)
	for _, path := range []string{"/fetch?limit=50", "/fetch?limit=1", "/fetch?limit=all", "/fetch?fields=Status", "/sites", "/sites/T1_US_FNAL", "/pulse", "/version", "/livez", "/readyz", "/problems/not-found", "/stats?by=site", "/fetch?campagn=x"} {
		for _, coding := range []string{"", "gzip"} {
			get, head := f.get(path, "Accept-Encoding: "+coding), f.do(http.MethodHead, path, "Accept-Encoding: "+coding)
			assert.Equal(t, get.StatusCode, head.StatusCode, path)
			assert.Empty(t, head.body, path)
			for name := range get.Header {
				if name != "Date" && name != "Server-Timing" && name != "X-Request-Id" {
					assert.Equal(t, get.Header.Get(name), head.Header.Get(name), "%s %s", path, name)
				}
			}
		}
	}
	a := f.do(http.MethodOptions, "/fetch")
	assert.Equal(t, http.StatusNoContent, a.StatusCode)
	assert.Contains(t, a.Header.Get("Allow"), "GET")
	a = f.do(http.MethodPost, "/fetch")
	assert.Equal(t, wire.SlugMethodNotAllowed, ptr(a.problem(t)).Slug())
	assert.Contains(t, a.Header.Get("Allow"), "HEAD")
}

func ptr[T any](v T) *T { return &v }

func TestProjection(t *testing.T) {
	f := newFixture(t, 20)
	a := f.get("/fetch?fields=sites,Failure,status&limit=2")
	type small struct {
		Workflow, Status string
		Failure          int64
		Sites            []string
	}
	got := decode[[]small](t, a.body)
	for i, w := range f.list("/fetch?limit=2") {
		assert.Equal(t, small{w.Workflow, w.Status, w.Failure, w.Sites}, got[i])
	}
	assert.Regexp(t, `^\[\{"Workflow":"[^"]+","Status":`, string(a.body))
}

func TestVersionAlias(t *testing.T) {
	f := newFixture(t, 30)
	for _, path := range []string{"/fetch?limit=7", "/sites", "/status", "/livez", "/problems/bad-value"} {
		assert.Equal(t, f.get(path).body, f.get("/v1"+path).body, path)
	}
	assert.True(t, strings.HasPrefix(f.get("/v1/fetch?limit=7").links()["next"], "/v1/fetch?"))
}

func TestManyNames(t *testing.T) {
	f := newFixture(t, 1000)
	var asked []string
	for i := range 1000 {
		asked = append(asked, fmt.Sprintf("name=%s", workflowName(i)))
	}
	got := f.list("/fetch?limit=1000&fields=Workflow&" + strings.Join(asked, "&"))
	assert.Len(t, got, 1000)
}
