// Command storybook writes every component with its hard cases as static pages,
// and serves them; see package storybook.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/dmwm/wmstats/scripts/storybook"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "storybook:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, getenv func(string) string, help, out io.Writer) error {
	o := storybook.Defaults()
	if _, err := o.Settings().Parse(args, getenv, help); err != nil {
		return err
	}
	count, err := storybook.Write(ctx, o.Folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d stories in %s\n", count, o.Folder)
	if o.Listen == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "http://%s/ (Ctrl-C stops)\n", listener.Addr())
	return storybook.Serve(ctx, listener, o.Folder)
}
