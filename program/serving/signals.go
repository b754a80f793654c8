package serving

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals handles the signals of a server. ctx ends at the first SIGTERM or SIGINT; a
// second one ends the process at once, as by default. hangups receives each SIGHUP,
// which means to re-read files. stop restores the default handling.
func Signals(parent context.Context) (ctx context.Context, hangups <-chan os.Signal, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	ends := make(chan os.Signal, 2) // the second may arrive before the first is received
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-ctx.Done():
			signal.Stop(ends)
		case <-ends:
			signal.Stop(ends) // before ctx ends, so that the next signal has its default effect
			select {
			case second := <-ends:
				raise(second)
			default:
			}
			cancel()
		}
	}()
	again := make(chan os.Signal, 1) // a pending one stands for all that arrive meanwhile
	signal.Notify(again, syscall.SIGHUP)
	return ctx, again, func() {
		cancel()
		signal.Stop(again)
	}
}

// raise sends a signal to this process.
func raise(s os.Signal) {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Signal(s) // if it fails, the shutdown by the first signal continues
	}
}
