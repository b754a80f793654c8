// Command uiserver serves the dashboard: pages for people, and the cache
// server's API under /api. It turns flags, environment and signals into what
// package app takes, and nothing more.
package main

import (
	"context"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/uiserver/app"
)

// version is set by the build: -ldflags "-X main.version=...".
var version = "dev"

func main() { program.Main("uiserver", run) }

func run(ctx context.Context, call program.Call) error {
	o, err := app.ParseOptions(call.Args, call.Getenv, call.Out)
	switch {
	case err != nil:
		return err
	case o.HealthCheck:
		return health.Ask(ctx, o.Listen, "/readyz")
	}
	o.Version, o.Hangups, o.LogTo = version, call.Hangups, call.Out
	return app.Run(ctx, o)
}
