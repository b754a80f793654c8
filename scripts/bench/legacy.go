package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// The most frequent or most expensive calls of the old API.
const (
	oldData   = "/wmstatsserver/data/"
	heartbeat = "filtered_requests?mask=RequestStatus&mask=RequestType&mask=RequestPriority&mask=Campaign&mask=RequestNumEvents"
	parentage = "filtered_requests?RequestType=StepChain&ParentageResolved=False&mask=ChainParentageMap"
)

// runLegacy measures the API of the old server against its targets.
func runLegacy(ctx context.Context, o Options) error {
	r := &run{Options: o, prefix: fmt.Sprintf("%d: ", o.Workflows), client: &http.Client{}}
	defer r.stopAll()
	source, err := r.startSource(ctx)
	if err != nil {
		return err
	}
	without, err := r.startCacheWith(ctx, source, "--legacy=false", "--rate-limit", "0")
	if err != nil {
		return err
	}
	const quiet = 5 * time.Second
	least, err := r.settled(ctx, without.server, quiet)
	if err != nil {
		return err
	}
	r.bar("processor time until ready, without it", without.cpu.Seconds(), "s", "")
	cache, err := r.startCacheWith(ctx, source, "--rate-limit", "0")
	if err != nil {
		return err
	}
	if err := r.ready(ctx, cache.url+oldData+"globallocks"); err != nil {
		return err
	}
	r.bar("processor time until the lists answer", cache.server.cpu().Seconds(), "s", "")
	now, err := r.settled(ctx, cache.server, quiet)
	if err != nil {
		return err
	}
	r.bar("memory per workflow", (now-least)/1e3/float64(r.Workflows), "KB", "<= 0.8")
	for _, step := range []func(context.Context, server, server) error{r.oldHot, r.oldSingle, r.oldRequestcache, r.oldBesideFetch} {
		if err := step(ctx, source, cache.server); err != nil {
			return err
		}
	}
	return nil
}

// bar prints a figure of the old API with its target.
func (r *run) bar(name string, value float64, unit, target string) {
	figures.Line(r.Out, r.prefix+"old API: "+name, value, unit, target)
}

// oldCall sends one call and reads the answer; it returns when the first byte
// came, how long all of it took, and its length.
func (r *run) oldCall(ctx context.Context, cache server, call string) (first, all time.Duration, length int64, err error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cache.url+oldData+call, nil)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("call %s: %w", call, err)
	}
	defer resp.Body.Close()
	var one [1]byte
	if _, err = io.ReadFull(resp.Body, one[:]); err == nil {
		first = time.Since(began)
		length, err = io.Copy(io.Discard, resp.Body)
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	if err != nil {
		return 0, 0, 0, fmt.Errorf("call %s: %w", call, err)
	}
	return first, time.Since(began), length + 1, nil
}

// oldHot measures the calls that come from memory: for the first time, again, and
// after some requests have changed.
func (r *run) oldHot(ctx context.Context, source, cache server) error {
	cost := func(name, call, target string, times int) error {
		before := cache.cpu()
		for range times {
			if _, _, _, err := r.oldCall(ctx, cache, call); err != nil {
				return err
			}
		}
		r.bar(name+", processor time", float64((cache.cpu()-before).Milliseconds())/float64(times), "ms", target)
		return nil
	}
	for _, one := range []struct{ name, call, target string }{
		{"heartbeat, cold", heartbeat, "<= 250"}, {"parentage, cold", parentage, ""},
		{"globallocks, cold", "globallocks", "<= 230"}, {"protectedlfns, cold", "protectedlfns", "<= 230"}, {"protectedlfns_final, cold", "protectedlfns_final", "<= 230"},
	} {
		if err := cost(one.name, one.call, one.target, 1); err != nil {
			return err
		}
	}
	const again = 20
	if err := cost("heartbeat, nothing changed", heartbeat, "", again); err != nil {
		return err
	}
	names, err := r.someWorkflows(ctx, cache)
	if err != nil {
		return err
	}
	var total time.Duration
	for i := range again {
		for k := range 3 {
			if _, err := r.oneChange(ctx, source, cache, names[(3*i+k)%len(names)], 200_000+3*i+k); err != nil {
				return err
			}
		}
		before := cache.cpu()
		if _, _, _, err := r.oldCall(ctx, cache, heartbeat); err != nil {
			return err
		}
		total += cache.cpu() - before
	}
	r.bar("heartbeat, 3 requests changed, processor time", float64(total.Milliseconds())/again, "ms", "<= 10")
	return nil
}

// oldSingle measures calls about one workflow.
func (r *run) oldSingle(ctx context.Context, _, cache server) error {
	names, err := r.someWorkflows(ctx, cache)
	if err != nil {
		return err
	}
	for _, call := range []string{"request/", "isfinished/", "jobdetail/"} {
		before := cache.cpu()
		var times []time.Duration
		for _, name := range names[:min(len(names), 100)] {
			_, took, _, err := r.oldCall(ctx, cache, call+url.PathEscape(name))
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		slices.Sort(times)
		target := map[string]string{"request/": "<= 5"}[call]
		r.bar(call+"NAME, processor time", float64((cache.cpu()-before).Microseconds())/1000/float64(len(times)), "ms", target)
		r.bar(call+"NAME, p50", quantile(times, 0.5), "ms", "")
	}
	return nil
}

// oldRequestcache measures the answer that has everything, three times in a row.
func (r *run) oldRequestcache(ctx context.Context, _, cache server) error {
	before, most := cache.status("VmRSS"), 0.0
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, cache.status("VmRSS"))
			}
		}
	})
	cpu := cache.cpu()
	for range 3 {
		first, all, length, err := r.oldCall(ctx, cache, "requestcache")
		if err != nil {
			close(stop)
			return err
		}
		r.bar("requestcache, first byte", first.Seconds(), "s", "<= 0.2")
		r.bar("requestcache, all of it", all.Seconds(), "s", "")
		r.bar("requestcache, length", float64(length)/1e6, "MB", "")
	}
	close(stop)
	watch.Wait()
	r.bar("requestcache, processor time", (cache.cpu()-cpu).Seconds()/3, "s", "")
	r.bar("requestcache, extra memory at most", (most-before)/1e6, "MB", "<= 16")
	return nil
}

// oldBesideFetch measures /fetch alone, and beside ten calls of the old API a
// second.
func (r *run) oldBesideFetch(ctx context.Context, _, cache server) error {
	const requests = 2000
	fetch := func(name string) error {
		times := make([]time.Duration, requests)
		for i := range times {
			began := time.Now()
			if status, _, err := r.do(ctx, http.MethodGet, fmt.Sprintf("%s/fetch?limit=50&idx=%d", cache.url, i*7%1000), nil); err != nil || status != http.StatusOK {
				return fmt.Errorf("fetch: status %d: %w", status, err)
			}
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		r.bar("/fetch "+name+", p50", quantile(times, 0.5), "ms", "")
		r.bar("/fetch "+name+", p99", quantile(times, 0.99), "ms", "")
		return nil
	}
	if err := fetch("alone"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var calls sync.WaitGroup
	calls.Go(func() {
		tick := time.NewTicker(time.Second / 10)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_, _, _, _ = r.oldCall(ctx, cache, []string{parentage, heartbeat, "globallocks"}[i%3]) // errors do not matter: it is load
			}
		}
	})
	err := fetch("beside 10 calls a second")
	cancel()
	calls.Wait()
	return err
}
