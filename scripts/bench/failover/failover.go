// Package failover measures what clients see while parts of a cluster fail: scans by
// Link, feeds, revalidated pages, pages of the dashboard and reads on demand, all
// through a balancer that may send each request to another server. It runs one fault
// after the other on one cluster (package cluster) and prints a line for each. It
// counts; its caller and the reader judge.
package failover

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/scripts/cluster"
)

// Options of a run.
type Options struct {
	Cluster   cluster.Options
	Faults    []string      // of Faults; none: all
	Length    time.Duration // of each fault
	PerSecond int           // requests of scans and of pages that are revalidated
	Page      int           // length of a page of a scan
	// Other is a cache server of a version with another fingerprint, for the fault
	// "version"; "" skips it.
	Other string
	Out   io.Writer
}

// Result is what the clients saw during one fault.
type Result struct {
	Fault string
	Counts

	PerSecond     float64       // requests of scans and of pages that are revalidated
	Slow, Slowest time.Duration // of the answers: the 99th percentile, and the longest
}

// fault is one fault; run returns when it is over and all is well again.
type fault struct {
	name, what string
	run        func(context.Context, *cluster.Cluster, Options) error
}

func faults() []fault {
	return []fault{
		{"calm", "nothing fails", calm},
		{"rolling", "rolling restart of the cache servers", rolling},
		{"leader", "kill -9 of the leader", killLeader},
		{"follower", "kill -9 of a follower", killFollower},
		{"engines", "kill -9 of each engine in turn", killEngines},
		{"frozen", "the leader is frozen for 20 s", freezeLeader},
		{"disk", "the disk of an engine is full", fillDisk},
		{"cut", "a replica is cut off from the engines for 60 s", cutOff},
		{"couch", "CouchDB is down for 60 s", stopCouch},
		{version, "a version with another fingerprint is rolled in", otherVersion},
	}
}

// version is the fault in which two versions run side by side.
const version = "version"

// Faults are the names of the faults, in their order.
func Faults() (names []string) {
	for _, f := range faults() {
		names = append(names, f.name)
	}
	return names
}

// Run starts a cluster, runs the faults and stops it.
func Run(ctx context.Context, o Options) (results []Result, err error) {
	for _, name := range o.Faults {
		if !slices.Contains(Faults(), name) {
			return nil, fmt.Errorf("fault %q: there are %s", name, strings.Join(Faults(), ", "))
		}
	}
	c, err := cluster.Start(ctx, o.Cluster)
	defer c.Stop()
	if err != nil {
		return nil, fmt.Errorf("start the cluster: %w", err)
	}
	fmt.Fprintf(o.Out, "%d workflows, %g changes/s, %d requests/s through %s, %d engines, %s for each fault\n",
		o.Cluster.Workflows, o.Cluster.Live, o.PerSecond, c.Balancer, len(c.Engines), o.Length)
	for _, f := range faults() {
		if len(o.Faults) > 0 && !slices.Contains(o.Faults, f.name) || f.name == "version" && o.Other == "" {
			continue
		}
		r, err := measure(ctx, c, o, f)
		if err != nil {
			return results, fmt.Errorf("fault %s: %w", f.name, err)
		}
		results = append(results, r)
		fmt.Fprintln(o.Out, r)
		for _, first := range r.First {
			fmt.Fprintln(o.Out, "    "+first)
		}
	}
	return results, nil
}

// String is the line of a fault.
func (r Result) String() string {
	return fmt.Sprintf("%-48s %6d requests (%.0f/s)  errors %d  410 %d  resets %d  to another version %d  missed %d  twice %d  stale %d  on demand %d of %d failed  p99 %s  max %s",
		r.Fault, r.Requests, r.PerSecond, r.Errors, r.Gone, r.Resets, r.Changed, r.Missed, r.Twice, r.Stale, r.DemandFailed, r.Demand,
		r.Slow.Round(100*time.Microsecond), r.Slowest.Round(time.Millisecond))
}

// measure runs one fault under load.
func measure(ctx context.Context, c *cluster.Cluster, o Options, f fault) (Result, error) {
	l := newLoad(c, o, f.name == version)
	defer l.close()
	loaded, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- l.run(loaded) }()
	began := time.Now()
	err := f.run(ctx, c, o)
	if err == nil {
		err = pause(ctx, time.Until(began.Add(o.Length)))
	}
	stop()
	took := time.Since(began)
	if failed := <-ended; err == nil {
		err = failed
	}
	if err == nil {
		err = l.compareFeeds(ctx, c.CacheURLs())
	}
	r := Result{Fault: f.what, Counts: l.counts, PerSecond: float64(l.paced) / took.Seconds()}
	slices.Sort(l.times)
	if n := len(l.times); n > 0 {
		r.Slow, r.Slowest = l.times[n*99/100], l.times[n-1]
	}
	return r, err
}

// pause waits; it returns early only with the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
