package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// latency prints how long a change takes until /fetch shows it.
func (r *run) latency(ctx context.Context, couch, cache server) error {
	names, err := r.someWorkflows(ctx, cache)
	if err != nil {
		return err
	}
	times, err := r.change(ctx, couch, cache, names, 100_000)
	if err != nil {
		return err
	}
	r.line("change to visible: changes per second", float64(r.PerSecond), "1/s")
	r.line("change to visible: p50", quantile(times, 0.50), "ms")
	r.line("change to visible: p99", quantile(times, 0.99), "ms")
	r.line("change to visible: slowest", quantile(times, 1), "ms")
	return nil
}

// change changes request documents at the requested rate and measures, for each,
// the time from the answer of the write until /fetch shows it. The times are
// sorted. Priorities count up from the given one, which must be above those
// of any document.
func (r *run) change(ctx context.Context, couch, cache server, names []string, priority int) ([]time.Duration, error) {
	results := make(chan result, r.Changes)
	tick := time.NewTicker(time.Second / time.Duration(r.PerSecond))
	defer tick.Stop()
	for i := range r.Changes {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
		go func() {
			took, err := r.oneChange(ctx, couch, cache, names[i%len(names)], priority+i)
			results <- result{took, err}
		}()
	}
	var times []time.Duration
	for range r.Changes {
		res := <-results
		if res.err != nil {
			return nil, res.err
		}
		times = append(times, res.took)
	}
	slices.Sort(times)
	return times, nil
}

// quantile returns a quantile of sorted times, in ms.
func quantile(times []time.Duration, q float64) float64 {
	return float64(times[min(len(times)-1, int(q*float64(len(times))))].Microseconds()) / 1000
}

type result struct {
	took time.Duration
	err  error
}

func (r *run) someWorkflows(ctx context.Context, cache server) ([]string, error) {
	_, body, err := r.do(ctx, http.MethodGet, fmt.Sprintf("%s/fetch?status=acquired,running-open&fields=Workflow&limit=%d", cache.url, min(r.Changes, 1000)), nil)
	if err != nil {
		return nil, err
	}
	var records []struct{ Workflow string }
	if err := json.Unmarshal(body, &records); err != nil {
		return nil, fmt.Errorf("list workflows to change: %w", err)
	}
	if len(records) == 0 {
		return nil, errors.New("list workflows to change: none found")
	}
	names := make([]string, len(records))
	for i, rec := range records {
		names[i] = rec.Workflow
	}
	return names, nil
}

// oneChange assigns a workflow a unique priority, and polls until it is
// visible.
func (r *run) oneChange(ctx context.Context, couch, cache server, name string, priority int) (time.Duration, error) {
	if err := r.prioritize(ctx, couch, name, priority); err != nil {
		return 0, err
	}
	began := time.Now()
	err := r.seen(ctx, cache, name, priority)
	return time.Since(began), err
}

// prioritize writes another priority into a request document.
func (r *run) prioritize(ctx context.Context, couch server, name string, priority int) error {
	docURL := couch.url + "/reqmgr_workload_cache/" + url.PathEscape(name)
	_, body, err := r.do(ctx, http.MethodGet, docURL, nil)
	if err != nil {
		return err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return fmt.Errorf("read document %s: %w", name, err)
	}
	doc["RequestPriority"] = json.RawMessage(fmt.Sprint(priority))
	status, answer, err := r.do(ctx, http.MethodPut, docURL, doc)
	if err != nil {
		return err
	}
	if status != http.StatusCreated {
		return fmt.Errorf("write document %s: status %d %s", name, status, answer)
	}
	return nil
}

// seen waits until /fetch shows a priority.
func (r *run) seen(ctx context.Context, cache server, name string, priority int) error {
	began := time.Now()
	page := cache.url + "/fetch?fields=Workflow,Priority&name=" + url.QueryEscape(name)
	for {
		_, body, err := r.do(ctx, http.MethodGet, page, nil)
		if err != nil {
			return err
		}
		var records []schema.Workflow
		if err := json.Unmarshal(body, &records); err != nil {
			return fmt.Errorf("read page of %s: %w", name, err)
		}
		if len(records) == 1 && records[0].Priority == int64(priority) {
			return nil
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("change of %s is not visible after a minute", name)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
}
