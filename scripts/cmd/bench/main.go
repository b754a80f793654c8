// Command bench measures the servers as processes; see package bench.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dmwm/wmstats/scripts/bench"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o := bench.Options{Out: out, Log: log}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.Bin, "bin", "bin", "folder of the programs")
	flags.IntVar(&o.Workflows, "workflows", 20_000, "workflows of the mock data")
	flags.Int64Var(&o.Seed, "seed", 1, "seed of the mock data")
	flags.IntVar(&o.Changes, "changes", 500, "changes to measure the latency over")
	flags.IntVar(&o.PerSecond, "per-second", 50, "changes per second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Workflows < 1 || o.Changes < 1 || o.PerSecond < 1 {
		return fmt.Errorf("workflows, changes and per-second must be at least 1")
	}
	return bench.Run(ctx, o)
}
