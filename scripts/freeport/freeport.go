// Package freeport finds addresses for programs that are about to start. It uses
// ports below the range from which the system assigns ports to connections and to
// listeners on port 0, so neither can take a port between the search and the start.
package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// The range of ports. Linux assigns ports from 32768 on, other systems from 49152
// on.
const (
	first = 20_000
	last  = 32_000
)

// taken are the ports that this process has already returned.
var taken sync.Map

// Addr returns a loopback address that nobody listens on, a different one at each
// call.
func Addr(ctx context.Context) (string, error) {
	var busy error
	for range last - first {
		port := first + rand.IntN(last-first) //nolint:gosec // not a secret
		if _, had := taken.LoadOrStore(port, true); had {
			continue
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			busy = err
			continue
		}
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("release the port: %w", err)
		}
		return addr, nil
	}
	return "", fmt.Errorf("find a free port from %d to %d: %w", first, last, busy)
}
