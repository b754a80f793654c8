package serving

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals says what the system tells a server: ctx ends at the first SIGTERM or
// SIGINT, and a second one ends the process at once, as if nobody listened for
// it. hangups gets each SIGHUP, which says to read files again and never ends
// anything. stop gives all of them back to the system.
func Signals(parent context.Context) (ctx context.Context, hangups <-chan os.Signal, stop func()) {
	ctx, once := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, once)
	again := make(chan os.Signal, 1) // one that waits stands for all that come meanwhile
	signal.Notify(again, syscall.SIGHUP)
	return ctx, again, func() {
		once()
		signal.Stop(again)
	}
}
