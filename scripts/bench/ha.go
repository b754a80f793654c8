package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/dmwm/wmstats/scripts/bench/failover"
	"github.com/dmwm/wmstats/scripts/bench/sharedlog"
)

const haproxyFile = "deploy/haproxy/haproxy-log.cfg"

// runFailover measures several cache servers that answer as one.
func runFailover(ctx context.Context, o Options) error {
	f := o.Failover
	f.Cluster.Bin, f.Cluster.Seed, f.Cluster.Out, f.Cluster.HAProxy = o.Bin, o.Seed, o.Log, haproxyFile
	f.Out = o.Out
	if len(f.Faults) == 0 || slices.Contains(f.Faults, "version") {
		dir, err := os.MkdirTemp("", "wmstats-bench-")
		if err != nil {
			return fmt.Errorf("folder of the other version: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		f.Other = filepath.Join(dir, "cacheserver")
		if err := buildOther(ctx, f.Other, o); err != nil {
			return err
		}
	}
	_, err := failover.Run(ctx, f)
	return err //nolint:wrapcheck // the caller names the section
}

// runLog measures what the number of workflows means for them.
func runLog(ctx context.Context, o Options) error {
	l := o.SharedLog
	l.Bin, l.Seed, l.Log = o.Bin, o.Seed, o.Log
	for _, l.Workflows = range o.LogSizes {
		r, err := sharedlog.Run(ctx, l)
		if err != nil {
			return fmt.Errorf("%d workflows: %w", l.Workflows, err)
		}
		r.Print(o.Out)
	}
	return nil
}

// buildOther builds a cache server with another fingerprint.
func buildOther(ctx context.Context, to string, o Options) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-X github.com/dmwm/wmstats/schema.variant=bench", "-o", to, "github.com/dmwm/wmstats/cacheserver/cmd/cacheserver")
	cmd.Stdout, cmd.Stderr = o.Log, o.Log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build a version with another fingerprint: %w", err)
	}
	return nil
}
