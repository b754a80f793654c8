package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// axe-core is a tool of this test only: it is downloaded when the test runs,
// verified, and stored in the user's cache. The project neither has nor serves it.
const (
	axeVersion = "4.14.1"
	axeSum     = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// TestBrowserAccessibility: axe-core reports no violation on any page, in both
// themes, wide and narrow. Targets of less than 24 px are violations too.
func TestBrowserAccessibility(t *testing.T) {
	browser := newBrowser(t)
	axe, err := axeSource(t.Context())
	if err != nil {
		t.Skipf("skipped: axe-core %s is not available: %v", axeVersion, err)
	}
	s := newSystem(t, gen.Options{Seed: 12, Workflows: 150, Lean: true})
	for _, address := range s.everyPage(t) {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			b := newTab(t, browser, s.ui, desktop())
			if get(t, s.ui+address).status >= http.StatusBadRequest {
				b.expectFailure(address)
			}
			b.open(address)
			b.do(chromedp.Evaluate[chromedp.Void](axe))
			for _, look := range []chromium.Look{{Width: 1440}, {Width: 1440, Dark: true}, {Width: 390}, {Width: 390, Dark: true}} {
				look.Height, look.Scripts = 900, true
				b.accessible(look)
			}
		})
	}
	// Not in parallel, because only the tab in front gets key presses.
	t.Run("dialogs", func(t *testing.T) {
		b := newTab(t, browser, s.ui, desktop())
		b.open("/workflows")
		b.do(chromedp.Evaluate[chromedp.Void](axe))
		for dialog, open := range map[string]string{
			"#keys": "#help", "#palette": "#find", "#save": "#save-view", "#facet": `a[data-dialog][href*="/facet/"]`, "#facet #columns": `a[data-dialog][href*="/columns"]`,
		} {
			b.opens(dialog, open)
			for _, dark := range []bool{false, true} {
				b.accessible(chromium.Look{Width: 1440, Height: 900, Dark: dark, Scripts: true})
			}
			b.press(kb.Escape)
		}
	})
}

// everyPage returns an address of each kind of page.
func (s *system) everyPage(t *testing.T) []string {
	t.Helper()
	records := all(t, s.cache)
	busy := slices.IndexFunc(records, func(w schema.Workflow) bool {
		return len(w.Agents) > 0 && len(w.Sites) > 0 && w.Campaign != "" && w.Release != "" && w.Failure > 0
	})
	require.GreaterOrEqual(t, busy, 0, "the world has no workflow with failures")
	w := records[busy]
	return []string{
		"/", "/workflows", "/workflows?status=running-open&site=T*&cols=jobs", "/workflows?q=nothing-has-this-name",
		"/workflows?colour=blue&status=running-opn", "/workflows/" + url.PathEscape(w.Workflow), "/workflows/" + url.PathEscape(w.Workflow) + "?show=jobs,logs", "/workflows/not-there",
		"/compare?campaign=" + url.QueryEscape(w.Campaign), "/compare?site=" + strings.Join(w.Sites[:min(len(w.Sites), 4)], "&site="),
		"/campaigns", "/campaigns/" + url.PathEscape(w.Campaign), "/sites", "/sites/" + url.PathEscape(w.Sites[0]),
		"/releases", "/releases/" + url.PathEscape(w.Release), "/agents", "/agents/" + url.PathEscape(w.Agents[0]), "/errors", "/errors?exitcode=8021&rows=all", "/agents?kind=service",
		"/attention", "/go?q=T2", "/facet/sites?prefix=T", "/columns", "/selection?status=running-open", "/changed?since=forgotten",
		"/attention?since=1d&new=1", "/pinned", "/pinned?" + url.Values{"pin": {"workflow " + w.Workflow, "campaign " + w.Campaign, "site " + w.Sites[0], "agent " + w.Agents[0], "site gone"}}.Encode(),
		"/api", "/about", "/no-such-page",
	}
}

// violation has the parts of axe-core's report that a failure prints.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML           string `json:"html"`
		Target         []any  `json:"target"`
		FailureSummary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (b *tab) accessible(look chromium.Look) {
	b.t.Helper()
	require.NoError(b.t, look.Apply(b.ctx))
	seen := fmt.Sprintf("%d px, dark %t", look.Width, look.Dark)
	b.fits(seen)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]violation](
		`axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(r => r.violations)`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	for _, v := range found {
		var places []string
		for _, n := range v.Nodes[:min(len(v.Nodes), 3)] {
			places = append(places, fmt.Sprintf("%v %.300s\n%s", n.Target, n.HTML, n.FailureSummary))
		}
		assert.Fail(b.t, "not accessible", "%s: %s (%s): %s, %d times:\n%s", seen, v.ID, v.Impact, v.Help, len(v.Nodes), strings.Join(places, "\n"))
	}
}

// fits fails if the page is wider than the window. After a change of the window it waits,
// because a script finds out which tables must scroll when the next frame is drawn.
func (b *tab) fits(seen string) {
	b.t.Helper()
	b.until(`document.documentElement.scrollWidth <= document.documentElement.clientWidth`, "%s: the page is wider than the window", seen)
}

// axeSource returns the source of axe-core, from the cache or from npm.
func axeSource(ctx context.Context) (string, error) {
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(caches, "wmstats-test")
	archive := filepath.Join(folder, "axe-core-"+axeVersion+".tgz")
	packed, err := os.ReadFile(archive)
	if errors.Is(err, os.ErrNotExist) {
		if packed, err = packAxe(ctx, folder, archive); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	if sum := sha512.Sum512(packed); "sha512-"+base64.StdEncoding.EncodeToString(sum[:]) != axeSum {
		return "", fmt.Errorf("%s differs from the archive that this test was written for", archive)
	}
	return unpack(packed, "package/axe.min.js")
}

func packAxe(ctx context.Context, folder, archive string) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "axe-core@"+axeVersion)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.ReadFile(archive)
}

// unpack reads one file of a packed archive.
func unpack(packed []byte, name string) (string, error) {
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	files := tar.NewReader(plain)
	for {
		head, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if head.Name == name {
			text, err := io.ReadAll(files)
			return string(text), err
		}
	}
}
