// Package sharedlog measures what a number of workflows means for several cache
// servers that answer as one: the first read and the first snapshot, the entries of
// the log, how long a change takes to all of them, what the start of one of them
// takes, and what all of it needs in memory and on the engine's disk. One
// independent server reads the same source in the same run, for comparison. The
// source is a repeated world (package repeat) in this process; counts over time are full
// from the start. Nothing fails here: that is package failover.
package sharedlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/scripts/bench/repeat"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// mostMade is how many workflows are generated; more are these repeated. Repeated ones
// compress well: with a small world snapshots are several times too small.
const mostMade = 20_000

// Options of a run.
type Options struct {
	Bin       string // folder of the programs
	Workflows int
	Seed      int64
	Changes   int       // of request documents, each of which is timed
	PerSecond int       // of them
	Reports   int       // agent reports with new content each second meanwhile
	Log       io.Writer // output of the programs
}

// Times are quantiles of a number of times.
type Times struct{ P50, P90, P99, Max time.Duration }

// Result has the figures of a run.
type Result struct {
	Workflows int

	FirstRead, FirstReadAlone time.Duration   // of the leader, and of the independent server
	FirstSnapshot             time.Duration   // from the end of that read until it is stored
	AllReady                  time.Duration   // from the end of that read until the followers are ready
	SnapshotBytes             uint64          // of the first one
	Snapshots                 int             // stored during the changes
	Pauses                    []time.Duration // for which nothing was applied because of a snapshot, shortest first

	Started  time.Duration // a follower was ready again after it was stopped and started
	Replayed int           // entries that it applied before

	Entries, EntryBytes, LargestEntry int // EntryBytes is the median

	LagP50, LagP99      time.Duration // from an entry's moment until it is applied, on all servers, from a histogram
	All, Alone          Times         // from a write to the source until it is visible on all servers; on the independent one
	Takeovers           int
	Shared, Independent Requests // that the source saw
	EngineDisk          uint64
	EngineMemory        uint64 // VmHWM of the programs, in bytes
	LeaderMemory        uint64
	FollowerMemory      uint64 // the larger one
	RestartedMemory     uint64 // of the follower that was started again
	IndependentMemory   uint64
	LargestSnapshot     uint64
	SnapshotsKept       int // at the end of the changes
}

// Run measures.
func Run(ctx context.Context, o Options) (r Result, err error) {
	r.Workflows = o.Workflows
	world, err := repeat.New(repeat.Options{Workflows: o.Workflows, World: min(o.Workflows, mostMade), Seed: o.Seed})
	if err != nil {
		return r, fmt.Errorf("make the source: %w", err)
	}
	shared, err := serve(ctx, world)
	if err != nil {
		return r, err
	}
	defer shared.close()
	single, err := serve(ctx, world)
	if err != nil {
		return r, err
	}
	defer single.close()
	writes, err := serve(ctx, world) // apart, so that they are not counted
	if err != nil {
		return r, err
	}
	defer writes.close()

	out := newOutput(o.Log)
	c, err := cluster.Start(ctx, cluster.Options{
		Bin: o.Bin, Source: shared.addr, Seed: o.Seed, Out: out,
		Prepare: func(ctx context.Context, engine, couch string) error { return fillCounts(ctx, engine, couch, o.Seed) },
	})
	defer c.Stop()
	if err != nil {
		return r, fmt.Errorf("start the cluster: %w", err)
	}
	ready := time.Now()
	e, err := dial("nats://" + c.Engines[0].Addr)
	if err != nil {
		return r, err
	}
	defer e.close()
	var paused pauses
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go paused.watch(watching, c.Caches)
	m := &measurement{Options: o, Result: &r, cluster: c, engine: e, out: out, source: writes, world: world}
	if err := m.beginning(ctx, ready); err != nil {
		return r, err
	}
	alone, err := m.startAlone(ctx, single.addr)
	if err != nil {
		return r, err
	}
	defer alone.Stop()
	if err := m.changes(ctx, alone); err != nil {
		return r, err
	}
	r.Pauses = paused.result()
	if err := m.end(ctx, alone); err != nil {
		return r, err
	}
	if err := m.restart(ctx); err != nil {
		return r, err
	}
	r.Shared, r.Independent = shared.counts(), single.counts()
	return r, nil
}

// measurement is a run under way.
type measurement struct {
	Options
	*Result

	cluster          *cluster.Cluster
	engine           *engine
	out              *output
	source           *server // for writes
	world            *repeat.Source
	leader, follower *cluster.Program
}

// beginning records the first read and the first snapshot.
func (m *measurement) beginning(ctx context.Context, ready time.Time) error {
	snapshots, err := m.engine.snapshots(ctx)
	if err != nil {
		return err
	}
	if len(snapshots) < 2 { // one has the counts over time only
		return errors.New("the servers are ready without a snapshot")
	}
	for _, p := range m.cluster.Caches {
		values, err := metricsOf(ctx, p.Addr)
		if err != nil {
			return err
		}
		if leads(values) {
			m.leader = p
		} else {
			m.follower = p
		}
	}
	if m.leader == nil || m.follower == nil {
		return errors.New("no cache server leads, or all do")
	}
	if err := checkCounts(ctx, m.follower); err != nil {
		return err
	}
	read, _, err := m.out.wait(ctx, m.leader.Name, readFinished)
	m.AllReady, m.FirstSnapshot, m.SnapshotBytes = ready.Sub(read), snapshots[1].ModTime.Sub(read), snapshots[1].Size
	return err
}

// startAlone starts the independent server.
func (m *measurement) startAlone(ctx context.Context, source string) (*cluster.Program, error) {
	alone, err := m.cluster.Beside(ctx, "independent", "cacheserver", "--couch-url", "http://"+source, "--rate-limit", "0")
	if err != nil {
		return nil, fmt.Errorf("start the independent server: %w", err)
	}
	if err := alone.Ready(ctx, "http://"+alone.Addr+"/readyz"); err != nil {
		return alone, err //nolint:wrapcheck // it names the program
	}
	// It is ready before that, and changes wait meanwhile.
	_, _, err = m.out.wait(ctx, alone.Name, readFinished)
	return alone, err
}

// changes writes to the source, and times what becomes visible where.
func (m *measurement) changes(ctx context.Context, alone *cluster.Program) error {
	before, err := lags(ctx, m.cluster.Caches)
	if err != nil {
		return err
	}
	began := time.Now()
	writing, stop := context.WithCancel(ctx)
	defer stop()
	group := new(errgroup.Group)
	group.Go(func() error { m.rewrite(writing); return nil })
	m.All, m.Alone, err = m.visible(ctx, alone.Addr)
	stop()
	if err := errors.Join(err, group.Wait()); err != nil {
		return err
	}
	after, err := lags(ctx, m.cluster.Caches)
	if err != nil {
		return err
	}
	during := after.minus(before)
	m.LagP50, m.LagP99 = during.quantile(0.5), during.quantile(0.99)
	snapshots, err := m.engine.snapshots(ctx)
	for _, s := range snapshots {
		if s.ModTime.After(began) {
			m.Snapshots++
		}
	}
	return err
}

// end records what all of it needed.
func (m *measurement) end(ctx context.Context, alone *cluster.Program) error {
	sizes, err := m.engine.entries(ctx)
	if err != nil {
		return err
	}
	m.Entries = len(sizes)
	if m.Entries > 0 {
		m.EntryBytes, m.LargestEntry = sizes[m.Entries/2], sizes[m.Entries-1]
	}
	if m.EngineDisk, err = m.engine.disk(ctx); err != nil {
		return err
	}
	snapshots, err := m.engine.snapshots(ctx)
	if err != nil {
		return err
	}
	m.SnapshotsKept = len(snapshots) - 1 // without that of the counts over time
	for _, s := range snapshots {
		m.LargestSnapshot = max(m.LargestSnapshot, s.Size)
	}
	for _, p := range m.cluster.Caches {
		values, err := metricsOf(ctx, p.Addr)
		if err != nil {
			return err
		}
		m.Takeovers += int(values["wmstats_log_takeovers_total"])
		if p == m.leader {
			m.FirstRead = seconds(values["wmstats_follower_load_seconds_sum"])
		} else {
			m.FollowerMemory = max(m.FollowerMemory, highest(p))
		}
	}
	values, err := metricsOf(ctx, alone.Addr)
	m.FirstReadAlone = seconds(values["wmstats_follower_load_seconds_sum"])
	m.EngineMemory, m.LeaderMemory, m.IndependentMemory = highest(m.cluster.Engines[0]), highest(m.leader), highest(alone)
	return err
}

// restart stops a follower and starts it again.
func (m *measurement) restart(ctx context.Context) error {
	p := m.follower
	p.Stop()
	m.out.forget(p.Name, caughtUp)
	began := time.Now()
	if err := p.Start(); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	if err := p.Ready(ctx, "http://"+p.Addr+"/readyz"); err != nil {
		return err //nolint:wrapcheck // it names the program
	}
	m.Started, m.RestartedMemory = time.Since(began), highest(p)
	_, line, err := m.out.wait(ctx, p.Name, caughtUp)
	if err == nil {
		m.Replayed, err = number(line, "entries")
	}
	return err
}
