// Command uiserver serves the dashboard: pages for people, and the cache
// server's API under /api. It turns flags, environment and signals into what
// package app takes, and nothing more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/uiserver/app"
)

// version is set by the build: -ldflags "-X main.version=...".
var version = "dev"

func main() {
	ctx, hangups, stop := serving.Signals(context.Background())
	err := run(ctx, hangups, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uiserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, hangups <-chan os.Signal, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) > 0 && args[0] == "token" {
		return identity.TokenCommand(args[1:], os.Stdout, out)
	}
	opts, err := app.ParseOptions(args, getenv, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	opts.Version, opts.LogTo, opts.Hangups = version, out, hangups
	if opts.HealthCheck {
		return app.HealthCheck(ctx, opts)
	}
	return app.Run(ctx, opts)
}
