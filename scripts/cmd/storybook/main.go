// Command storybook writes every component with its hard cases as static pages,
// and serves them; see package storybook.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/dmwm/wmstats/scripts/storybook"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "storybook:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("storybook", flag.ContinueOnError)
	flags.SetOutput(out)
	folder := flags.String("folder", "dist/storybook", "folder of the pages")
	listen := flags.String("listen", "", "address to serve them at, such as 127.0.0.1:8090; left out: they are only written")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	count, err := storybook.Write(ctx, *folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d stories in %s\n", count, *folder)
	if *listen == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "http://%s/ (Ctrl-C stops)\n", listener.Addr())
	return storybook.Serve(ctx, listener, *folder)
}
