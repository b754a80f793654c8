package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// inputs are what a reader does on a list. The browser gets real input events.
var inputs = []struct {
	name string
	do   []chromedp.Action[chromedp.Void]
}{
	{"tick a row", []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(`.list tbody input[name=name]`))}},
	{"tick all rows", []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(`#all`))}},
	{"move by keys", []chromedp.Action[chromedp.Void]{chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x")}},
	{"type a filter", []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(`#q`)), chromedp.KeyEvent("R"), chromedp.KeyEvent("u"), chromedp.KeyEvent("n"), chromedp.KeyEvent(kb.Escape)}},
	{"sort by a heading", []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(`.list thead a[href*="sort=-Priority"]`))}},
}

// watchInput has the browser's own observer record when each input was and the time until
// the paint that followed it. The browser reports times from 16 ms on, in steps of 8 ms. It
// is false if the window is smaller than the page: then the browser draws only a part.
const watchInput = `(() => {
	window.inputs = [];
	new PerformanceObserver(l => { for (const e of l.getEntries()) if (e.interactionId) inputs.push([e.startTime, e.duration]); })
		.observe({ type: 'event', durationThreshold: 16 });
	return outerWidth >= innerWidth && outerHeight >= innerHeight;
})()`

// moment waits until the page has been painted, and returns the time. Reports of the
// observer may come later than that.
const moment = `new Promise(done => setTimeout(() => requestAnimationFrame(() => setTimeout(() => done(performance.now()), 100)), 300))`

// reported waits for late reports of the observer and returns all of them.
const reported = `new Promise(done => setTimeout(() => requestIdleCallback(() => done(inputs)), 2000))`

// inputLines prints how long the list needs to answer to input, at 50 and at 200 rows,
// on the whole processor: the median of the rounds for each kind.
func (r *run) inputLines(browser context.Context, ui string) error {
	for _, size := range []struct {
		rows int
		most float64 // ms
	}{{50, 100}, {200, 200}} {
		times := make([][]float64, len(inputs))
		for range paintRounds {
			if err := inputRound(browser, fmt.Sprintf("%s/workflows?limit=%d", ui, size.rows), times); err != nil {
				return err
			}
		}
		for i, input := range inputs {
			figures.Line(r.Out, fmt.Sprintf("%sui: list of %d rows: %s, until painted", r.prefix, size.rows, input.name), figures.Median(times[i]), "ms", fmt.Sprintf("at most %.0f", size.most))
		}
	}
	return nil
}

// inputRound opens a list and appends the time of each kind of input.
func inputRound(browser context.Context, address string, times [][]float64) error {
	tab, closeTab, err := openAs(browser, address, conditions{})
	if err != nil {
		return err
	}
	defer closeTab()
	whole, err := chromedp.Run(tab, chromedp.Evaluate[bool](watchInput))
	if err != nil {
		return fmt.Errorf("watch the input: %w", err)
	}
	if !whole {
		return errors.New("watch the input: the window of the browser is smaller than the page")
	}
	began := make([]float64, 0, len(inputs))
	for _, input := range inputs {
		now, err := chromedp.Run(tab, chromedp.Evaluate[float64](moment, chromedp.EvalAwaitPromise))
		if err != nil {
			return fmt.Errorf("%s: %w", input.name, err)
		}
		began = append(began, now)
		if err := chromedp.Do(tab, input.do...); err != nil {
			return fmt.Errorf("%s: %w", input.name, err)
		}
	}
	all, err := chromedp.Run(tab, chromedp.Evaluate[[][2]float64](reported, chromedp.EvalAwaitPromise))
	if err != nil {
		return fmt.Errorf("times of the input: %w", err)
	}
	for i, longest := range longestOf(began, all) {
		times[i] = append(times[i], longest)
	}
	return nil
}

// longestOf returns for each kind of input, by when the first of it was sent, the longest
// time until painted; 0: each took less than the browser reports.
func longestOf(began []float64, all [][2]float64) []float64 {
	longest := make([]float64, len(began))
	for _, one := range all {
		for i := len(began) - 1; i >= 0; i-- {
			if one[0] >= began[i] {
				longest[i] = max(longest[i], one[1])
				break
			}
		}
	}
	return longest
}
