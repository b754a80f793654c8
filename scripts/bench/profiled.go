package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/cacheserver/app"
)

// Profiled runs a cache server in this process, with the flags args, until ctx
// ends. It writes a processor profile, from the start until the server is ready,
// to the file path.
func Profiled(ctx context.Context, path string, args []string, out io.Writer) error {
	o, err := app.ParseOptions(args, os.Getenv, out)
	if err != nil {
		return err
	}
	file, err := os.Create(path) //nolint:gosec // the one who runs this names it
	if err != nil {
		return fmt.Errorf("begin a profile: %w", err)
	}
	app.TuneMemory(&o, os.Getenv, slog.New(slog.NewTextHandler(out, nil)))
	group, ctx := errgroup.WithContext(ctx)
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("begin a profile: %w", err)
	}
	group.Go(func() error { return app.Run(ctx, o) })
	group.Go(func() error {
		defer pprof.StopCPUProfile()
		r := &run{client: &http.Client{Timeout: 10 * time.Second}}
		return r.ready(ctx, "http://"+o.Listen+"/readyz")
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("run a cache server with a profile: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}
