// Command screenshots creates the pictures in docs/images; see package
// screenshots.
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

	"github.com/dmwm/wmstats/scripts/screenshots"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, getenv func(string) string, help, out io.Writer) error {
	o, err := screenshots.ParseOptions(args, getenv, help)
	if err != nil {
		return err
	}
	o.Out = out
	return screenshots.Run(ctx, o)
}
