package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

const (
	crawlMost  = 350 // maximum number of addresses
	crawlAlike = 3   // maximum number of one shape: the same page with the same parameters
)

// crawl follows the links of a server. Filters can be combined without end, so
// only some addresses of each shape are followed.
type crawl struct {
	base    string
	seen    map[string]bool
	shapes  map[string]int
	waiting []link
	pages   int
}

type link struct{ from, to string }

// plainName is a name without special characters.
var plainName = regexp.MustCompile(`^[\w.-]+$`)

func newCrawl(base string) *crawl {
	return &crawl{base: base, seen: map[string]bool{}, shapes: map[string]int{}}
}

// add adds an address on this server, unless it is known or its shape has enough.
// Addresses of the test itself, with an empty from, are not limited by shape.
func (c *crawl) add(from, ref string) {
	page, err := url.Parse(c.base + from)
	if err != nil {
		return // it was added before, so it is an address
	}
	u, err := page.Parse(ref)
	if err != nil || c.base != u.Scheme+"://"+u.Host {
		return
	}
	u.Fragment = ""
	to := strings.TrimPrefix(u.String(), c.base)
	if c.seen[to] || len(c.seen) >= crawlMost {
		return
	}
	shape := shapeOf(u)
	if from != "" && c.shapes[shape] >= crawlAlike {
		return
	}
	c.shapes[shape]++
	c.seen[to] = true
	c.waiting = append(c.waiting, link{from, to})
}

// shapeOf returns the kind of page with the names of its parameters.
func shapeOf(u *url.URL) string {
	parts := strings.SplitN(u.EscapedPath(), "/", 4)
	shape := strings.Join(parts[:min(len(parts), 2)], "/")
	if len(parts) > 2 {
		shape += "/…"
	}
	var params []string
	for name := range u.Query() {
		params = append(params, name)
	}
	slices.Sort(params)
	return shape + "?" + strings.Join(params, "&")
}

// run visits the queued addresses in rounds, several at a time.
func (c *crawl) run(t *testing.T) {
	t.Helper()
	for len(c.waiting) > 0 {
		round := c.waiting
		c.waiting = nil
		answers := make([]answer, len(round))
		places := make(chan struct{}, 4)
		var wg sync.WaitGroup
		for i, l := range round {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				a, err := try(t.Context(), c.base+l.to)
				assert.NoError(t, err, "%s, linked from %s", l.to, l.from)
				answers[i] = a
			})
		}
		wg.Wait()
		for i, l := range round {
			c.judge(t, l, answers[i])
		}
	}
}

func (c *crawl) judge(t *testing.T, l link, a answer) {
	t.Helper()
	if !assert.Equal(t, http.StatusOK, a.status, "%s, linked from %s: %.200s", l.to, l.from, a.body) ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return
	}
	c.pages++
	faults, doc := pageFaults(a)
	assert.Empty(t, faults, l.to)
	if doc == nil {
		return
	}
	for _, name := range []string{"href", "src", "action"} {
		doc.Find("[" + name + "]").Each(func(_ int, s *goquery.Selection) {
			c.add(l.to, s.AttrOr(name, ""))
		})
	}
}

// TestPagesCrawled: in a world with all edge cases of the generator, every internal
// link leads to an existing, well-formed page.
func TestPagesCrawled(t *testing.T) {
	options := gen.Options{Seed: 13, Workflows: 700, Lean: true}
	// Not newSystem: on a busy machine, reading a big world takes longer than the short
	// timeouts that other tests set.
	s := newCouch(t, options)
	addr, stop := s.cacheAt(t, "127.0.0.1:0")
	defer stop()
	s.cache = "http://" + addr
	s.ui = startUI(t, s.cache)
	c := newCrawl(s.ui)
	c.add("", "/")
	world, err := gen.New(options)
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, w := range all(t, s.cache) {
		shown[w.Workflow] = true
	}
	edges := 0
	for _, edge := range gen.EdgeCases() {
		for _, doc := range world.EdgeDocs(edge.Name) {
			if doc.DB == requestDB && shown[doc.ID] {
				edges++
				c.add("", "/workflows/"+url.PathEscape(doc.ID))
			}
		}
	}
	require.Greater(t, edges, len(gen.EdgeCases())/2, "too few edge cases are shown")
	var columns []string
	for _, f := range schema.Describe[schema.Workflow]() {
		columns = append(columns, f.Key)
	}
	for idx := 0; idx < len(shown); idx += 200 {
		address := fmt.Sprintf("/workflows?limit=200&idx=%d&cols=%s", idx, strings.Join(columns, ","))
		faults, doc := pageFaults(get(t, s.ui+address))
		assert.Empty(t, faults, address)
		assert.Equal(t, min(200, len(shown)-idx), doc.Find("table.list tbody tr").Length(), address)
	}
	for _, kind := range []string{"sites", "agent", "campaign", "release"} {
		for _, name := range s.namesOf(t, kind) {
			if len(name) < 100 && plainName.MatchString(name) {
				continue // enough of these are linked
			}
			c.add("", strings.TrimSuffix("/"+kind, "s")+"s/"+url.PathEscape(name))
		}
	}
	c.run(t)
	t.Logf("%d addresses, %d of them pages, %d shapes", len(c.seen), c.pages, len(c.shapes))
	assert.Greater(t, c.pages, 200)
	for _, page := range []string{"/workflows", "/campaigns", "/sites", "/releases", "/agents", "/api", "/about"} {
		assert.True(t, c.seen[page], "%s is linked", page)
	}
}

// namesOf returns the names of all records of a list.
func (s *system) namesOf(t *testing.T, list string) (names []string) {
	t.Helper()
	keys := map[string]string{"sites": "Site", "agent": "Agent", "campaign": "Campaign", "release": "Release"}
	for _, record := range getJSON[[]map[string]any](t, s.cache+"/"+list) {
		name, ok := record[keys[list]].(string)
		if nested, deep := record[keys[list]].(map[string]any); deep {
			name, ok = nested[keys[list]].(string)
		}
		require.True(t, ok, "%s: %v", list, record)
		names = append(names, name)
	}
	return names
}

// TestHostileAddresses: any content of an address is shown as text on a normal page.
func TestHostileAddresses(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 14, Workflows: 50, Lean: true})
	hostile := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `a/b`, `a%2Fb`, `..`, `../..`,
		`%`, `%zz`, `a b+c`, "new\nline", "nul\x00", "\xff\xfe", "\u202eDESREVER", "漢字 \U0001F600", `javascript:alert(1)`, strings.Repeat("x", 500),
	}
	for _, text := range hostile {
		segment := url.PathEscape(text)
		addresses := []string{
			"/workflows?q=" + url.QueryEscape(text), "/workflows?campaign=" + url.QueryEscape(text), "/workflows?" + url.QueryEscape(text) + "=1",
			"/workflows?sort=" + url.QueryEscape(text), "/workflows?cols=" + url.QueryEscape(text), "/workflows?gen=" + url.QueryEscape(text),
			"/workflows?idx=" + url.QueryEscape(text), "/sites?q=" + url.QueryEscape(text), "/sites?sort=" + url.QueryEscape(text),
		}
		for _, page := range []string{"/workflows/", "/sites/", "/campaigns/", "/releases/", "/agents/", "/"} {
			addresses = append(addresses, page+segment)
		}
		for _, address := range addresses {
			a := get(t, s.ui+address)
			assert.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusGone}, a.status, address)
			faults, _ := pageFaults(a)
			assert.Empty(t, faults, address)
			assert.NotContains(t, string(a.body), "<script>alert", address)
			assert.NotContains(t, string(a.body), "<img src=x", address)
		}
	}
}

// TestListBudget: a list of 50 workflows stays small, so that it stays fast.
func TestListBudget(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 15, Workflows: 500, Lean: true, NoEdges: true})
	a := get(t, s.ui+"/workflows?limit=50", "Accept-Encoding", "identity")
	require.Equal(t, http.StatusOK, a.status)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(a.body)
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(a.body))
	require.NoError(t, err)
	assert.Equal(t, 50, doc.Find("table.list tbody tr").Length())
	assert.LessOrEqual(t, len(a.body), 100<<10, "bytes of HTML")
	assert.LessOrEqual(t, packed.Len(), 20<<10, "bytes packed")
	assert.LessOrEqual(t, doc.Find("*").Length(), 4000, "elements")
}
