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
	ctx, cancel := context.WithCancel(parent)
	ends := make(chan os.Signal, 2) // the second one may come before the first is taken
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-ctx.Done():
			signal.Stop(ends)
		case <-ends:
			signal.Stop(ends) // before anybody learns of the first: the next one is the system's
			select {
			case second := <-ends:
				raise(second)
			default:
			}
			cancel()
		}
	}()
	again := make(chan os.Signal, 1) // one that waits stands for all that come meanwhile
	signal.Notify(again, syscall.SIGHUP)
	return ctx, again, func() {
		cancel()
		signal.Stop(again)
	}
}

// raise sends a signal to the process itself.
func raise(s os.Signal) {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Signal(s) // the first one is on its way in any case
	}
}
