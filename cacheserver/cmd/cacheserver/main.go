// Command cacheserver follows CouchDB and serves its workflows as flat records.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/serving"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, hangups, stop := serving.Signals(context.Background())
	err := run(ctx, hangups, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cacheserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, hangups <-chan os.Signal, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) > 0 && args[0] == "token" {
		return identity.TokenCommand(args[1:], os.Stdout, out)
	}
	o, err := app.ParseOptions(args, getenv, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case o.HealthCheck:
		return app.HealthCheck(ctx, o)
	}
	o.Version, o.Hangups = version, hangups
	app.TuneMemory(&o, getenv, slog.New(slog.NewTextHandler(out, nil)))
	return app.Run(ctx, o)
}
