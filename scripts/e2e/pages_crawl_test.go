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
	crawlMost  = 350 // usual maximum number of addresses
	crawlAlike = 3   // usual maximum of one shape: the same page with the same parameters
)

// crawl follows the links of a server. Filters can be combined without end, so
// only some addresses of each shape are followed.
type crawl struct {
	base    string // URL of the dashboard, which may have a path
	seen    map[string]bool
	shapes  map[string]int
	most    int // maximum number of addresses
	alike   int // and of those of one shape
	waiting []link
	pages   int
}

type link struct{ from, to string }

// plainName is a name without special characters.
var plainName = regexp.MustCompile(`^[\w.-]+$`)

func newCrawl(base string) *crawl {
	return &crawl{base: base, seen: map[string]bool{}, shapes: map[string]int{}, most: crawlMost, alike: crawlAlike}
}

// add adds an address on this server, unless it is known or its shape has enough.
// Addresses of the test itself, with an empty from, are not limited by shape, and are
// given without the path of the dashboard.
func (c *crawl) add(t *testing.T, from, ref string) {
	t.Helper()
	if from == "" {
		ref = c.base + ref
	}
	page, err := url.Parse(c.base + from)
	require.NoError(t, err)
	u, err := page.Parse(ref)
	if err != nil || page.Scheme != u.Scheme || page.Host != u.Host {
		return
	}
	u.Fragment = ""
	to, below := strings.CutPrefix(u.String(), c.base)
	if !assert.True(t, below && strings.HasPrefix(to, "/"), "%s leads out of %s to %s", from, c.base, ref) {
		return
	}
	if c.seen[to] || len(c.seen) >= c.most {
		return
	}
	shape := shapeOf(to)
	if from != "" && c.shapes[shape] >= c.alike {
		return
	}
	c.shapes[shape]++
	c.seen[to] = true
	c.waiting = append(c.waiting, link{from, to})
}

// shapeOf returns the kind of page with the names of its parameters.
func shapeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
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
	if assert.Equal(t, http.StatusOK, a.status, "%s, linked from %s: %.200s", l.to, l.from, a.body) &&
		strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		c.page(t, l, a)
	}
}

// failing adds the links of a page that is shown instead of one that failed.
func (c *crawl) failing(t *testing.T, address string) {
	t.Helper()
	a := get(t, c.base+address)
	assert.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, a.status, address)
	path, _, _ := strings.Cut(address, "?")
	c.seen[address], c.seen[path], c.seen[path+"?"] = true, true, true // its links to itself
	c.page(t, link{"", address}, a)
}

// page checks a page and adds its links.
func (c *crawl) page(t *testing.T, l link, a answer) {
	t.Helper()
	c.pages++
	assert.True(t, strings.HasPrefix(a.url, c.base+"/"), "%s is redirected to %s", l.to, a.url)
	faults, doc := pageFaults(a)
	assert.Empty(t, faults, l.to)
	if doc == nil {
		return
	}
	for _, name := range []string{"href", "src", "action", "formaction", "hx-get", "data-pulse"} {
		doc.Find("[" + name + "]").Each(func(_ int, s *goquery.Selection) {
			c.add(t, l.to, s.AttrOr(name, ""))
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
	c.add(t, "", "/")
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
				c.add(t, "", "/workflows/"+url.PathEscape(doc.ID))
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
			c.add(t, "", strings.TrimSuffix("/"+kind, "s")+"s/"+url.PathEscape(name))
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
