package e2e

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// TestBrowserKeys walks through the pages by keyboard, and writes filters.
func TestBrowserKeys(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 8, Workflows: 300, Lean: true, NoEdges: true})
	for _, flow := range keyFlows() {
		t.Run(flow.name, func(t *testing.T) { flow.run(newTab(t, browser, s.ui, desktop())) })
	}
}

// keyFlows are what a reader does by keyboard.
func keyFlows() []flow {
	return []flow{{"rows", rowsByKey}, {"pages", pagesByKey}, {"filter", filterByKey}, {"off", keysOff}}
}

func (b *tab) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// chord presses keys one right after the other. They have one time, because the page waits
// a second and a half for the next key, and a busy machine may be slower.
func chord(keys string) chromedp.Action[chromedp.Void] {
	at := input.TimeSinceEpoch(float64(time.Now().UnixMicro()) / 1e6)
	return chromedp.KeyEvent(keys, func(p *input.DispatchKeyEventParams) { p.Timestamp = at })
}

const focused = `document.activeElement.textContent`

func rowsByKey(b *tab) {
	b.open("/workflows?limit=25")
	names := b.names()
	b.press("jj")
	assert.Equal(b.t, names[1], ask[string](b, focused))
	b.press("kx")
	assert.Equal(b.t, names[0], ask[string](b, focused))
	b.press("jx")
	assert.Equal(b.t, 2, ask[int](b, `document.querySelectorAll("tr[data-picked]").length`))
	assert.Equal(b.t, "2 selected", ask[string](b, `document.querySelector("#live").textContent`))
	b.press("x")
	assert.Equal(b.t, 1, ask[int](b, `document.querySelectorAll("tr[data-picked]").length`), "a second x unticks the row")
	b.turns("]", chromedp.KeyEvent("]"))
	assert.NotContains(b.t, b.names(), names[0])
	b.turns("[", chromedp.KeyEvent("["))
	assert.Equal(b.t, names, b.names())
	b.press("j")
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.Equal(b.t, names[0], b.text("h1"))
}

func pagesByKey(b *tab) {
	b.open("/about")
	for key, heading := range map[string]string{"o": "Overview", "l": "Attention", "w": "Workflows", "c": "Campaigns", "s": "Sites", "r": "Releases", "a": "Agents"} {
		b.loads(chord("g" + key))
		assert.Equal(b.t, heading, b.text("h1"))
	}
	b.press("?")
	require.True(b.t, ask[bool](b, `document.querySelector("#keys").open`))
	b.do(chord("gw"))
	assert.Equal(b.t, "Keyboard shortcuts", b.text("#keys h2"), "keys have no effect behind the dialog")
	b.press(kb.Escape)
	assert.False(b.t, ask[bool](b, `document.querySelector("#keys").open`))
}

func filterByKey(b *tab) {
	b.open("/workflows?sort=-Priority")
	b.press("/")
	require.Equal(b.t, "q", ask[string](b, `document.activeElement.id`))
	// The tool sends the character after the key press, although the page handled it.
	ask[string](b, `document.querySelector("#q").value = ""`)
	b.press("status:running-closed prio:>1 ?jx")
	assert.False(b.t, ask[bool](b, `document.querySelector("#keys").open`), "no shortcut while typing")
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.Equal(b.t, url.Values{"status": {"running-closed"}, "minPriority": {"2"}, "q": {"?jx"}, "sort": {"-Priority"}}, b.query())

	b.open("/workflows?status=running-closed")
	total := b.total()
	b.expectFailure("/workflows?f=status%3Arunning-closed%20stauts%3Anew&status=running-closed")
	b.do(chromedp.SendKeys(chromedp.ID("q"), kb.End+" stauts:new"))
	b.turns("Enter", chromedp.KeyEvent(kb.Enter))
	assert.Equal(b.t, "stauts:new", b.text("#mistakes mark"))
	assert.Equal(b.t, total, b.total(), "the old result stays")
	b.click("#mistakes a")
	assert.Equal(b.t, url.Values{"status": {"new,running-closed"}}, b.query())
}

func keysOff(b *tab) {
	b.open("/workflows")
	b.do(chromedp.Click(chromedp.ID("help"), chromedp.NodeVisible), chromedp.Click(chromedp.ID("keys-on"), chromedp.NodeVisible))
	b.press(kb.Escape)
	b.open("/workflows")
	b.press("j?")
	assert.NotContains(b.t, b.names(), ask[string](b, focused))
	assert.False(b.t, ask[bool](b, `document.querySelector("#keys").open`))
	b.do(chromedp.Click(chromedp.ID("help"), chromedp.NodeVisible), chromedp.Click(chromedp.ID("keys-on"), chromedp.NodeVisible))
	b.press(kb.Escape)
	b.press("j")
	assert.Equal(b.t, b.names()[0], ask[string](b, focused))
}
