// Package freeport finds addresses for programs that are started next. It takes ports
// below those that the system gives away by itself, to connections and to whoever
// listens on port 0: so what goes on between the look and the start takes none of them.
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

// Ports from which one is taken. Linux gives away those from 32768 on, others those
// from 49152 on.
const (
	first = 20_000
	last  = 32_000
)

// taken are the ports that this process has had already.
var taken sync.Map

// Addr returns a loopback address that nobody listens on, another one each time.
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
			return "", fmt.Errorf("free the port again: %w", err)
		}
		return addr, nil
	}
	return "", fmt.Errorf("find a free port from %d to %d: %w", first, last, busy)
}
