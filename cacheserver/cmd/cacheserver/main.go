// Command cacheserver follows CouchDB and serves its workflows as flat records.
package main

import (
	"context"
	"log/slog"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/version"
)

func main() { program.Main("cacheserver", run) }

func run(ctx context.Context, call program.Call) error {
	o, err := app.ParseOptions(call.Args, call.Getenv, call.Stdout)
	switch {
	case err != nil:
		return err
	case o.HealthCheck:
		return o.HealthCheckNow(ctx)
	}
	o.Version, o.Hangups, o.LogTo = version.Text(), call.Hangups, call.Out
	app.TuneMemory(&o, call.Getenv, slog.New(slog.NewTextHandler(call.Out, nil)))
	return app.Run(ctx, o)
}
