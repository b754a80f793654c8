// Package screenshots creates the pictures of the dashboard for the
// documentation: it starts the whole system on mock data that do not change,
// opens pages in a browser and writes PNG files. It compares nothing; the tests
// in scripts/e2e check the pages.
package screenshots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/scripts/demo"
	"github.com/dmwm/wmstats/scripts/freeport"
	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// Options of one run.
type Options struct {
	Bin       string // folder of the programs
	Folder    string // of the pictures; created if it does not exist
	Workflows int    // size of the mock data
	Seed      int64
	Out       io.Writer // progress
}

const (
	wide     = 1440 // px
	height   = 960
	patience = 2 * time.Minute
)

// shot is one picture.
type shot struct {
	name, address string
	look          chromium.Look
	mark          string // element that gets a red frame, as a CSS selector; empty: none
	at            string // element at the top of the picture, as a CSS selector; empty: the top of the page
}

// Run starts the system, takes all pictures and stops it again.
func Run(ctx context.Context, o Options) error {
	path, err := chromium.Find()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return fmt.Errorf("folder of the pictures: %w", err)
	}
	system, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer system.stop()
	shots, err := system.shots(ctx)
	if err != nil {
		return err
	}
	browser, stop, err := chromium.Start(ctx, path, func(string, ...any) {})
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range shots {
		if err := take(browser, s, o); err != nil {
			return fmt.Errorf("picture %s: %w", s.name, err)
		}
	}
	return nil
}

// system has the programs that run as separate processes.
type system struct {
	ui, cache string // URLs
	stop      func()
}

// start returns when all pages are available.
func start(ctx context.Context, o Options) (*system, error) {
	addrs := make([]string, 3)
	for i := range addrs {
		var err error
		if addrs[i], err = freeport.Addr(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{
			Bin: o.Bin, UIAddr: addrs[0], CacheAddr: addrs[1], CouchAddr: addrs[2],
			Workflows: o.Workflows, Seed: o.Seed, Out: o.Out, ReadyWait: patience,
		})
	}()
	s := &system{ui: "http://" + addrs[0], cache: "http://" + addrs[1]}
	s.stop = func() { cancel(); <-ended } //nolint:errcheck // only its end matters: the pictures are taken
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := read(ctx, s.ui+"/readyz"); err == nil {
			return s, nil
		}
		select {
		case err := <-ended:
			cancel()
			return nil, errors.Join(errors.New("the system did not start"), err)
		case <-tick.C:
		}
	}
}

// shots lists the pictures, in the order of docs/tutorial/first-shift.md. The
// workflow is the first one under the rule "site error"; the site is one where
// input files can't be opened.
func (s *system) shots(ctx context.Context) ([]shot, error) {
	const site, exitCode = "T2_CN_Beijing", "8028"
	body, err := read(ctx, s.cache+"/fetch?alert=site_error&sort=-Failure&limit=1")
	if err != nil {
		return nil, fmt.Errorf("look for a workflow: %w", err)
	}
	var found []schema.Workflow
	if err := json.Unmarshal(body, &found); err != nil || len(found) == 0 {
		return nil, fmt.Errorf("look for a workflow under the rule site_error: none in %.200s (%w)", body, err)
	}
	workflow := s.ui + "/workflows/" + url.PathEscape(found[0].Workflow)
	list := s.ui + "/workflows?"
	shots := []shot{
		{name: "overview", address: s.ui + "/", mark: `nav a[href="/attention"]`},
		{name: "attention", address: s.ui + "/attention", mark: `a[href="#site_error"]`},
		{name: "attention-site", address: s.ui + "/attention", mark: `section[aria-labelledby="site_error"] tbody a`, at: `section[aria-labelledby="site_error"]`},
		{name: "workflow", address: workflow, mark: `#numbers`},
		{name: "workflow-errors", address: workflow, mark: "#errors", at: "#errors"},
		{name: "errors", address: s.ui + "/errors", mark: `a[href*="exitcode=` + exitCode + `&site=` + site + `"]`},
		{name: "errors-site", address: s.ui + "/errors?exitcode=" + exitCode + "&site=" + site, mark: `section[aria-labelledby="workflows-h"]`},
		{name: "site", address: s.ui + "/sites/" + site},
		{name: "workflows-site", address: list + "site=" + site + "&minFailureRate=10&sort=-Failure", mark: `#q`},
		{name: "changed", address: s.ui + "/changed"},
		{name: "agents", address: s.ui + "/agents"},
		{name: "api", address: s.ui + "/api?status=running-open"},
	}
	for i := range shots {
		shots[i].look = chromium.Look{Width: wide, Height: height, Scripts: true}
	}
	return shots, nil
}

// take opens a page in its own tab and writes the picture.
func take(browser context.Context, s shot, o Options) error {
	tab, cancel := chromedp.NewContext(browser)
	defer cancel()
	if err := chromedp.Do(tab); err != nil {
		return err
	}
	limited, stop := context.WithTimeout(tab, patience)
	defer stop()
	if err := s.look.Apply(limited); err != nil {
		return err
	}
	answer, err := chromedp.RunResponse(limited, chromedp.Navigate(s.address))
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("%s answers %d", s.address, answer.Status)
	}
	if err := s.frame(limited); err != nil {
		return err
	}
	picture, err := chromedp.Run(limited, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	file := filepath.Join(o.Folder, s.name+".png")
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "%s: %d kB\n", file, len(picture)/1000)
	return nil
}

// frame scrolls to the position of the shot and draws a frame around its mark.
func (s shot) frame(ctx context.Context) error {
	const script = `((mark, at) => {
		const find = (selector) => selector === "" ? null : document.querySelector(selector)
		const marked = find(mark), top = find(at)
		if (mark !== "" && !marked || at !== "" && !top) return false
		if (marked) { marked.style.outline = "3px solid #d7003a"; marked.style.outlineOffset = "2px" }
		if (top) window.scrollTo(0, top.getBoundingClientRect().top + window.scrollY - 16)
		return true
	})(%q, %q)`
	found, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(script, s.mark, s.at)))
	if err != nil {
		return fmt.Errorf("mark %q: %w", s.mark, err)
	}
	if !found {
		return fmt.Errorf("the page lacks %q or %q", s.mark, s.at)
	}
	return nil
}

// read returns the body of a 200 answer.
func read(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %.200s", address, resp.StatusCode, body)
	}
	return body, err
}
