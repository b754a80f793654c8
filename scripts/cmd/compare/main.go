// Command compare prints how the numbers of an old WMStats server and of a cache
// server differ; see package compare. It exits with 0 if each difference has a
// documented reason, with 1 if not, and with 2 if a side could not be read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dmwm/wmstats/scripts/compare"
)

// Exit codes.
const (
	explained   = 0
	unexplained = 1
	failed      = 2
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
	}
	return code
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (int, error) {
	o, err := compare.ParseOptions(args, getenv, out)
	if errors.Is(err, flag.ErrHelp) {
		return explained, nil
	}
	if err != nil {
		return failed, err
	}
	report, err := compare.Run(ctx, o)
	if err != nil {
		return failed, err
	}
	if o.JSON {
		err = report.WriteJSON(out)
	} else {
		err = report.WriteText(out, o.Shown)
	}
	switch {
	case err != nil:
		return failed, err
	case report.Unexplained > 0:
		return unexplained, nil
	}
	return explained, nil
}
