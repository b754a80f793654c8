package pages_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

type newsOf struct {
	Generation, State, Text, Badge, New, Title string
	Added, Changed, Removed                    int
}

// ask polls like an open page with the given tag.
func (s *site) ask(t *testing.T, address, tag string) (status int, etag string, n newsOf) {
	t.Helper()
	return s.askAs(t, address, tag, "")
}

// askAs is ask for a reader with a last visit of Attention.
func (s *site) askAs(t *testing.T, address, tag, visit string) (status int, etag string, n newsOf) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("If-None-Match", tag)
	r.AddCookie(&http.Cookie{Name: "seen", Value: visit})
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &n))
	}
	return w.Code, w.Header().Get("ETag"), n
}

// A current page gets a 304; another gets the changes under its own conditions.
func TestPulse(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?status=acquired&sort=-Priority&limit=25")
	pill := doc.Find("#pill")
	address, tag := pill.AttrOr("data-pulse", ""), pill.AttrOr("data-etag", "")
	asked, err := url.Parse(address)
	require.NoError(t, err)
	assert.Equal(t, url.Values{"since": {s.cache.Generation}, "status": {"acquired"}, "sort": {"-Priority"}, "limit": {"25"}}, asked.Query(), "the rows of the list")
	status, etag, _ := s.ask(t, address, tag)
	assert.Equal(t, http.StatusNotModified, status)
	assert.Equal(t, tag, etag)

	s.cache.Tell(t, func(i *schema.CacheInfo) { i.Stale, i.StaleReason = true, "away" })
	status, etag, n := s.ask(t, address, tag)
	assert.Equal(t, http.StatusOK, status, "a changed state of the data is reported")
	assert.NotEqual(t, tag, etag)
	assert.Equal(t, "stale", n.State)
	assert.Empty(t, n.Text, "nothing on the page has changed")
	s.cache.Behave()

	older := url.Values{"since": {s.cache.Older}, "status": {"acquired"}}
	_, _, n = s.ask(t, "/pulse?"+older.Encode(), "")
	assert.Equal(t, "1 new, 2 gone: refresh", n.Text, "one was added, one removed, and one left the status")
	_, _, n = s.ask(t, "/pulse?since="+s.cache.Older, "")
	assert.Empty(t, n.Text, "a page without a list tells of no changes")
	assert.NotEmpty(t, n.Badge)

	older.Set("minAge", "2d")
	_, _, n = s.ask(t, "/pulse?"+older.Encode(), "")
	assert.True(t, strings.HasPrefix(n.Text, "up to "), "ages can't be followed: %s", n.Text)
	_, _, n = s.ask(t, "/pulse?status=new&since=forgotten", "")
	assert.Equal(t, "Newer data: refresh", n.Text)
	status, _, _ = s.ask(t, "/pulse?since=x&stauts=new", "")
	assert.Equal(t, http.StatusBadRequest, status)

	s.cache.Answer(testcache.Everything, testcache.Broken())
	_, _, n = s.ask(t, address, tag)
	assert.Contains(t, n.Text, "does not answer")
}

// Every page polls for changes; the page of one workflow, campaign or site polls
// only for that.
func TestPagesWatchWhatTheyShow(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	for path, want := range map[string]string{
		"/": "", "/agents": "", "/workflows?q=x&since=2026-01-01&idx=50": "q=x&minStatusTime=1767225600&idx=50&limit=50",
		"/workflows/" + records.Workflows[0].Workflow:     "name=" + records.Workflows[0].Workflow,
		"/campaigns/" + records.Campaigns[0].Campaign:     "campaign=" + records.Campaigns[0].Campaign + "&limit=50",
		"/sites/" + records.Sites[0].Site + "?status=new": "status=new&limit=50&site=" + records.Sites[0].Site,
		"/selection?status=new":                           "status=new",
	} {
		doc, _ := s.page(t, http.StatusOK, path)
		asked, err := url.Parse(doc.Find("#pill").AttrOr("data-pulse", ""))
		require.NoError(t, err)
		values, err := url.ParseQuery(want)
		require.NoError(t, err)
		values.Set("since", s.cache.Generation)
		assert.Equal(t, values, asked.Query(), path)
	}
}

// An answer without changes is below 300 bytes on the wire, including headers.
func TestPulseIsSmall(t *testing.T) {
	s := newSite(t)
	server := httptest.NewServer(s.echo)
	defer server.Close()
	doc, _ := s.page(t, http.StatusOK, "/")
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: %s\r\n\r\n",
		doc.Find("#pill").AttrOr("data-pulse", ""), doc.Find("#pill").AttrOr("data-etag", ""))
	require.NoError(t, err)
	var answer strings.Builder
	_, err = bufio.NewReader(conn).WriteTo(&answer)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(answer.String(), "HTTP/1.1 304 "), answer.String())
	assert.Less(t, answer.Len(), 300, answer.String())
}

// The pill of a list tells of the rows on screen, in the fields that they show: neither
// of the many workflows that change elsewhere, nor of what the page does not show.
func TestPulseTellsOfTheRowsOnScreen(t *testing.T) {
	s := newSite(t)
	list := func(change func([]schema.Workflow) []schema.Workflow) http.Handler {
		rows := change(slices.Clone(s.cache.Workflows[:5]))
		return testcache.JSON(wire.Envelope[schema.Workflow]{Generation: s.cache.Generation, Total: 1000, Limit: 5, Items: rows})
	}
	for name, c := range map[string]struct {
		change func([]schema.Workflow) []schema.Workflow
		want   string
	}{
		"nothing":   {func(w []schema.Workflow) []schema.Workflow { return w }, ""},
		"a figure":  {func(w []schema.Workflow) []schema.Workflow { w[1].Priority += 7; return w }, "1 changed: refresh"},
		"a new row": {func(w []schema.Workflow) []schema.Workflow { w[4].Workflow = "another"; return w }, "1 new, 1 gone: refresh"},
		"all gone":  {func([]schema.Workflow) []schema.Workflow { return []schema.Workflow{} }, "5 gone: refresh"},
	} {
		before, after := list(func(w []schema.Workflow) []schema.Workflow { return w }), list(c.change)
		s.cache.Answer("/fetch", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("gen") == s.cache.Older {
				before.ServeHTTP(w, r)
				return
			}
			assert.Empty(t, r.URL.Query().Get("gen"))
			assert.Equal(t, "-Priority", r.URL.Query().Get("sort"))
			after.ServeHTTP(w, r)
		}))
		_, _, n := s.ask(t, "/pulse?sort=-Priority&limit=5&cols=Workflow,Priority&since="+s.cache.Older, "")
		assert.Equal(t, c.want, n.Text, name)
	}
	s.cache.Behave()

	// Of a generation that is not kept, the changes of the rows are counted.
	address := "/pulse?q=entered&limit=5&cols=Workflow,Status&since=" + s.cache.Older
	s.cache.Answer("/fetch", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("gen") {
			testcache.Problem(wire.GenerationExpired(s.cache.Older, "", "")).ServeHTTP(w, r)
			return
		}
		list(func([]schema.Workflow) []schema.Workflow { return []schema.Workflow{{Workflow: testcache.Today}} }).ServeHTTP(w, r)
	}))
	_, _, n := s.ask(t, address, "")
	assert.Equal(t, "1 new: refresh", n.Text)
}
