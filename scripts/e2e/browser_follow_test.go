package e2e

import (
	"fmt"
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
