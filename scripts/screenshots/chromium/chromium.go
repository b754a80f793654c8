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

// ErrNone means that PATH has no browser.
var ErrNone = errors.New("no Chromium or Chrome in PATH")

// names are the programs that Find looks for, in this order.
var names = []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}

// Find returns the path of the browser, or an error that wraps ErrNone.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w (looked for %s)", ErrNone, strings.Join(names, ", "))
}

// Size of the window, for a page of 1440 x 900 px and the frame of the window.
const (
	windowWidth  = 1440
	windowHeight = 1080
)

// Start starts the browser at path with an empty profile, which it removes at the
// end. chromedp.NewContext opens tabs from the returned context; cancel ends the
// browser and waits for it. logf receives errors of the connection to the browser.
func Start(ctx context.Context, path string, logf func(string, ...any)) (context.Context, context.CancelFunc, error) {
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		// Of a page that is larger than the window, the browser does not draw the rest:
		// a change there is painted, by its reports, when something in the window changes.
		chromedp.WindowSize(windowWidth, windowHeight),
		// chromedp has lost its handles on a page that returns from this cache:
		// each step back loads the page again instead.
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

// Look describes the reader's window.
type Look struct {
	Width, Height int64 // CSS px
	Dark          bool  // theme of the reader's system
	Scripts       bool  // JavaScript is enabled
}

// Apply sets the look of the tab of ctx.
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
