package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// oldMix are calls of clients of the old API, in about the shares of a working
// day: agents for the parentage of StepChains, scripts for one workflow after
// another, and rarely somebody for something of all workflows. NAME is a workflow.
func oldMix() []string {
	return []string{
		"request/NAME", "jobdetail/NAME", parentage, "request/NAME", heartbeat,
		"jobdetail/NAME", "request/NAME", parentage, "filtered_requests?RequestName=NAME&mask=PrepID&mask=AgentJobInfo", "globallocks",
		"request/NAME", "jobdetail/NAME", parentage, "request/NAME", "protectedlfns",
		"jobdetail/NAME", "isfinished/NAME", parentage, "filtered_requests?RequestName=NAME&mask=PrepID&mask=AgentJobInfo",
		"filtered_requests?RequestStatus=running-open&mask=SiteWhitelist&mask=SiteBlacklist",
	}
}

// watch looks at the resident memory of a server until the returned function is
// called, which tells the highest value.
func (s server) watch() (most func() float64) {
	highest, stop := 0.0, make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				highest = max(highest, s.status("VmRSS"))
			}
		}
	})
	return func() float64 {
		close(stop)
		watch.Wait()
		return highest
	}
}

// oldBesideFetch measures /fetch alone, and beside ten calls of the old API a
// second while one request a second changes; in turns, since others share the
// machine.
func (r *run) oldBesideFetch(ctx context.Context, source, cache server) error {
	names, err := r.someWorkflows(ctx, cache)
	if err != nil {
		return err
	}
	const turns = 3
	alone, beside := fetched{name: "alone"}, fetched{name: "beside 10 old calls a second"}
	for turn := range turns {
		if err := r.fetchPages(ctx, cache, &alone); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		var load sync.WaitGroup
		load.Go(func() { beside.calls += r.oldLoad(ctx, source, cache, names, 300_000+1000*turn) })
		err := r.fetchPages(ctx, cache, &beside)
		cancel()
		load.Wait()
		if err != nil {
			return err
		}
	}
	for _, f := range []fetched{alone, beside} {
		slices.Sort(f.times)
		name := "/fetch " + f.name
		r.bar(name+", p50", quantile(f.times, 0.5), "ms", "")
		r.bar(name+", p99", quantile(f.times, 0.99), "ms", "")
		r.bar(name+", requests per second", float64(len(f.times))/f.took.Seconds(), "1/s", "")
		r.bar(name+", cores", f.cpu.Seconds()/f.took.Seconds(), "", "")
		r.bar(name+", resident memory at most", f.most/1e6, "MB", "")
	}
	r.bar("old calls answered meanwhile, per second", float64(beside.calls)/beside.took.Seconds(), "1/s", "")
	return nil
}

// fetched has the measurements of pages of /fetch.
type fetched struct {
	name  string
	times []time.Duration
	took  time.Duration
	cpu   time.Duration // of the cache server
	most  float64       // bytes of its resident memory
	calls int           // of the old API
}

// fetchPages reads pages of 100 for some seconds, one after another.
func (r *run) fetchPages(ctx context.Context, cache server, f *fetched) error {
	const (
		length = 5 * time.Second
		page   = 100
	)
	began, cpu, most := time.Now(), cache.cpu(), cache.watch()
	defer func() {
		f.took += time.Since(began)
		f.cpu += cache.cpu() - cpu
		f.most = max(f.most, most())
	}()
	for i := 0; time.Since(began) < length; i++ {
		one := time.Now()
		status, _, err := r.do(ctx, http.MethodGet, fmt.Sprintf("%s/fetch?limit=%d&idx=%d", cache.url, page, i*page%max(r.Workflows-page, 1)), nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		if err != nil {
			return fmt.Errorf("read a page: %w", err)
		}
		f.times = append(f.times, time.Since(one))
	}
	return nil
}

// oldLoad makes ten calls of the old API a second until ctx ends, each without
// waiting for the one before, and changes a request a second. It returns how many
// were answered.
func (r *run) oldLoad(ctx context.Context, source, cache server, names []string, priority int) int {
	const perSecond = 10
	mix := oldMix()
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	var answered atomic.Int64
	var calls sync.WaitGroup
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			calls.Wait()
			return int(answered.Load())
		case <-tick.C:
		}
		name := names[i%len(names)]
		calls.Go(func() {
			if i%perSecond == 0 {
				_ = r.prioritize(ctx, source, name, priority+i) // errors do not matter here or below: it is load
			}
			if _, _, _, err := r.oldCall(ctx, cache, strings.ReplaceAll(mix[i%len(mix)], "NAME", url.PathEscape(name))); err == nil {
				answered.Add(1)
			}
		})
	}
}
