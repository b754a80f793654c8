// Command demo is what `make run` starts: the whole system on loopback.
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

	"github.com/dmwm/wmstats/scripts/demo"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	o, err := demo.ParseOptions(args, getenv, out, out)
	if err != nil {
		return err
	}
	return demo.Run(ctx, o)
}
