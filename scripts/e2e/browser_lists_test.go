package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// TestBrowserLists uses the pages as a reader does, with JavaScript and without:
// everything except the added comfort works the same.
func TestBrowserLists(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 8, Workflows: 600, Lean: true, NoEdges: true})
	plain := desktop()
	plain.Scripts = false
	for name, look := range map[string]chromium.Look{"scripts": desktop(), "no scripts": plain} {
		t.Run(name, func(t *testing.T) {
			for _, flow := range []struct {
				name string
				run  func(*tab)
			}{
				{"status of the overview", statusOfOverview},
				{"filter sort page open back", filterSortPage},
				{"facets", facetsNarrow},
				{"columns", columnsChosen},
				{"address", addressIsTheView},
				{"export", exportHasAll},
				{"compare", compareTicked},
				{"compare from the overview", compareInThreeClicks},
				{"unknown workflow", unknownWorkflow},
				{"parts of the frame", navigation},
			} {
				t.Run(flow.name, func(t *testing.T) { flow.run(newTab(t, browser, s.ui, look)) })
			}
		})
	}
}

// A click on a status leads to its workflows, as many as the tile shows.
func statusOfOverview(b *tab) {
	b.open("/")
	tile := `a.tile[href*="status=running-open"]`
	want := figure(b.t, strings.Fields(b.text(tile))[0])
	b.click(tile)
	assert.Equal(b.t, "Workflows", b.text("h1"))
	assert.Equal(b.t, want, b.total())
	status := b.column("status")
	require.NotEmpty(b.t, status)
	for _, text := range status {
		assert.Contains(b.t, text, "running-open")
	}
}

func filterSortPage(b *tab) {
	b.open("/workflows?limit=25")
	everything := b.total()
	site := b.mostUsed("site")
	b.do(
		chromedp.Click(chromedp.CSS("details:has(.filters) > summary"), chromedp.NodeVisible),
		chromedp.SendKeys(chromedp.ID("filter-site"), site),
		chromedp.SendKeys(chromedp.ID("filter-minFailure"), "1"),
	)
	b.turns("Enter", chromedp.SendKeys(chromedp.ID("filter-minFailure"), kb.Enter))
	q := b.query()
	assert.Equal(b.t, url.Values{"site": {site}, "minFailure": {"1"}, "limit": {"25"}}, q, "only the chosen parameters")
	filtered := b.total()
	require.Greater(b.t, filtered, 25, "too few workflows for two pages")
	require.Less(b.t, filtered, everything)

	b.click(`table.list thead a[href*="sort=-FailureRate"]`)
	assert.Equal(b.t, []string{"failure rate"}, b.sorted("descending"))
	assert.Empty(b.t, b.sorted("ascending"))
	assert.Equal(b.t, filtered, b.total(), "sorting must not filter")
	rates := b.column("failure rate")
	assert.True(b.t, slices.IsSortedFunc(rates, func(x, y string) int {
		return int(1000*rate(b, y)) - int(1000*rate(b, x))
	}), "%v", rates)
	first := b.address()
	firstNames := b.names()
	require.Len(b.t, firstNames, 25)

	b.click(`.pager a[rel=next]`)
	second := b.names()
	for _, name := range second {
		assert.NotContains(b.t, firstNames, name)
	}
	assert.Contains(b.t, b.text(".pager > span:first-child"), "26 to ")
	secondAddress := b.address()

	b.click(`table.list tbody tr:nth-child(3) th a`)
	assert.Equal(b.t, second[2], b.text("h1"))
	b.back()
	assert.Equal(b.t, secondAddress, b.address())
	assert.Equal(b.t, second, b.names(), "the same page of the same list")
	b.back()
	assert.Equal(b.t, first, b.address())
	assert.Equal(b.t, firstNames, b.names())

	b.click(`table.list thead th[aria-sort] a`)
	assert.Equal(b.t, []string{"failure rate"}, b.sorted("ascending"), "a second click reverses the order")

	b.click(`.chips a[aria-label^="Remove the filter site"]`)
	assert.Empty(b.t, b.query().Get("site"))
	assert.Equal(b.t, "1", b.query().Get("minFailure"), "the other filter stays")
}

// A facet's value can be selected, together with others of its kind, and excluded.
func facetsNarrow(b *tab) {
	b.open("/workflows?sort=-Priority")
	everything := b.total()
	line := func(n, link int) string {
		return fmt.Sprintf(".facets section:nth-of-type(1) li:nth-child(%d) a:nth-child(%d)", n, link)
	}
	value, count := b.text(line(1, 1)+" span"), figure(b.t, b.text(line(1, 1)+" em"))
	b.click(line(1, 1))
	assert.Equal(b.t, value, b.query().Get("status"))
	assert.Equal(b.t, "-Priority", b.query().Get("sort"), "the order stays")
	assert.Equal(b.t, count, b.total())
	for _, text := range b.column("status") {
		assert.Contains(b.t, text, value)
	}
	require.NotEmpty(b.t, b.texts(line(2, 1)), "the other statuses can still be chosen")
	more := figure(b.t, b.text(line(2, 1)+" em"))
	b.click(line(2, 1))
	assert.Equal(b.t, count+more, b.total(), "workflows with one of the two values")

	b.open("/workflows")
	b.click(line(1, 2))
	assert.Equal(b.t, "!"+value, b.query().Get("status"))
	assert.Equal(b.t, everything-count, b.total())
	for _, text := range b.column("status") {
		assert.NotContains(b.t, strings.Fields(text), value)
	}
	b.click(line(1, 2))
	assert.Equal(b.t, everything, b.total(), "a second click removes the filter")
}

func columnsChosen(b *tab) {
	b.open("/workflows?status=running-open")
	before := b.heads()
	b.click(`.tools .seg a[href*="cols=jobs"]`)
	assert.NotEqual(b.t, before, b.heads())
	assert.Contains(b.t, b.heads(), "success")
	assert.Equal(b.t, "running-open", b.query().Get("status"), "the filter stays")

	if b.scripts {
		b.do(chromedp.Click(chromedp.CSS(`.tools a[href*="/columns"]`), chromedp.NodeVisible))
	} else {
		b.click(`.tools a[href*="/columns"]`)
	}
	b.do(
		chromedp.Click(chromedp.CSS(`#columns input[value=Success]`), chromedp.NodeVisible),
		chromedp.Click(chromedp.CSS(`#columns input[value=PrepID]`), chromedp.NodeVisible),
	)
	b.click("#columns button.main")
	assert.Contains(b.t, b.heads(), "PrepID")
	assert.NotContains(b.t, b.heads(), "success")
	assert.Equal(b.t, "workflow", b.heads()[0])
	assert.Equal(b.t, "running-open", b.query().Get("status"), "the filter stays")
	assert.Len(b.t, b.query()["cols"], 1, "one readable parameter")
}

// The address bar is the link: another reader who opens it sees the same.
func addressIsTheView(b *tab) {
	b.open("/workflows")
	b.click(`.facets section:nth-of-type(2) li:first-child a`)
	b.click(`table.list thead a[href*="sort=-Priority"]`)
	b.click(`.tools .seg a[href*="cols=jobs"]`)
	b.click(`.pager a[rel=next]`)
	names, heads, total, address := b.names(), b.heads(), b.total(), b.address()
	b.open("/about")
	b.open(address)
	assert.Equal(b.t, names, b.names())
	assert.Equal(b.t, heads, b.heads())
	assert.Equal(b.t, total, b.total())
	assert.Equal(b.t, address, b.address())
}

func exportHasAll(b *tab) {
	b.open("/workflows")
	b.click(`table.list thead a[href*="sort=-Priority"]`)
	b.click(`.facets section:nth-of-type(1) li:first-child a`)
	link := ask[string](b, `document.querySelector('a[href*="format=csv"]').href`)
	file := get(b.t, link)
	require.Equal(b.t, http.StatusOK, file.status)
	assert.Contains(b.t, file.header.Get("Content-Disposition"), "attachment")
	rows, err := csv.NewReader(bytes.NewReader(file.body)).ReadAll()
	require.NoError(b.t, err)
	require.Len(b.t, rows, b.total()+1, "one row per workflow, and the headings")
	for i, name := range b.names() {
		assert.Equal(b.t, name, rows[i+1][slices.Index(rows[0], "Workflow")], "in the order of the page")
	}
}

func unknownWorkflow(b *tab) {
	b.open("/workflows")
	name := b.names()[0]
	wrong := "/workflows/" + name[:len(name)-1] + "x"
	b.expectFailure(wrong)
	assert.EqualValues(b.t, http.StatusNotFound, b.open(wrong))
	assert.Equal(b.t, "Not found", b.text("h1"))
	assert.Contains(b.t, b.texts("main a"), name, "near names are offered")
	b.click(fmt.Sprintf(`main a[href$=%q]`, "/workflows/"+url.PathEscape(name)))
	assert.Equal(b.t, name, b.text("h1"))
}

// Every entry of the navigation leads to a page that marks the entry as current.
func navigation(b *tab) {
	b.open("/")
	entries := b.texts(".bar nav a")
	require.NotEmpty(b.t, entries)
	for i, entry := range entries {
		b.click(fmt.Sprintf(".bar nav a:nth-child(%d)", i+1))
		assert.Equal(b.t, entry, b.text("h1"))
		assert.Equal(b.t, entry, b.text(`.bar nav a[aria-current=page]`))
		assert.Contains(b.t, ask[string](b, `document.querySelector(".data [title]").title`), "generation")
	}
	b.do(chromedp.SendKeys(chromedp.ID("search"), "task_"))
	b.loads(chromedp.SendKeys(chromedp.ID("search"), kb.Enter))
	assert.Equal(b.t, url.Values{"q": {"task_"}}, b.query())
}

// query returns the parameters in the address bar.
func (b *tab) query() url.Values {
	b.t.Helper()
	u, err := url.Parse(b.address())
	require.NoError(b.t, err)
	return u.Query()
}

// sorted returns the columns that are marked as sorted in an order.
func (b *tab) sorted(order string) []string {
	b.t.Helper()
	var heads []string
	for _, text := range b.texts(fmt.Sprintf("table.list th[aria-sort=%s]", order)) {
		heads = append(heads, strings.TrimRight(text, " ↑↓"))
	}
	return heads
}

// mostUsed returns the first value of the facet of a parameter.
func (b *tab) mostUsed(param string) string {
	b.t.Helper()
	link := ask[string](b, fmt.Sprintf(`document.querySelector('.facets li a[href*="%s="]').href`, param))
	u, err := url.Parse(link)
	require.NoError(b.t, err)
	return u.Query().Get(param)
}

// rate reads a share as pages write it; -1 stands for n/a.
func rate(b *tab, text string) (percent float64) {
	b.t.Helper()
	switch text = strings.TrimRight(text, " \u202f%"); text {
	case "n/a":
		return -1
	case "<0.1":
		return 0.05
	case ">99.9":
		return 99.95
	}
	_, err := fmt.Sscan(text, &percent)
	require.NoError(b.t, err, text)
	return percent
}
