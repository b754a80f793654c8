// Command bench measures everything that is measured; see package bench. Run it
// in the root of the repository. Its other commands are what it starts itself:
//
//	bench profiled FILE [flags of a cache server]   runs one and writes its profile
//	bench answers N                                 serves the API over N workflows
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/scripts/bench"
	"github.com/dmwm/wmstats/scripts/bench/answers"
	"github.com/dmwm/wmstats/scripts/bench/repeat"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	switch {
	case len(args) > 1 && args[0] == "profiled":
		return bench.Profiled(ctx, args[1], args[2:], log)
	case len(args) == 2 && args[0] == "answers":
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return fmt.Errorf("answers %q: want a number of workflows", args[1])
		}
		return answers.Serve(ctx, n, in, out)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o, serve, err := parse(args, os.Getenv, log)
	if err != nil {
		return err
	}
	o.Self, o.Out, o.Log = self, out, log
	o.Answers.Program, o.Answers.Out, o.Answers.Log = self, out, log
	if serve != "" {
		return serveWorld(ctx, serve, repeat.Options{
			Workflows: o.Workflows, AgentDocs: o.AgentDocs, AgentBytes: o.AgentBytes, Seed: o.Seed, Lean: o.Lean,
		})
	}
	return bench.Run(ctx, o)
}

// defaults are the options without flags and environment.
func defaults() bench.Options {
	o := bench.Options{
		Bin: "bin", Workflows: 20_000, Seed: 1, Changes: 500, PerSecond: 50, Checkpoint: 100_000,
		Answers:    answers.Options{Sizes: []int{20_000, 200_000, 1_000_000}, Rounds: 5, Length: 2 * time.Second},
		ScaleSizes: []int{200_000, 1_000_000}, DearSizes: []int{20_000, 1_000_000}, StoreSizes: []int{20_000, 200_000, 1_000_000},
		StoreTime: "100x", Bench: ".", BenchTime: "1s",
	}
	o.Soak.PerSecond, o.Soak.Clients = 25, 12
	o.Soak.Length, o.Soak.Warm, o.Soak.Sample, o.Soak.Promised = 20*time.Minute, time.Minute, time.Minute, 15*time.Minute
	return o
}

// parse reads flags and environment. serve is where the repeated world is to be
// served; "" measures.
func parse(args []string, getenv func(string) string, help io.Writer) (o bench.Options, serve string, err error) {
	o = defaults()
	seed := int(o.Seed)
	t := settings.New("bench", "WMSTATS_BENCH_")
	list(t, "sections", &o.Sections, "sections, of "+strings.Join(bench.Sections(), " ")+"; empty: all").Or("SECTIONS")
	t.Text("bin", &o.Bin, "folder of the programs")
	t.Int("workflows", &o.Workflows, "workflows of firstread, latency, ui and soak; more than the stand-in should hold come from a repeated world").Or("WORKFLOWS")
	t.Int("agent-docs", &o.AgentDocs, "agent documents, from a repeated world; 0: as many for a workflow as mock makes")
	t.Int("agent-bytes", &o.AgentBytes, "mean length of agent documents, from a repeated world; 0: as mock makes them")
	t.Bool("lean", &o.Lean, "small agent documents, of about 2 KB, in a repeated world")
	t.Bool("repeat", &o.Repeat, "take a repeated world also where the stand-in could hold all")
	t.Text("source", &o.Source, "URL of a source that runs already, such as mock couch, with --workflows in it; empty: one is started")
	t.Text("profile", &o.Profile, "file for a profile of the cache server from its start until it is ready, for go tool pprof")
	t.Int("seed", &seed, "seed of the mock data").Or("SEED")
	t.Int("content-workflows", &o.Content, "workflows of the section content; 0: as many as have 50 000 agent documents")
	t.Int("checkpoint-workflows", &o.Checkpoint, "workflows of the section checkpoint").Or("CHECKPOINT")
	t.Int("changes", &o.Changes, "changes to measure the latency over")
	t.Int("per-second", &o.PerSecond, "changes per second")
	t.Float("soak-changes", &o.Soak.PerSecond, "documents with new content per second of the section soak")
	t.Duration("soak-length", &o.Soak.Length, "length of the section soak, after its warming").Or("SOAK")
	t.Duration("soak-warm", &o.Soak.Warm, "its warming")
	t.Duration("soak-sample", &o.Soak.Sample, "time between two looks at memory")
	t.Duration("soak-promised", &o.Soak.Promised, "age at which an address of a Link is asked for again")
	t.Int("soak-clients", &o.Soak.Clients, "clients of the section soak, each with a filter of its own")
	t.Func("soak-memory", "", "budget of the cache server in the section soak, such as 512MiB; empty: its default", func(text string) error {
		o.Soak.Flags = []string{"--memory", text}
		return nil
	}).Or("SOAK_MEMORY")
	sizes(t, "scale", &o.ScaleSizes, 1, "sizes of the section scale; 1 000 000 takes 5 minutes and 9 GB").Or("SCALE")
	sizes(t, "api-sizes", &o.Answers.Sizes, leastAnswers, "sizes of the section api; most figures are of the first").Or("API_SIZES")
	list(t, "api-groups", &o.Answers.Only, "groups of the section api: "+strings.Join(answers.Groups(), " ")+"; empty: all but dear").Or("API_GROUPS")
	t.Int("rounds", &o.Answers.Rounds, "rounds of each measurement of api and dear")
	t.Duration("length", &o.Answers.Length, "length of one round")
	sizes(t, "dear", &o.DearSizes, leastAnswers, "sizes of the section dear; 1 000 000 takes 6 GB").Or("DEAR")
	sizes(t, "store", &o.StoreSizes, 1, "sizes of the section store").Or("STORE")
	t.Text("store-time", &o.StoreTime, "length of each benchmark of the store").Or("STORETIME")
	t.Text("bench", &o.Bench, "pattern of the benchmarks of the section parts").Or("BENCH")
	t.Text("bench-time", &o.BenchTime, "length of each of them").Or("BENCHTIME")
	t.Text("serve", &serve, "serve the repeated world at this address and measure nothing")
	_, err = t.Parse(args, getenv, help)
	if errors.Is(err, flag.ErrHelp) {
		return o, "", err
	}
	var f settings.Faults
	settings.Positive(&f, "workflows", o.Workflows)
	settings.Positive(&f, "checkpoint-workflows", o.Checkpoint)
	settings.Positive(&f, "changes", o.Changes)
	settings.Positive(&f, "per-second", o.PerSecond)
	settings.NotNegative(&f, "agent-docs", o.AgentDocs)
	settings.NotNegative(&f, "agent-bytes", o.AgentBytes)
	settings.NotNegative(&f, "content-workflows", o.Content)
	settings.NotNegative(&f, "seed", seed)
	o.Seed, o.Repeat = int64(seed), o.Repeat || o.Lean
	return o, serve, errors.Join(err, f.Err())
}

// leastAnswers is how many workflows the groups of package answers need.
const leastAnswers = 5000

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// list adds names with spaces or commas between.
func list(t *settings.Table, name string, to *[]string, help string) *settings.Setting {
	return t.Func(name, strings.Join(*to, " "), help, func(text string) error { *to = words(text); return nil })
}

// sizes adds numbers of workflows with spaces or commas between.
func sizes(t *settings.Table, name string, to *[]int, least int, help string) *settings.Setting {
	return t.Func(name, strings.Trim(fmt.Sprint(*to), "[]"), help, func(text string) error {
		var read []int
		for _, word := range words(text) {
			n, err := strconv.Atoi(word)
			if err != nil || n < least {
				return fmt.Errorf("want numbers from %d, with spaces or commas between", least)
			}
			read = append(read, n)
		}
		if len(read) == 0 {
			return errors.New("want at least one number")
		}
		*to = read
		return nil
	})
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
