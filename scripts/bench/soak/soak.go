// Package soak puts the load of a working day on a running pair of servers:
// clients with their own filters that request their first page repeatedly and
// read all pages from time to time, and one reader of the dashboard. Meanwhile
// it samples the memory of the cache server, and reports the results. It starts
// nothing and judges nothing; its caller does.
package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema/wire"
)

// Options of a soak. Zero values mean the defaults, which are given here.
type Options struct {
	Cache, UI string        // addresses, http://host:port
	Clients   int           // each with a filter of its own; 0: 12
	Page      time.Duration // between two first pages of a client; 0: 5 s
	Follow    time.Duration // between two scans by Link to the end; 0: 1 min
	View      time.Duration // between two pages of the dashboard; 0: 1 s
	Warm      time.Duration // before the first sample counts; 0: 1 min
	Length    time.Duration // after that; 0: 20 min
	Sample    time.Duration // between two samples; 0: 1 min
	Promised  time.Duration // age at which an address of a Link is requested again; 0: 10 s before the 15 min of the promise end
	Seed      uint64

	Sampled func(Sample) // receives each sample when it is taken; may be nil
}

func (o *Options) complete() {
	length := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	if o.Clients <= 0 {
		o.Clients = 12
	}
	length(&o.Page, 5*time.Second)
	length(&o.Follow, time.Minute)
	length(&o.View, time.Second)
	length(&o.Warm, time.Minute)
	length(&o.Length, 20*time.Minute)
	length(&o.Sample, time.Minute)
	length(&o.Promised, 15*time.Minute-10*time.Second)
	if o.Sampled == nil {
		o.Sampled = func(Sample) {}
	}
}

// Sample is one measurement of the cache server.
type Sample struct {
	After      time.Duration // since the end of the warm-up; negative before it
	Memory     wire.AboutMemory
	Generation string
}

// Report is the result of a soak, including the warm-up.
type Report struct {
	Pages      int      // first pages
	Scans      int      // scans by Link that reached the end
	Scanned    int      // pages of scans
	Views      int      // pages of the dashboard
	Gone       int      // scans that ended with 410
	Promised   int      // addresses of a Link that were requested again when they were Promised old
	Broken     int      // those that were 410
	Failures   int      // other answers, and scans that missed or repeated a workflow
	FirstFault []string // descriptions of the first ones
	Samples    []Sample // after the warm-up
}

// most is the maximum number of faults that are described.
const most = 10

// soak is one run.
type soak struct {
	o      Options
	client *http.Client
	begin  time.Time // when the warm-up ends

	mu     sync.Mutex
	report Report
}

// Run puts the load on the servers until its time is over or ctx ends, which is
// an error. Faults of the servers are in the report and are not errors of Run.
func Run(ctx context.Context, o Options) (Report, error) {
	o.complete()
	transport := &http.Transport{MaxIdleConnsPerHost: o.Clients + 1}
	defer transport.CloseIdleConnections()
	s := &soak{o: o, client: &http.Client{Transport: transport, Timeout: time.Minute}, begin: time.Now().Add(o.Warm)}
	timed, cancel := context.WithDeadline(ctx, s.begin.Add(o.Length))
	defer cancel()
	filters, err := s.filters(timed)
	if err != nil {
		return s.report, err
	}
	group := new(errgroup.Group)
	for i, filter := range filters {
		group.Go(func() error { s.read(timed, filter, uint64(i)); return nil }) //nolint:gosec // a small number
	}
	group.Go(func() error { s.look(timed); return nil })
	group.Go(func() error { return s.sample(timed) })
	if err := group.Wait(); err != nil {
		return s.report, err
	}
	if err := ctx.Err(); err != nil {
		return s.report, fmt.Errorf("soak ended early: %w", context.Cause(ctx))
	}
	return s.report, nil
}

// note changes the report under the lock.
func (s *soak) note(f func(r *Report)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.report)
}

// fault records an answer that should not occur; an answer cut by the end of
// the soak does not count.
func (s *soak) fault(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		return
	}
	s.note(func(r *Report) {
		r.Failures++
		if len(r.FirstFault) < most {
			r.FirstFault = append(r.FirstFault, fmt.Sprintf(format, args...))
		}
	})
}

// sample measures the memory of the cache server at the end of each interval.
func (s *soak) sample(ctx context.Context) error {
	for next := s.begin.Add(-s.o.Warm); ; {
		next = next.Add(s.o.Sample)
		if !until(ctx, next) {
			return nil
		}
		about, err := s.about(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // its time is over
			}
			return err
		}
		one := Sample{After: time.Since(s.begin), Memory: about.Memory}
		if len(about.Generations) > 0 {
			one.Generation = about.Generations[0].Generation
		}
		s.o.Sampled(one)
		if one.After >= 0 {
			s.note(func(r *Report) { r.Samples = append(r.Samples, one) })
		}
	}
}

// until waits for a time; it returns false if ctx ends first.
func until(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// somewhere spreads clients over a period, so that their requests do not coincide.
func somewhere(random *rand.Rand, period time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(period)))
}

// Ready waits until an address answers 200.
func Ready(ctx context.Context, address string) error {
	s := &soak{client: &http.Client{Timeout: time.Minute}}
	for {
		if resp, err := s.get(ctx, address); err == nil && resp.status == http.StatusOK {
			return nil
		}
		if !until(ctx, time.Now().Add(10*time.Millisecond)) {
			return fmt.Errorf("wait for %s: %w", address, context.Cause(ctx))
		}
	}
}
