package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/scripts/freeport"
	"github.com/dmwm/wmstats/web"
)

const background = `getComputedStyle(document.body).backgroundColor`

// TestBrowserTheme: pages follow the system's theme; the button changes it, and the
// choice is kept after a reload and on other pages.
func TestBrowserTheme(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 9, Workflows: 50, Lean: true, NoEdges: true})
	look := desktop()
	light := newTab(t, browser, s.ui, look)
	light.open("/")
	bright := ask[string](light, background)

	look.Dark = true
	b := newTab(t, browser, s.ui, look)
	b.open("/")
	dark := ask[string](b, background)
	assert.NotEqual(t, bright, dark, "pages follow the system's theme")

	b.do(chromedp.Click(chromedp.ID("theme"), chromedp.NodeVisible))
	assert.Equal(t, bright, ask[string](b, background))
	b.loads(chromedp.Reload())
	assert.Equal(t, bright, ask[string](b, background), "the choice is kept after a reload")
	b.open("/workflows")
	assert.Equal(t, bright, ask[string](b, background), "the choice applies to other pages")
	b.do(chromedp.Click(chromedp.ID("theme"), chromedp.NodeVisible))
	assert.Equal(t, dark, ask[string](b, background))

	look.Scripts = false
	plain := newTab(t, browser, s.ui, look)
	plain.open("/")
	assert.Equal(t, dark, ask[string](plain, background), "the system's theme needs no script")
	assert.Equal(t, "none", ask[string](plain, `getComputedStyle(document.querySelector("#theme")).display`), "no button without a function")
}

// TestBrowserChange: a change in the source shows after a reload, with another
// generation; a page that stays open offers the newer data.
func TestBrowserChange(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 10, Workflows: 100, Lean: true, NoEdges: true})
	w := s.withJobs(t)
	b := newTab(t, browser, s.ui, desktop())
	b.open("/workflows/" + url.PathEscape(w.Workflow))
	before, _ := dataLine(t, b)
	assert.False(t, ask[bool](b, `document.querySelector("#pill").checkVisibility()`))

	s.edit(t, requestDB, w.Workflow, "RequestPriority", 424242)
	eventually(t, func() bool { now, ok := s.workflow(t, w.Workflow); return ok && now.Priority == 424242 }, "the cache server has it")
	assert.NotContains(t, b.text("main"), web.Int(424242), "an open page does not change on its own")

	// The page requests news when its reader returns to it.
	ask[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`)
	b.until(`document.querySelector("#pill").checkVisibility()`, "newer data are offered")
	assert.Equal(t, "1 changed: refresh", b.text("#live"), "newer data are announced")
	b.click("#pill")
	assert.Contains(t, b.text("main"), web.Int(424242))
	assert.Equal(t, w.Workflow, b.text("h1"))
	now, _ := dataLine(t, b)
	assert.NotEqual(t, before, now, "another generation")

	s.edit(t, requestDB, w.Workflow, "RequestPriority", 515151)
	eventually(t, func() bool { now, ok := s.workflow(t, w.Workflow); return ok && now.Priority == 515151 }, "the cache server has it")
	before, _ = dataLine(t, b)
	b.loads(chromedp.Reload())
	assert.Contains(t, b.text("main"), web.Int(515151))
	now, _ = dataLine(t, b)
	assert.NotEqual(t, before, now, "another generation")
}

// TestBrowserOutage: the cache server stops and comes back at its address. Each
// page reports that, with the time of the last data, and recovers
// automatically.
func TestBrowserOutage(t *testing.T) {
	browser := newBrowser(t)
	s := newCouch(t, gen.Options{Seed: 11, Workflows: 50, Lean: true, NoEdges: true})
	addr, err := freeport.Addr(t.Context()) // nobody else takes it while the server is down
	require.NoError(t, err)
	_, stop := s.cacheAt(t, addr)
	s.cache = "http://" + addr
	s.ui = startUI(t, s.cache)
	pages := []string{"/", "/workflows", "/campaigns", "/sites", "/releases", "/agents"}
	name := all(t, s.cache)[0].Workflow
	pages = append(pages, "/workflows/"+url.PathEscape(name))

	b := newTab(t, browser, s.ui, desktop())
	for _, page := range pages {
		b.open(page)
	}
	generation, updated := dataLine(t, b)
	stop()
	for _, page := range pages {
		b.expectFailure(page)
		status := b.open(page)
		assert.EqualValues(t, http.StatusBadGateway, status, page)
		assert.Contains(t, b.text(".banner[role=alert]"), "does not answer", page)
		assert.Contains(t, b.text("main"), updated, "%s shows the time of the last data", page)
		assert.Contains(t, b.text("main"), generation, page)
		assert.NotEmpty(t, get(t, s.ui+page).header.Get("Refresh"), "%s retries automatically", page)
	}
	b.open("/about")
	assert.Contains(t, b.text(".banner[role=alert]"), "does not answer", "a page without data is available")

	b.open("/workflows")
	_, stop = s.cacheAt(t, addr)
	defer stop()
	b.until(`document.readyState === "complete" && document.querySelector("h1").innerText === "Workflows"`, "the failed page has reloaded automatically")
	assert.NotEmpty(t, b.names())
	assert.Empty(t, b.texts(".banner[role=alert]"))
	for _, page := range pages {
		assert.EqualValues(t, http.StatusOK, b.open(page), page)
	}
}

// dataLine reads the generation and time from the line that every page has.
func dataLine(t *testing.T, b *tab) (generation, updated string) {
	t.Helper()
	title := ask[string](b, `document.querySelector(".data [title]").title`)
	generation, updated, _ = strings.Cut(strings.TrimPrefix(title, "generation "), ", ")
	_, err := time.Parse("2006-01-02 15:04:05 UTC", updated)
	require.NoError(t, err)
	return generation, updated
}

// cacheAt starts a cache server at an address and waits until it is ready.
func (s *system) cacheAt(t *testing.T, listen string) (addr string, stop func()) {
	t.Helper()
	o := cacheapp.Defaults()
	o.Listen, o.CouchURL, o.Log = listen, s.endpoint.URL(), slog.New(slog.DiscardHandler)
	app, err := cacheapp.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, app.Start(t.Context()))
	waitStatus(t, fmt.Sprintf("http://%s/readyz", app.Addr()), http.StatusOK)
	return app.Addr(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		http.DefaultClient.CloseIdleConnections() // stop waits for open connections
		require.NoError(t, app.Stop(ctx))
	}
}
