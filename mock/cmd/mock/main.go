// Command mock generates data that look like those of the running system; see
// package command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dmwm/wmstats/mock/command"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of a write
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Main(ctx)
	stop()
	os.Exit(code)
}
