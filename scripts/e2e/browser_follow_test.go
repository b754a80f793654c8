package e2e

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// fail makes a workflow an item of Attention.
func (s *system) fail(t *testing.T, name string) {
	t.Helper()
	s.edit(t, requestDB, name, "RequestStatus", "failed")
	eventually(t, func() bool { now, ok := s.workflow(t, name); return ok && now.Status == "failed" }, "the cache server has it")
}

// badge returns the total and the new items beside Attention, "" where a number is
// not shown.
func (b *tab) badge() (total, fresh string) {
	b.t.Helper()
	both := ask[[]string](b, `(({ count = "", new: fresh = "" }) => [count, fresh])(document.querySelector("nav [data-key=l]").dataset)`)
	return both[0], both[1]
}

// TestBrowserBadge: the badge counts what began since the reader's last visit of
// Attention, in every tab, after a reload and without a script; there the same items
// are marked.
func TestBrowserBadge(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 21, Workflows: 200, Lean: true, NoEdges: true})
	w := s.withJobs(t)
	plainLook := desktop()
	plainLook.Scripts = false
	b, other, plain := newTab(t, browser, s.ui, desktop()), newTab(t, browser, s.ui, desktop()), newTab(t, browser, s.ui, plainLook)
	b.open("/")
	total, fresh := b.badge()
	assert.NotEmpty(t, total)
	assert.Empty(t, fresh, "a reader who has never been there has nothing new")
	b.open("/attention")
	assert.Zero(t, ask[int](b, `document.querySelectorAll("#new, tr[data-new]").length`), "the first visit")
	assert.Equal(t, "/attention", b.address())
	other.open("/workflows")

	s.fail(t, w.Workflow)
	ask[bool](other, `document.dispatchEvent(new Event("visibilitychange"))`)
	other.until(`document.querySelector("nav [data-key=l]").dataset.new === "1"`, "an open page learns of it")
	for _, tab := range []*tab{b, plain} {
		tab.open("/")
		_, fresh = tab.badge()
		assert.Equal(t, "1", fresh, "scripts: %t", tab.scripts)
		assert.Contains(t, tab.text("#fresh"), "1 new")
	}
	plain.click("#fresh")
	check := func(tab *tab) {
		t.Helper()
		rows := ask[[]string](tab, `[...document.querySelectorAll("tr[data-new]")].map(row => row.querySelector("th a").textContent)`)
		require.NotEmpty(t, rows)
		for _, name := range rows {
			assert.Equal(t, w.Workflow, name)
		}
		assert.Contains(t, tab.text("#new"), "1 new")
	}
	check(plain)
	assert.Equal(t, len(plain.texts("tr[data-item]")), len(plain.texts("tr[data-new]")), "the link leads to what is new alone")
	plain.loads(chromedp.Reload())
	check(plain)
	plain.click("#new a")
	check(plain)
	assert.Greater(t, len(plain.texts("tr[data-item]")), len(plain.texts("tr[data-new]")))

	eventually(t, func() bool { // an item of the very second of a visit stays new
		b.open("/attention")
		b.open("/about")
		_, fresh := b.badge()
		return fresh == ""
	}, "what was seen is not new any more")
	b.open("/attention")
	assert.Contains(t, b.text("#new"), "nothing new")
	same := ask[string](b, `location.search`)
	b.loads(chromedp.Reload())
	assert.Equal(t, same, ask[string](b, `location.search`), "a reload keeps the time")
	assert.Equal(t, fmt.Sprint(len(b.texts("tr[data-item]"))), fmt.Sprint(len(b.texts("tr[data-item]:not([data-new])"))))
}

// transition adds a status to a workflow, as ReqMgr2 does.
func (s *system) transition(t *testing.T, name, status string) {
	t.Helper()
	s.edit(t, requestDB, name, "RequestStatus", status)
	eventually(t, func() bool { now, ok := s.workflow(t, name); return ok && now.Status == status }, "the cache server has it")
}

// pin clicks the button of the page.
func (b *tab) pin(text string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS("main .head [data-pin]"), chromedp.NodeVisible))
	b.until(fmt.Sprintf(`document.querySelector("main .head [data-pin]").textContent === %q`, text), "the button says %s", text)
}

// pinned waits for the rows of the block on the overview, and returns their texts.
func (b *tab) pinned(rows int) []string {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelectorAll("#pinned tbody tr").length === %d`, rows), "%d pinned names", rows)
	return b.texts("#pinned tbody tr")
}

// polls makes an open page ask for news, as it does every half minute.
func (b *tab) polls() {
	b.t.Helper()
	ask[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// TestBrowserPins: a reader pins a workflow with two clicks from the overview, and sees
// there, in the title of other pages and in other tabs what has changed since.
func TestBrowserPins(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 22, Workflows: 200, Lean: true, NoEdges: true})
	w := s.withJobs(t)
	s.transition(t, w.Workflow, "running-open")
	base := "/site"
	for name, address := range map[string]string{"root": s.ui, "base path": startUI(t, s.cache, "--base-path", base) + base} {
		t.Run(name, func(t *testing.T) {
			s.transition(t, w.Workflow, "running-open")
			b, other := newTab(t, browser, address, desktop()), newTab(t, browser, address, desktop())
			b.open("/")
			assert.False(t, ask[bool](b, `document.querySelector("#pinned").checkVisibility()`), "nothing is pinned")
			link := ask[string](b, fmt.Sprintf(`[...document.querySelectorAll("main a")].find(a => a.textContent === %q)?.href || ""`, w.Workflow))
			if link == "" {
				b.open("/workflows/" + url.PathEscape(w.Workflow))
			} else {
				b.open(link[len(address):])
			}
			b.pin("Unpin")
			b.open("/sites")
			b.click("table tbody th a")
			b.pin("Unpin")
			b.open("/agents")
			b.click("table tbody th a")
			b.pin("Unpin")
			b.open("/campaigns")
			b.click("table tbody th a")
			b.pin("Unpin")
			b.open("/")
			rows := b.pinned(4)
			assert.Contains(t, rows[0], w.Workflow)
			assert.Contains(t, rows[0], "running-open")
			assert.Contains(t, rows[0], "no change")
			other.open("/about")
			title := ask[string](other, `document.title`)

			s.transition(t, w.Workflow, "completed")
			other.polls()
			other.until(fmt.Sprintf(`document.title === %q`, "✓ completed · "+w.Workflow+" · "+title), "the title of another page tells it")
			for range 2 {
				b.loads(chromedp.Reload())
				assert.Contains(t, b.pinned(4)[0], "running-open → completed", "a reload is not a look at it")
			}
			b.do(chromedp.Click(chromedp.CSS("#pinned [data-seen]"), chromedp.NodeVisible))
			b.until(`document.querySelector("#pinned tbody tr").innerText.includes("no change")`, "it has been seen")
			other.polls()
			other.until(fmt.Sprintf(`document.title === %q`, title), "the title is that of the page again")

			s.transition(t, w.Workflow, "closed-out")
			b.open("/workflows/" + url.PathEscape(w.Workflow))
			b.open("/")
			assert.Contains(t, b.pinned(4)[0], "no change", "its own page is a look at it")
			share := ask[string](b, `document.querySelector('#pinned .seg a').href`)
			plainLook := desktop()
			plainLook.Scripts = false
			plain := newTab(t, browser, address, plainLook)
			plain.open(share[len(address):])
			assert.Len(t, plain.texts("#pinned tbody tr"), 4, "the page can be shared, and needs no script")
			assert.False(t, ask[bool](plain, `document.querySelector("[data-pin]").checkVisibility()`))

			other.open("/workflows/" + url.PathEscape(w.Workflow))
			other.pin("Pin")
			b.pinned(3)
			for n := 3; n > 0; n-- {
				b.pinned(n)
				b.do(chromedp.Click(chromedp.CSS("#pinned tbody [data-pin]"), chromedp.NodeVisible))
			}
			b.until(`!document.querySelector("#pinned").checkVisibility()`, "nothing is pinned any more")
		})
	}
}

// TestBrowserPinsInTwoTabs: of two tabs with the page of one name, the one that is opened
// last keeps the state; the other does not answer with its own.
func TestBrowserPinsInTwoTabs(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 24, Workflows: 100, Lean: true, NoEdges: true})
	page := "/workflows/" + url.PathEscape(all(t, s.cache)[0].Workflow)
	b, other := newTab(t, browser, s.ui, desktop()), newTab(t, browser, s.ui, desktop())
	other.open(page)
	other.pin("Unpin")
	ask[bool](other, `addEventListener("storage", ({ key, newValue }) => { if (key === "pins") window.kept = newValue === localStorage.pins; })`+" || true")
	const state = `document.querySelector("main .head [data-pin]").dataset.state`
	was := ask[string](other, state)
	eventually(t, func() bool { b.open(page); return ask[string](b, state) != was }, "the second tab has another state: it has the time")
	other.until(`"kept" in window`, "the first tab hears of it")
	assert.True(t, ask[bool](other, `kept`))
}

// TestBrowserPinsAreBounded: hostile names can be pinned, and a browser keeps at most
// twenty.
func TestBrowserPinsAreBounded(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 23, Workflows: 100, Lean: true, NoEdges: true})
	b := newTab(t, browser, s.ui, desktop())
	hostile := `w"><img src=x onerror=alert(1)>&pin=site x+%2F|__proto__`
	require.NoError(t, s.couch.Put(requestDB, []byte(plainRequest(hostile, ""))))
	eventually(t, func() bool { _, ok := s.workflow(t, hostile); return ok }, "the cache server has it")
	b.open("/workflows/" + url.PathEscape(hostile))
	b.pin("Unpin")
	b.open("/")
	assert.Contains(t, b.pinned(1)[0], hostile)
	for i, other := range all(t, s.cache)[:20] {
		b.open("/workflows/" + url.PathEscape(other.Workflow))
		if i < 19 {
			b.pin("Unpin")
		}
	}
	b.do(chromedp.Click(chromedp.CSS("main .head [data-pin]"), chromedp.NodeVisible))
	b.until(`document.querySelector("#live").textContent.includes("No room")`, "the reader is told")
	b.open("/")
	assert.Contains(t, b.pinned(20)[0], hostile)
}
