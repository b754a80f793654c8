package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/dmwm/wmstats/scripts/screenshots/chromium"
)

// The network of a remote reader, as the dashboard's budget assumes it, and how
// often a page is opened over it with an empty cache.
const (
	paintLatency = 40 // ms from a request to the header of its answer
	paintBytes   = 10_000_000 / 8
	paintRounds  = 5
	paintWait    = 30 * time.Second
)

// watchPaint has the browser's own observers record the paints so far.
const watchPaint = `(() => {
	window.paint = { largest: 0, shifts: 0 };
	new PerformanceObserver(l => { for (const e of l.getEntries()) paint.largest = e.startTime; }).observe({ type: 'largest-contentful-paint', buffered: true });
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) paint.shifts += e.value; }).observe({ type: 'layout-shift', buffered: true });
	return true;
})()`

// uiPaint prints when the largest element of each page is painted and how much
// moves while it loads, in Chromium behind a slower network. Without a browser
// it prints a note and no figures.
func (r *run) uiPaint(ctx context.Context, ui server) error {
	path, err := chromium.Find()
	if errors.Is(err, chromium.ErrNone) {
		_, err = fmt.Fprintf(r.Out, "# ui: paint is not measured: %v\n", err)
		return err
	}
	if err != nil {
		return err
	}
	browser, stop, err := chromium.Start(ctx, path, func(string, ...any) {})
	if err != nil {
		return err
	}
	defer stop()
	for _, page := range uiPages {
		var largest, shifts []float64
		for range paintRounds {
			l, s, err := paintOf(browser, ui.url+page.path)
			if err != nil {
				return fmt.Errorf("paint of %s: %w", page.path, err)
			}
			largest, shifts = append(largest, l), append(shifts, s)
		}
		slices.Sort(largest)
		r.line("ui: "+page.name+": largest contentful paint at 10 Mbit/s, 40 ms", largest[paintRounds/2], "ms")
		r.line("ui: "+page.name+": layout shift", slices.Max(shifts), "score")
	}
	return nil
}

// paintOf opens a page in a tab of its own with nothing cached: the time of its
// largest paint in ms, and the sum of its layout shifts.
func paintOf(browser context.Context, url string) (largest, shifts float64, err error) {
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	tab, cancel := context.WithTimeout(tab, paintWait)
	defer cancel()
	if err := chromedp.Do(tab); err != nil {
		return 0, 0, fmt.Errorf("open a tab: %w", err)
	}
	if err := (chromium.Look{Width: 1440, Height: 900, Scripts: true}).Apply(tab); err != nil {
		return 0, 0, err
	}
	if _, err := chromedp.Call(tab, network.Enable, network.EnableParams{}); err != nil {
		return 0, 0, fmt.Errorf("watch the network: %w", err)
	}
	if _, err := chromedp.Call(tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		return 0, 0, fmt.Errorf("empty the cache: %w", err)
	}
	slow := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: paintLatency, DownloadThroughput: paintBytes, UploadThroughput: paintBytes},
	}}
	if _, err := chromedp.Call(tab, network.EmulateNetworkConditionsByRule, slow); err != nil {
		return 0, 0, fmt.Errorf("slow the network down: %w", err)
	}
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		return 0, 0, fmt.Errorf("open the page: %w", err)
	}
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
