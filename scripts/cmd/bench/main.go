// Command bench measures the servers as processes; see package bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/scripts/bench"
	"github.com/dmwm/wmstats/scripts/bench/repeat"
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
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o := bench.Options{Self: self, Out: out, Log: log}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.Bin, "bin", "bin", "folder of the programs")
	only := flags.String("only", "", "sections, with commas between them: "+strings.Join(bench.Sections(), ", ")+"; empty: firstread,latency")
	flags.IntVar(&o.Workflows, "workflows", 20_000, "workflows; more than the stand-in should hold come from a repeated world")
	flags.IntVar(&o.AgentDocs, "agent-docs", 0, "agent documents, from a repeated world; 0: as many for a workflow as mock makes")
	flags.IntVar(&o.AgentBytes, "agent-bytes", 0, "mean length of agent documents, from a repeated world; 0: as mock makes them")
	flags.BoolVar(&o.Lean, "lean", false, "small agent documents, of about 2 KB, in a repeated world")
	flags.BoolVar(&o.Repeat, "repeat", false, "take a repeated world also where the stand-in could hold all")
	flags.StringVar(&o.Source, "source", "", "URL of a source that runs already, such as mock couch, with -workflows in it; empty: one is started")
	flags.StringVar(&o.Profile, "profile", "", "file for a profile of the cache server from its start until it is ready, for go tool pprof")
	flags.Int64Var(&o.Seed, "seed", 1, "seed of the mock data")
	flags.IntVar(&o.Content, "content-workflows", 0, "workflows of the section content; 0: as many as have 50 000 agent documents")
	flags.IntVar(&o.Changes, "changes", 500, "changes to measure the latency over")
	flags.IntVar(&o.PerSecond, "per-second", 50, "changes per second")
	flags.Float64Var(&o.Soak.PerSecond, "soak-changes", 25, "documents with new content per second of the section soak")
	flags.DurationVar(&o.Soak.Length, "soak-length", 20*time.Minute, "length of the section soak, after its warming")
	flags.DurationVar(&o.Soak.Warm, "soak-warm", time.Minute, "its warming")
	flags.DurationVar(&o.Soak.Sample, "soak-sample", time.Minute, "time between two looks at memory")
	flags.DurationVar(&o.Soak.Promised, "soak-promised", 15*time.Minute, "age at which an address of a Link is asked for again")
	flags.IntVar(&o.Soak.Clients, "soak-clients", 12, "clients of the section soak, each with a filter of its own")
	flags.Func("soak-memory", "budget of the cache server in the section soak, such as 512MiB; empty: its default", func(text string) error {
		o.Soak.Flags = append(o.Soak.Flags, "--memory", text)
		return nil
	})
	serve := flags.String("serve", "", "serve the repeated world at this address and measure nothing")
	profiled := flags.String("profiled", "", "run a cache server with the flags after --, write its profile to this file, and measure nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *profiled != "" {
		return bench.Profiled(ctx, *profiled, flags.Args(), log)
	}
	if flags.NArg() > 0 {
		return errors.New("flags only: an argument is not expected") // it is not repeated: an address may have a password
	}
	if o.Workflows < 1 || o.Changes < 1 || o.PerSecond < 1 {
		return errors.New("workflows, changes and per-second must be at least 1")
	}
	if o.AgentDocs < 0 || o.AgentBytes < 0 || o.Content < 0 {
		return errors.New("agent-docs, agent-bytes and content-workflows must not be negative")
	}
	o.Repeat = o.Repeat || o.Lean
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *serve != "" {
		return serveWorld(ctx, *serve, repeat.Options{
			Workflows: o.Workflows, AgentDocs: o.AgentDocs, AgentBytes: o.AgentBytes, Seed: o.Seed, Lean: o.Lean,
		})
	}
	return bench.Run(ctx, o)
}

// serveWorld serves a repeated world until ctx ends.
func serveWorld(ctx context.Context, addr string, o repeat.Options) error {
	source, err := repeat.New(o)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: source, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close() // feeds never end by themselves
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
