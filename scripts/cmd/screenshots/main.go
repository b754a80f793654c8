// Command screenshots makes the pictures in docs/images; see package
// screenshots.
package main

import (
	"context"
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
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o := screenshots.Options{Out: out}
	flags := flag.NewFlagSet("screenshots", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.Bin, "bin", "bin", "folder of the programs")
	flags.StringVar(&o.Folder, "folder", "docs/images", "folder of the pictures")
	flags.IntVar(&o.Workflows, "workflows", 3000, "workflows of the mock data")
	flags.Int64Var(&o.Seed, "seed", 1, "seed of the mock data")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Workflows < 100 {
		return fmt.Errorf("workflows %d: at least 100 have something to show", o.Workflows)
	}
	return screenshots.Run(ctx, o)
}
