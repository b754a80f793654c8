// Command bench runs all measurements; see package bench. Run it in the root of
// the repository. It starts its other commands itself:
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

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
	if len(args) > 0 && (args[0] == "profiled" || args[0] == "answers") {
		return command(ctx, args[0], args[1:], in, out, log)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o, serve, err := bench.ParseOptions(args, os.Getenv, out)
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

// command runs one of the other commands, or prints its help.
func command(ctx context.Context, name string, args []string, in io.Reader, out, log io.Writer) error {
	if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		about := "Usage: bench answers N\n\nServe the API with N workflows of mock data, until standard input ends.\n"
		if name == "profiled" {
			about = "Usage: bench profiled FILE [cache server flags]\n\nRun a cache server until it is ready and write its processor profile to FILE.\n"
		}
		fmt.Fprint(out, about)
		return flag.ErrHelp
	}
	switch {
	case name == "profiled" && len(args) > 0 && !strings.HasPrefix(args[0], "-"):
		return bench.Profiled(ctx, args[0], args[1:], log)
	case name == "profiled":
		return errors.New("profiled: want a file for the profile")
	case len(args) != 1:
		return errors.New("answers: want one number of workflows")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return fmt.Errorf("answers %q: want a number of workflows", args[0])
	}
	return answers.Serve(ctx, n, in, out)
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
		_ = srv.Close() // feeds never end on their own
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
