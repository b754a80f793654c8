// Package chromium finds a Chromium on this machine and starts it without a
// window, a profile or background activity. It knows nothing of the pages that
// are viewed.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// ErrNone says that there is no browser in PATH.
var ErrNone = errors.New("no Chromium or Chrome in PATH")

// names are the programs that are looked for, in this order.
var names = []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}

// Find is the path of the browser, or an error that wraps ErrNone.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w (looked for %s)", ErrNone, strings.Join(names, ", "))
}

// Start starts the browser at path with an empty profile, which is removed
// again. Tabs are made of the returned context with chromedp.NewContext; cancel
// ends the browser and waits for it. logf gets what is wrong with the
// connection to the browser.
func Start(ctx context.Context, path string, logf func(string, ...any)) (context.Context, context.CancelFunc, error) {
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		// A page that comes back from this cache is one that chromedp has lost
		// its handles on: each step back loads the page again instead.
		chromedp.Flag("disable-features", "Translate,BackForwardCache"),
	)...)
	browser, stopBrowser := chromedp.NewContext(allocator, chromedp.WithErrorf(logf))
	stop := func() {
		stopBrowser()
		stopAllocator()
	}
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return browser, stop, nil
}

// Look is the reader's window.
type Look struct {
	Width, Height int64 // CSS px
	Dark          bool  // the theme that the reader's system is set to
	Scripts       bool  // JavaScript runs
}

// Apply gives the tab of ctx this look.
func (l Look) Apply(ctx context.Context) error {
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(l.Width, l.Height)); err != nil {
		return fmt.Errorf("size of the window: %w", err)
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		return fmt.Errorf("theme of the system: %w", err)
	}
	scripts := emulation.SetScriptExecutionDisabledParams{Value: !l.Scripts}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, scripts); err != nil {
		return fmt.Errorf("switch JavaScript: %w", err)
	}
	return nil
}
