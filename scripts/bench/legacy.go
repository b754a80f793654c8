package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"syscall"
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
	cache, err := r.oldReads(ctx, source)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, server, server) error{r.oldHot, r.oldSingle, r.oldRequestcache, r.oldBesideFetch} {
		if err := step(ctx, source, cache); err != nil {
			return err
		}
	}
	return nil
}

// oldReads measures first reads with and without the request documents, in turns,
// and what they leave in memory. The best of each counts: others share the
// machine. It returns the last server with documents.
func (r *run) oldReads(ctx context.Context, source server) (server, error) {
	const (
		rounds = 2
		quiet  = 5 * time.Second
	)
	var cpu, memory [2][]float64 // without, with
	for round := range rounds {
		for n, flags := range [][]string{{"--legacy=false", "--rate-limit", "0"}, {"--rate-limit", "0"}} {
			cache, err := r.startCacheWith(ctx, source, flags...)
			if err != nil {
				return server{}, err
			}
			if n == 1 { // a call that needs all documents, and looks at none
				if err := r.ready(ctx, cache.url+oldData+"filtered_requests?RequestName=none&mask=RequestName"); err != nil {
					return server{}, err
				}
			}
			cpu[n] = append(cpu[n], cache.server.cpu().Seconds())
			resident, err := r.settled(ctx, cache.server, quiet)
			if err != nil {
				return server{}, err
			}
			memory[n] = append(memory[n], resident)
			if n == 1 && round == rounds-1 {
				r.bar("first read without documents, processor time", slices.Min(cpu[0]), "s", "")
				r.bar("first read with documents, processor time", slices.Min(cpu[1]), "s", "")
				r.bar("resident memory without documents", slices.Min(memory[0])/1e6, "MB", "")
				r.bar("resident memory with documents", slices.Min(memory[1])/1e6, "MB", "")
				r.bar("memory per workflow", (slices.Min(memory[1])-slices.Min(memory[0]))/1e3/float64(r.Workflows), "KB", "<= 0.8")
				return cache.server, nil
			}
			if err := cache.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				return server{}, fmt.Errorf("stop the cache server: %w", err)
			}
			_ = cache.cmd.Wait() // its exit code says nothing about the figures
		}
	}
	return server{}, nil // not reached
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
	most := cache.watch()
	before := cache.status("VmRSS")
	cpu := cache.cpu()
	for range 3 {
		first, all, length, err := r.oldCall(ctx, cache, "requestcache")
		if err != nil {
			most()
			return err
		}
		r.bar("requestcache, first byte", first.Seconds(), "s", "<= 0.2")
		r.bar("requestcache, all of it", all.Seconds(), "s", "")
		r.bar("requestcache, length", float64(length)/1e6, "MB", "")
	}
	extra := most() - before
	r.bar("requestcache, processor time", (cache.cpu()-cpu).Seconds()/3, "s", "")
	r.bar("requestcache, extra memory at most", extra/1e6, "MB", "<= 16")
	return nil
}
