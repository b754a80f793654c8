package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema/wire"
)

// Paths of the servers in these tests.
const (
	basePath  = "/cms/wmstats"
	cachePath = "/cache"
)

// place is a form in which the dashboard stands below a path.
type place struct {
	name  string
	start func(t *testing.T, cache string) (ui string) // returns the URL of the dashboard, with its path
}

// places are the three forms that docs/how-to/deploy.md describes.
func places() []place {
	return []place{
		{"without a front end", func(t *testing.T, cache string) string {
			ui := startUI(t, cache, "--base-path", basePath)
			for _, path := range []string{"/livez", "/readyz", "/metrics", "/wmstatsserver/data/info"} {
				assert.Equal(t, http.StatusOK, get(t, ui+path).status, "%s at the root", path)
			}
			return ui + basePath
		}},
		{"behind nginx that keeps the path", func(t *testing.T, cache string) string {
			ui := startUI(t, cache, "--base-path", basePath, "--trusted-peers", "127.0.0.1")
			return nginx(t, fmt.Sprintf("location %s/ { proxy_pass %s; proxy_set_header Host $http_host; }", basePath, ui)) + basePath
		}},
		{"behind nginx that removes the path", func(t *testing.T, cache string) string {
			ui := startUI(t, cache, "--trusted-peers", "127.0.0.1")
			return nginx(t, fmt.Sprintf("location %[1]s/ { proxy_pass %[2]s/; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Prefix %[1]s; }", basePath, ui)) + basePath
		}},
	}
}

// belowCachePath makes a cache server stand below a path.
func belowCachePath(o *cacheapp.Options) { o.BasePath = cachePath }

// nginx runs nginx with lines for its server until the test ends. It answers 404 where
// these say nothing.
func nginx(t *testing.T, lines string) string {
	t.Helper()
	return "http://" + runNginx(t, func(addr string) string {
		return fmt.Sprintf("server { listen %s; location / { return 404; } %s }", addr, lines)
	})
}

// TestBasePathCrawled: below a path every link of every page leads to a page below it,
// and the API is followed to its end, through the dashboard and directly. The addresses
// in pages are the same in every form.
func TestBasePathCrawled(t *testing.T) {
	options := gen.Options{Seed: 13, Workflows: 250, Lean: true}
	s := newCouch(t, options)
	s.tune = belowCachePath
	s.cache = s.startCache(t).url + cachePath
	want := map[string]bool{}
	for _, w := range all(t, s.cache) {
		want[w.Workflow] = true
	}
	t.Run("cache server", func(t *testing.T) { followAPI(t, s.cache, len(want)) })
	var first []string // addresses in pages of the first form
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			ui := p.start(t, s.cache)
			found := addressesIn(t, ui, "/workflows?limit=25", "/attention", "/campaigns", "/agents", "/api")
			assert.Greater(t, len(found), 100)
			if first == nil {
				first = found
			}
			assert.Equal(t, first, found)
			followAPI(t, ui+"/api", len(want))
			for _, path := range []string{"/livez", "/readyz", "/metrics", "/wmstatsserver/data/info"} {
				assert.Equal(t, http.StatusOK, get(t, ui+path).status, path)
			}
			c := newCrawl(ui)
			c.most, c.alike = 200, 1 // TestPagesCrawled follows more
			c.add(t, "", "/")
			for name := range want {
				if !plainName.MatchString(name) || len(name) > 100 {
					c.add(t, "", "/workflows/"+url.PathEscape(name))
				}
			}
			for _, address := range []string{"/no-such-page", "/workflows/not-there", "/workflows?stauts=new"} {
				c.failing(t, address)
			}
			c.run(t)
			t.Logf("%d addresses, %d of them pages, %d shapes", len(c.seen), c.pages, len(c.shapes))
			assert.Greater(t, c.pages, 100)
		})
	}
}

// addressesIn returns the addresses in the attributes of pages, without the host.
func addressesIn(t *testing.T, ui string, pages ...string) (found []string) {
	t.Helper()
	at, err := url.Parse(ui)
	require.NoError(t, err)
	for _, page := range pages {
		a := get(t, ui+page)
		require.Equal(t, http.StatusOK, a.status, page)
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(a.body))
		require.NoError(t, err)
		doc.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, attr := range s.Nodes[0].Attr {
				if strings.Contains(attr.Val, at.Path) {
					found = append(found, page+" "+attr.Key+" "+strings.ReplaceAll(attr.Val, at.Scheme+"://"+at.Host, ""))
				}
			}
		})
	}
	return found
}

// addressed matches the keys of JSON bodies whose values are addresses of the API, and
// the suggestions for an address. A Query that is not an address has only parameters.
var addressed = regexp.MustCompile(`"(?:Next|restart|continue)": ?"([^"]+)"|"did_you_mean": ?\["(/[^"]*)"|"Query": ?"(/[^"]+)"`)

// followAPI follows the links of the API below an address: lists to their ends, and
// the URLs in problems. All begin with the path of the address.
func followAPI(t *testing.T, api string, workflows int) {
	t.Helper()
	at, err := url.Parse(api)
	require.NoError(t, err)
	origin := at.Scheme + "://" + at.Host
	inside := func(path, from string) {
		assert.True(t, strings.HasPrefix(path, at.Path+"/"), "%s in %s", path, from)
	}
	for _, version := range []string{"", "/v1"} {
		for list, most := range map[string]int{"/fetch": 40, "/sites": 10, "/campaign": 10, "/release": 10, "/agent": 5} {
			start := api + version + list + fmt.Sprintf("?limit=%d", most)
			count, pages := 0, 0
			for next := start; next != ""; pages++ {
				a := get(t, next)
				require.Equal(t, http.StatusOK, a.status, "%s: %.200s", next, a.body)
				var records []json.RawMessage
				require.NoError(t, json.Unmarshal(a.body, &records))
				count += len(records)
				from := next
				next = ""
				for rel, address := range linksIn(a.header) {
					inside(address, from)
					if rel == "next" {
						next = origin + address
					}
				}
			}
			assert.Equal(t, total(t, start), count, start)
			if list == "/fetch" {
				assert.Equal(t, workflows, count)
				assert.Greater(t, pages, 3)
			}
		}
	}
	for _, path := range []string{"/fetch?envelope=1&limit=1", "/campaign/" + url.PathEscape(firstCampaign(t, api)) + "?limit=1", "/attention", "/fetch?gen=g0-1&idx=1&limit=1&last=a", "/pulsee"} {
		found := addressed.FindAllStringSubmatch(string(get(t, api+path).body), -1)
		assert.NotEmpty(t, found, path)
		for _, match := range found {
			inside(match[1]+match[2]+match[3], path)
		}
	}
	described := getJSON[struct {
		Servers []struct{ URL string }
		Paths   map[string]any
	}](t, api+"/openapi.json")
	require.NotEmpty(t, described.Servers)
	for _, server := range described.Servers {
		assert.Equal(t, http.StatusOK, get(t, origin+server.URL+"/pulse").status, "servers of OpenAPI: %s", server.URL)
	}
	var expired wire.Problem
	require.NoError(t, json.Unmarshal(get(t, api+"/fetch?gen=g0-1&idx=1&limit=1&last=a").body, &expired))
	for _, address := range []string{expired.Restart, expired.Continue} {
		inside(address, "an expired generation")
		assert.Equal(t, http.StatusOK, get(t, origin+address).status, address)
	}
}

func firstCampaign(t *testing.T, api string) string {
	t.Helper()
	records := getJSON[[]struct{ Campaign string }](t, api+"/campaign?sort=-Workflows&limit=1")
	require.Len(t, records, 1)
	return records[0].Campaign
}

// total is the number of records of a list.
func total(t *testing.T, address string) (n int) {
	t.Helper()
	_, err := fmt.Sscan(get(t, address).header.Get("X-Total-Count"), &n)
	require.NoError(t, err)
	return n
}

var linkHeader = regexp.MustCompile(`<([^>]*)>; rel="([a-z]+)"`)

// linksIn returns the addresses of a Link header by their relation.
func linksIn(h http.Header) map[string]string {
	links := map[string]string{}
	for _, match := range linkHeader.FindAllStringSubmatch(h.Get("Link"), -1) {
		links[match[2]] = match[1]
	}
	return links
}

// TestBrowserBasePath uses the pages below a path as a reader does. The browser
// requests nothing outside that path: newTab's complaints are failures. One form is
// enough: TestBasePathCrawled holds that the addresses in pages are the same in all.
func TestBrowserBasePath(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 8, Workflows: 600})
	for _, p := range places()[2:] {
		t.Run(p.name, func(t *testing.T) {
			ui := p.start(t, s.cache)
			for _, f := range slices.Concat(comforts(), keyFlows()) {
				t.Run(f.name, func(t *testing.T) { f.run(newTab(t, browser, ui, desktop())) })
			}
			for _, q := range questions() {
				t.Run(q.name, func(t *testing.T) {
					b := newTab(t, browser, ui, desktop())
					b.open("/")
					q.ask(b, s)
				})
			}
			t.Run("news and exports", func(t *testing.T) { newsAndExports(newTab(t, browser, ui, desktop())) })
			t.Run("lists without scripts", func(t *testing.T) {
				plain := desktop()
				plain.Scripts = false
				filterSortPage(newTab(t, browser, ui, plain))
			})
		})
	}
}

// newsAndExports: what the scripts and the pages make for use elsewhere has the path.
func newsAndExports(b *tab) {
	b.open("/workflows?status=running-open&limit=25")
	pulse := ask[string](b, `document.querySelector("#pill").dataset.pulse`)
	assert.Equal(b.t, 200, ask[int](b, fmt.Sprintf(`(() => { const r = new XMLHttpRequest(); r.open("GET", %q, false); r.send(); return r.status })()`, pulse)))
	b.press("jx")
	for _, format := range []string{"csv", "ndjson"} {
		address := ask[string](b, fmt.Sprintf(`document.querySelector("[data-form=%s]").href`, format))
		assert.True(b.t, strings.HasPrefix(address, b.base+"/api/fetch?"), address)
		assert.Equal(b.t, http.StatusOK, get(b.t, address).status)
	}
	b.open("/api?status=running-open")
	for _, command := range b.texts(".recipes pre") {
		for _, address := range regexp.MustCompile(`http://[^'" )]+`).FindAllString(command, -1) {
			assert.True(b.t, strings.HasPrefix(address, b.base+"/api/"), address)
			assert.Equal(b.t, http.StatusOK, get(b.t, address).status, address)
		}
	}
	for _, key := range ask[[]string](b, `Object.keys(localStorage)`) {
		assert.True(b.t, strings.HasPrefix(key, basePath), "%s is stored for this dashboard alone", key)
	}
	b.open("/about")
	b.do(chromedp.Click(chromedp.CSS(".brand"), chromedp.NodeVisible))
	b.until(`location.pathname === "`+basePath+`/"`, "the first page")
}

// TestTwoDashboardsOfOneHost: settings of the one are not those of the other.
func TestTwoDashboardsOfOneHost(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 14, Workflows: 60, Lean: true, NoEdges: true})
	ui := startUI(t, s.cache, "--trusted-peers", "127.0.0.1")
	lines := ""
	for _, path := range []string{"/one", "/two"} {
		lines += fmt.Sprintf("location %[1]s/ { proxy_pass %[2]s/; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Prefix %[1]s; }\n", path, ui)
	}
	front := nginx(t, lines)
	theme := func(path string) string {
		b := newTab(t, browser, front+path, desktop())
		b.open("/about")
		return ask[string](b, `document.documentElement.dataset.theme || ""`)
	}
	b := newTab(t, browser, front+"/one", desktop())
	b.open("/about")
	b.do(chromedp.Click(chromedp.ID("theme"), chromedp.NodeVisible))
	assert.NotEmpty(t, theme("/one"))
	assert.Empty(t, theme("/two"))
}
