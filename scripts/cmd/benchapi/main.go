// Command benchapi measures how the cache server answers; see package benchapi.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/scripts/benchapi"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchapi:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	o := benchapi.Options{Out: out, Log: log}
	flags := flag.NewFlagSet("benchapi", flag.ContinueOnError)
	flags.SetOutput(log)
	sizes := flags.String("sizes", "20000,200000,1000000", "numbers of workflows; most figures are of the first")
	only := flags.String("only", "", "groups to measure: "+strings.Join(benchapi.Groups(), ","))
	serve := flags.Int("serve", 0, "be the server that is measured, of so many workflows; commands come on standard input")
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds of each measurement")
	flags.DurationVar(&o.Length, "length", 2*time.Second, "length of one round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *serve > 0 {
		return benchapi.Serve(ctx, *serve, in, out)
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 5000 {
			return fmt.Errorf("size %q: want a number from 5000", text)
		}
		o.Sizes = append(o.Sizes, n)
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return benchapi.Run(ctx, o)
}
