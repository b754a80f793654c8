package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// desktop is the window of most tests.
func desktop() chromium.Look {
	return chromium.Look{Width: 1440, Height: 900, Scripts: true}
}

// newBrowser starts a browser for one test, or skips the test if no browser is
// installed.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("browser tests are skipped with -short")
	}
	path, err := chromium.Find()
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	browser, stop, err := chromium.Start(t.Context(), path, t.Logf)
	require.NoError(t, err)
	t.Cleanup(stop)
	return browser
}

// tab is one tab of a reader of one server's pages. Any complaint of the browser
// while the tab is open fails the test at its end: errors and warnings on the
// console, uncaught exceptions, violations of the content security policy, failed
// requests.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string // URL of the UI server, which may have a path

	origin string // base without its path

	scripts bool // JavaScript is enabled

	mu         sync.Mutex
	urls       map[network.RequestID]string
	complaints []complaint
	expected   []string // addresses that are expected to fail
}

type complaint struct{ url, text string }

func newTab(t *testing.T, browser context.Context, base string, look chromium.Look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	at, err := url.Parse(base)
	require.NoError(t, err)
	b := &tab{t: t, ctx: ctx, base: base, origin: at.Scheme + "://" + at.Host, scripts: look.Scripts, urls: map[network.RequestID]string{}}
	require.NoError(t, chromedp.Do(ctx))
	require.NoError(t, chromedp.Listen(ctx, b.hear))
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	require.NoError(t, err)
	require.NoError(t, look.Apply(ctx))
	t.Cleanup(b.complain)
	return b
}

// hear collects complaints. It runs on the goroutine that reads the browser's
// messages.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	add := func(url, format string, args ...any) {
		b.complaints = append(b.complaints, complaint{url, fmt.Sprintf(format, args...)})
	}
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range e.Args {
				add("", "console %s: %s", e.Type, arg.Value)
			}
		}
	case *runtime.EventExceptionThrown:
		add(e.ExceptionDetails.URL, "exception: %v", (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			add(e.Entry.URL, "%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			add(d.BlockedURL, "content security policy: %s", d.ViolatedDirective)
		}
	case *network.EventRequestWillBeSent:
		b.urls[e.RequestID] = e.Request.URL
		if rest, here := strings.CutPrefix(e.Request.URL, b.origin); here && !strings.HasPrefix(rest, strings.TrimPrefix(b.base, b.origin)+"/") {
			add(e.Request.URL, "a request outside %s", b.base)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			add(e.Response.URL, "status %d", e.Response.Status)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			add(b.urls[e.RequestID], "request failed: %s", e.ErrorText)
		}
	}
}

// expectFailure marks complaints about one address as expected.
func (b *tab) expectFailure(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, b.base+address)
}

func (b *tab) complain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		meant := false
		for _, url := range b.expected {
			meant = meant || c.url == url
		}
		if !meant {
			assert.Fail(b.t, "the browser complains", "%s: %s", c.url, c.text)
		}
	}
}

// open loads an address of the server and returns the status of the answer.
func (b *tab) open(address string) int64 {
	b.t.Helper()
	return b.loads(chromedp.Navigate(b.base + address))
}

// click clicks an element that leads to another view, and waits for it: a new page,
// or new content of this page.
func (b *tab) click(css string) {
	b.t.Helper()
	b.turns(css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// turns runs steps that lead to another view, and waits for that view. An error
// answer is a complaint of the browser.
func (b *tab) turns(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ask[bool](b, `(document.querySelector("#results") || document.querySelector("main")).dataset.old = "", true`)
	b.do(steps...)
	b.until(settled, "a new view after %s", what)
}

// settled is true when the view is not the marked one and is complete.
const settled = `document.readyState === "complete" && !!document.querySelector("main") && !document.querySelector("[data-old]") && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")`

func (b *tab) loads(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, steps...)
	require.NoError(b.t, err)
	return answer.Status
}

// do runs actions that stay on the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// back goes one page back in the history and waits until its address shows.
func (b *tab) back() {
	b.t.Helper()
	b.turns("back", chromedp.NavigateBack())
}

// address returns the address bar without scheme and host.
func (b *tab) address() string {
	b.t.Helper()
	return strings.TrimPrefix(ask[string](b, `location.href`), b.base)
}

// ask evaluates an expression in the page; it works with scripts disabled too.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

// until waits for a condition of the page. Meanwhile another page may be loading: an
// evaluation that fails is repeated.
func (b *tab) until(condition, format string, args ...any) {
	b.t.Helper()
	eventually(b.t, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		return err == nil && holds
	}, format, args...)
}

// answered waits until the page shows the answer to a request with this parameter: while a
// reader types, each part of the text may be a request.
func (b *tab) answered(param, value string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`performance.getEntriesByType("resource").some(e => new URL(e.name).searchParams.get(%q) === %q) && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")`, param, value), "the answer to %s=%s", param, value)
}

// texts returns the trimmed texts of all matching elements.
func (b *tab) texts(css string) []string {
	b.t.Helper()
	return ask[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.innerText.trim())`, css))
}

// text returns the text of the only matching element.
func (b *tab) text(css string) string {
	b.t.Helper()
	all := b.texts(css)
	require.Len(b.t, all, 1, css)
	return all[0]
}

// names returns the workflows of the list.
func (b *tab) names() []string {
	b.t.Helper()
	return ask[[]string](b, `[...document.querySelectorAll("table.list tbody th a")].map(e => e.textContent)`)
}

// heads returns the labels of the list's columns, without arrows.
func (b *tab) heads() []string {
	b.t.Helper()
	heads := b.texts("table.list thead th")
	for i := range heads {
		heads[i] = strings.TrimRight(heads[i], " ↑↓")
	}
	return heads
}

// column returns the text of every cell under a heading.
func (b *tab) column(head string) []string {
	b.t.Helper()
	for i, h := range b.heads() {
		if h == head {
			return b.texts(fmt.Sprintf("table.list tbody tr > :nth-child(%d)", i+1))
		}
	}
	require.Fail(b.t, "unknown column", "%s in %v", head, b.heads())
	return nil
}

// total returns the number of workflows that the list shows.
func (b *tab) total() int {
	b.t.Helper()
	return figure(b.t, b.text(".tools .count strong"))
}

// figure reads a count as pages write it: "20 113 workflows" is 20113.
func figure(t *testing.T, text string) (n int) {
	t.Helper()
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	_, err := fmt.Sscan(digits, &n)
	require.NoError(t, err, "a count in %q", text)
	return n
}
