package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/dmwm/wmstats/scripts/cluster"
)

// haproxyFile is the configuration for HAProxy; make runs in the root.
const haproxyFile = "deploy/haproxy/haproxy-log.cfg"

// runReplicas starts several cache servers and what belongs to them, and starts
// again what ends, until ctx ends.
func (o Options) runReplicas(ctx context.Context) error {
	g := &group{out: o.Out}
	defer g.stopAll() // removes the file
	rules, err := g.file("wmstats-alerts-*", alerts)
	if err != nil {
		return fmt.Errorf("pass the rules of alerts: %w", err)
	}
	began := time.Now()
	fmt.Fprintln(o.Out, "starting a NATS server, three cache servers, two UI servers and a balancer")
	started, cancel := context.WithTimeoutCause(ctx, o.ReadyWait, fmt.Errorf("not ready within %s", o.ReadyWait))
	defer cancel()
	start := cluster.Options{
		Bin: o.Bin, UsersAddr: o.UIAddr, APIAddr: o.CacheAddr, CouchAddr: o.CouchAddr,
		Workflows: o.Workflows, Seed: o.Seed, Live: o.Live, Out: o.Out,
		Flags: []string{"--alerts", rules, "--log-level", "warn"},
	}
	if _, err := os.Stat(haproxyFile); err == nil {
		start.HAProxy = haproxyFile
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configuration of HAProxy: %w", err)
	}
	c, err := cluster.Start(started, start)
	defer c.Stop()
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C during the start
		}
		return err //nolint:wrapcheck // it names what failed
	}
	fmt.Fprintf(o.Out, "\nready after %s; %s may send each request to another server\n  dashboard  %s\n  API        %s/fetch?limit=10\n\n",
		time.Since(began).Round(100*time.Millisecond), c.Balancer, c.Users, c.API)
	var life sync.WaitGroup
	for _, p := range c.Programs() {
		fmt.Fprintf(o.Out, "  %-8s  %s  kill -9 %d\n", p.Name, p.Addr, p.PID())
		life.Go(func() { o.startAgain(ctx, p) })
	}
	fmt.Fprintf(o.Out, "\n  What ends is started again after %s. Ctrl-C stops everything.\n\n", o.AgainAfter)
	life.Wait()
	fmt.Fprintln(o.Out, "\nstopping")
	return nil
}

// startAgain starts a program whenever it has ended, until ctx ends.
func (o Options) startAgain(ctx context.Context, p *cluster.Program) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Ended():
		}
		fmt.Fprintf(o.Out, "%s has ended; starting it again in %s\n", p.Name, o.AgainAfter)
		select {
		case <-ctx.Done():
			return
		case <-time.After(o.AgainAfter):
		}
		if err := p.Start(); err != nil {
			fmt.Fprintln(o.Out, err)
			return
		}
		fmt.Fprintf(o.Out, "%s is started again: kill -9 %d\n", p.Name, p.PID())
	}
}
