package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// opens clicks an element that opens a dialog, and waits for the dialog's content.
func (b *tab) opens(dialog, click string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(click), chromedp.NodeVisible))
	b.until(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility() && !document.querySelector(".htmx-request")`, dialog), "%s is open", dialog)
}

// flow is something that a reader does.
type flow struct {
	name string
	run  func(*tab)
}

// comforts are the features of TestBrowserComfort.
func comforts() []flow {
	return []flow{
		{"palette", paletteFinds}, {"values of a facet", facetDialog}, {"columns", columnsDialog}, {"views", viewsSaved},
		{"selection", rowsSelected}, {"place", placeStays}, {"attention", attentionHidden}, {"zoom", headFits},
	}
}

// TestBrowserComfort: features that the script adds to pages that work without it.
func TestBrowserComfort(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 14, Workflows: 300, Lean: true, NoEdges: true})
	for _, flow := range comforts() {
		t.Run(flow.name, func(t *testing.T) { flow.run(newTab(t, browser, s.ui, desktop())) })
	}
}

func paletteFinds(b *tab) {
	b.open("/workflows?limit=25")
	name := b.names()[0]
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2)))
	b.until(`document.activeElement.id === "go-q" && document.querySelectorAll("#go-list li").length > 5`, "pages and views are listed immediately")
	b.press(name)
	b.until(fmt.Sprintf(`document.querySelector("#go-list li a")?.textContent === %q`, name), "the workflow is found")
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.Equal(b.t, name, b.text("h1"))
	b.opens("#palette", "#find")
	b.press("sites")
	b.answered("q", "sites")
	b.until(`document.querySelector("#go-list li a")?.textContent === "Sites"`, "the page is found")
	b.press(kb.ArrowDown)
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.Equal(b.t, "Sites", b.text("h1"))
}

func facetDialog(b *tab) {
	b.open("/workflows?sort=-Priority")
	b.opens("#facet #values li", `a[data-dialog][href*="/facet/sites"]`)
	b.press("t1_")
	b.answered("prefix", "t1_")
	b.until(`[...document.querySelectorAll("#values li a:first-child span")].every(e => e.textContent.trim().startsWith("T1_"))`, "only values with this prefix")
	site := ask[string](b, `document.querySelector("#values li span").textContent.trim()`)
	b.click("#values li a:first-child")
	assert.Equal(b.t, site, b.query().Get("site"))
	assert.Equal(b.t, "-Priority", b.query().Get("sort"))
}

func columnsDialog(b *tab) {
	b.open("/workflows?status=running-open&sort=-Priority")
	before := b.heads()
	b.opens("#facet #columns", `a[data-dialog][href*="/columns"]`)
	b.do(chromedp.Click(chromedp.CSS("#down-Status"), chromedp.NodeVisible))
	b.until(`document.querySelector("#columns li input").value === "StatusTime"`, "the column has moved")
	assert.Equal(b.t, "down-Status", ask[string](b, `document.activeElement.id`), "the focus stays, so that the column can be moved further")
	b.click("#columns button.main")
	assert.Equal(b.t, []string{before[0], before[2], before[1]}, b.heads()[:3])
	assert.Equal(b.t, "running-open", b.query().Get("status"))
}

func viewsSaved(b *tab) {
	b.open("/workflows?status=running-open&sort=-Failure")
	b.do(chromedp.Click(chromedp.ID("save-view"), chromedp.NodeVisible))
	b.press("my failing ones")
	b.press(kb.Enter)
	b.open("/workflows")
	b.click("#mine a")
	assert.Equal(b.t, "running-open", b.query().Get("status"))
	assert.Equal(b.t, "-Failure", b.query().Get("sort"))
	b.do(chromedp.Click(chromedp.CSS("#mine button"), chromedp.NodeVisible))
	assert.Empty(b.t, b.texts("#mine a"))
}

func rowsSelected(b *tab) {
	b.open("/workflows?status=running-open&limit=25")
	total := b.total()
	assert.False(b.t, ask[bool](b, `document.querySelector("#picked").checkVisibility()`))
	b.press("jxjx")
	assert.Equal(b.t, "2 selected", b.text("#picked b"))
	assert.Equal(b.t, ask[string](b, `new URL(document.querySelector("[data-form=csv]").href).searchParams.get("name")`), strings.Join(b.names()[:2], ","))
	ask[bool](b, `document.querySelector("#all").click(), true`)
	assert.Equal(b.t, "25 selected", b.text("#picked b"))
	ask[bool](b, `document.querySelector("[data-clear]").click(), true`)
	assert.False(b.t, ask[bool](b, `document.querySelector("#picked").checkVisibility()`))
	ask[bool](b, `document.querySelector("#all").click(), true`)
	b.click(`#picked a[href*="/selection"]`)
	names := ask[string](b, `document.querySelector("#names").value`)
	assert.Len(b.t, strings.Split(names, "\n"), total, "all matching workflows")
}

// The scroll position stays when the content is replaced, and a link keeps the
// focus.
func placeStays(b *tab) {
	b.open("/workflows?limit=100")
	ask[bool](b, `document.querySelector(".list").closest(".scroll").scrollLeft = 60, scrollTo(0, 40), window.same = true`)
	at := ask[float64](b, `scrollY`)
	sort := `thead a[href*="sort=-Priority"]`
	b.do(chromedp.Focus(chromedp.CSS(sort), chromedp.NodeVisible))
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.True(b.t, ask[bool](b, `window.same === true`), "the same page with new content")
	assert.Equal(b.t, "-Priority", b.query().Get("sort"))
	assert.Contains(b.t, ask[string](b, focused), "priority")
	assert.Equal(b.t, at, ask[float64](b, `scrollY`))
	b.until(`document.querySelector("#live").textContent.includes("workflows")`, "the result is announced")
	b.back()
	assert.Empty(b.t, b.query().Get("sort"))
	assert.Equal(b.t, []string{"jobs held back"}, b.sorted("descending"))
}

func attentionHidden(b *tab) {
	b.open("/attention")
	rows := `document.querySelectorAll("tr[data-item]:not([hidden])").length`
	before := ask[int](b, rows)
	require.Positive(b.t, before)
	b.do(chromedp.Click(chromedp.CSS("tr[data-item] button[data-hide]"), chromedp.NodeVisible))
	assert.Equal(b.t, before-1, ask[int](b, rows))
	b.open("/attention")
	assert.Equal(b.t, before-1, ask[int](b, rows), "it stays hidden")
	b.do(chromedp.Click(chromedp.ID("show-hidden"), chromedp.NodeVisible))
	assert.Equal(b.t, before, ask[int](b, rows))
	b.click("a.bad")
	assert.Contains(b.t, b.address(), "#errors", "sites and exit codes are two clicks from the overview")
	require.NotEmpty(b.t, b.texts(`#errors tbody a[href*="/sites/"]`))
}

// TestBrowserRefresh: if the reader agrees, newer data appear automatically, but not
// while a row is ticked.
func TestBrowserRefresh(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 15, Workflows: 100, Lean: true, NoEdges: true})
	w := s.withJobs(t)
	b := newTab(t, browser, s.ui, desktop())
	b.open("/workflows?cols=Priority&sort=-Priority")
	b.do(chromedp.Click(chromedp.ID("auto"), chromedp.NodeVisible))
	b.press("jx")
	ask[bool](b, `document.activeElement.blur(), window.same = true`)
	look := func(priority int) {
		s.edit(t, requestDB, w.Workflow, "RequestPriority", priority)
		eventually(t, func() bool { now, ok := s.workflow(t, w.Workflow); return ok && now.Priority == int64(priority) }, "the cache server has it")
		ask[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`)
	}
	look(777777)
	b.until(`document.querySelector("#pill").checkVisibility()`, "newer data are offered")
	assert.Regexp(t, "^(1 changed|1 new, 1 gone): refresh$", b.text("#pill"), "of the rows on screen")
	assert.NotContains(t, b.names()[0], w.Workflow, "nothing moves while a row is ticked")
	ask[bool](b, `document.querySelector("[data-clear]").click(), true`)
	b.until(fmt.Sprintf(`document.querySelector("table.list tbody th a").textContent === %q && window.same === true`, w.Workflow), "the content is replaced without a page load")
	assert.False(t, ask[bool](b, `document.querySelector("#pill").checkVisibility()`))
	assert.NotContains(t, b.text("#live"), "refresh", "nothing is left to refresh")
	look(1)
	b.until(fmt.Sprintf(`document.querySelector("table.list tbody th a").textContent !== %q && window.same === true`, w.Workflow), "the content is replaced again")
}

// headFits: a window of 1440 by 900 px at 200 % zoom has 720 by 450 CSS px. What stands
// above the content takes at most a third of it.
func headFits(b *tab) {
	require.NoError(b.t, chromium.Look{Width: 720, Height: 450, Scripts: true}.Apply(b.ctx))
	for _, page := range []string{"/", "/attention", "/workflows", "/campaigns", "/sites", "/agents", "/errors", "/changed", "/api", "/about"} {
		b.open(page)
		top := ask[float64](b, `document.querySelector("main").getBoundingClientRect().top + scrollY`)
		assert.LessOrEqual(b.t, top, 150.0, "%s: px above the content", page)
	}
}
