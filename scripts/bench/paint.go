package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/scripts/bench/figures"
	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// conditions are the network and the processor of a reader.
type conditions struct {
	name    string
	latency float64 // ms from a request to the header of its answer
	bytes   float64 // per second, both ways
	slower  float64 // processor
	most    float64 // ms, the target of the largest paint; 0: none
}

// remote is the reader of the dashboard's first target, phone the one of the second: slow
// 4G, and a processor slowed four times.
var (
	remote = conditions{name: "10 Mbit/s, 40 ms", latency: 40, bytes: 10_000_000 / 8, slower: 1, most: 1000}
	phone  = conditions{name: "slow 4G, processor / 4", latency: 150, bytes: 1_600_000 / 8, slower: 4, most: 2500}
)

const (
	paintRounds = 5 // how often a page is opened with an empty cache
	paintWait   = 60 * time.Second
)

// watchPaint has the browser's own observers record the paints so far.
const watchPaint = `(() => {
	window.paint = { largest: 0, shifts: 0 };
	new PerformanceObserver(l => { for (const e of l.getEntries()) paint.largest = e.startTime; }).observe({ type: 'largest-contentful-paint', buffered: true });
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) paint.shifts += e.value; }).observe({ type: 'layout-shift', buffered: true });
	return true;
})()`

// uiPaint prints when the largest element of each page is painted and how much moves
// while it loads, in Chromium behind a slower network, and how soon the list answers
// to input. The load of the machine stands beside, because all of them are times.
// Without a browser it prints a note and no figures.
func (r *run) uiPaint(ctx context.Context, ui, cache server) error {
	path, err := chromium.Find()
	if errors.Is(err, chromium.ErrNone) {
		_, err = fmt.Fprintf(r.Out, "# ui: paint is not measured: %v\n", err)
		return err
	}
	if err != nil {
		return err
	}
	workflow, err := r.busiest(ctx, cache)
	if err != nil {
		return err
	}
	browser, stop, err := chromium.Start(ctx, path, func(string, ...any) {})
	if err != nil {
		return err
	}
	defer stop()
	if err := r.loadLine(); err != nil {
		return err
	}
	for _, page := range uiPages {
		if err := r.paintLines(browser, page.name, ui.url+page.path, remote); err != nil {
			return err
		}
	}
	for _, page := range []struct{ name, path string }{{"overview", "/"}, {"list", "/workflows"}, {"workflow", "/workflows/" + url.PathEscape(workflow)}} {
		if err := r.paintLines(browser, page.name, ui.url+page.path, phone); err != nil {
			return err
		}
	}
	if err := r.inputLines(browser, ui.url); err != nil {
		return err
	}
	return r.loadLine()
}

// loadLine prints how busy the machine is, where the system says it.
func (r *run) loadLine() error {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil //nolint:nilerr // another system; the figures stand alone
	}
	_, err = fmt.Fprintf(r.Out, "# ui: load average of the last minute %s, %d processors\n", strings.Fields(string(text))[0], runtime.NumCPU())
	return err
}

// busiest is the name of the workflow with the most failed jobs, whose page is long.
func (r *run) busiest(ctx context.Context, cache server) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cache.url+"/fetch?sort=-Failure&limit=1&fields=Workflow", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("busiest workflow: %w", err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("busiest workflow: %w", err)
	}
	defer resp.Body.Close()
	var found []schema.Workflow
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("busiest workflow: none found"), err)
	}
	return found[0].Workflow, nil
}

// paintLines opens a page several times and prints the median of its largest paint and
// the largest shift.
func (r *run) paintLines(browser context.Context, name, address string, c conditions) error {
	var largest, shifts []float64
	for range paintRounds {
		l, s, err := paintOf(browser, address, c)
		if err != nil {
			return fmt.Errorf("paint of %s: %w", address, err)
		}
		largest, shifts = append(largest, l), append(shifts, s)
	}
	figures.Line(r.Out, r.prefix+"ui: "+name+": largest contentful paint, "+c.name, figures.Median(largest), "ms", fmt.Sprintf("at most %.0f", c.most))
	figures.Line(r.Out, r.prefix+"ui: "+name+": layout shift, "+c.name, slices.Max(shifts), "score", "0")
	return nil
}

// openAs opens a page in a tab of its own with nothing cached, as a reader with these
// conditions. The caller closes the tab.
func openAs(browser context.Context, address string, c conditions) (tab context.Context, closeTab context.CancelFunc, err error) {
	tab, closeTarget := chromedp.NewContext(browser)
	tab, cancel := context.WithTimeout(tab, paintWait)
	closeTab = func() { cancel(); closeTarget() }
	defer func() {
		if err != nil {
			closeTab()
		}
	}()
	if err := chromedp.Do(tab); err != nil {
		return nil, nil, fmt.Errorf("open a tab: %w", err)
	}
	if err := (chromium.Look{Width: 1440, Height: 900, Scripts: true}).Apply(tab); err != nil {
		return nil, nil, err
	}
	if _, err := chromedp.Call(tab, network.Enable, network.EnableParams{}); err != nil {
		return nil, nil, fmt.Errorf("watch the network: %w", err)
	}
	if _, err := chromedp.Call(tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		return nil, nil, fmt.Errorf("empty the cache: %w", err)
	}
	if c.bytes > 0 {
		slow := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
			{Latency: c.latency, DownloadThroughput: c.bytes, UploadThroughput: c.bytes},
		}}
		if _, err := chromedp.Call(tab, network.EmulateNetworkConditionsByRule, slow); err != nil {
			return nil, nil, fmt.Errorf("slow the network down: %w", err)
		}
	}
	if c.slower > 1 {
		if _, err := chromedp.Call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: c.slower}); err != nil {
			return nil, nil, fmt.Errorf("slow the processor down: %w", err)
		}
	}
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return nil, nil, fmt.Errorf("open the page: %w", err)
	}
	return tab, closeTab, nil
}

// paintOf opens a page: the time of its largest paint in ms, and the sum of its layout
// shifts.
func paintOf(browser context.Context, address string, c conditions) (largest, shifts float64, err error) {
	tab, closeTab, err := openAs(browser, address, c)
	if err != nil {
		return 0, 0, err
	}
	defer closeTab()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](watchPaint)); err != nil {
		return 0, 0, fmt.Errorf("watch the paint: %w", err)
	}
	for {
		told, err := chromedp.Run(tab, chromedp.Evaluate[[]float64](`[paint.largest, paint.shifts]`))
		if err != nil {
			return 0, 0, fmt.Errorf("read the paint: %w", err)
		}
		if told[0] > 0 {
			return told[0], told[1], nil
		}
		select {
		case <-tab.Done():
			return 0, 0, fmt.Errorf("nothing was painted: %w", tab.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
