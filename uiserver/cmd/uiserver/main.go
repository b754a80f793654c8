// Command uiserver serves the dashboard: pages for people, and the API of the cache
// server under /api. It only passes flags, environment and signals to package app.
package main

import (
	"context"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/version"
	"github.com/dmwm/wmstats/uiserver/app"
)

func main() { program.Main("uiserver", run) }

func run(ctx context.Context, call program.Call) error {
	o, err := app.ParseOptions(call.Args, call.Getenv, call.Stdout)
	switch {
	case err != nil:
		return err
	case o.HealthCheck:
		return o.HealthCheckNow(ctx)
	}
	o.Version, o.Hangups, o.LogTo = version.Text(), call.Hangups, call.Out
	return app.Run(ctx, o)
}
