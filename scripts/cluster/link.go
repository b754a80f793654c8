package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// Link passes TCP connections on to an address. It can be cut: the connections stay
// open, new ones are accepted, and nothing arrives, as when a cable is pulled. Or it
// refuses: all connections end at once, as when the program behind it is down.
type Link struct {
	Addr string

	to     string
	listen net.Listener
	end    context.CancelFunc
	ctx    context.Context //nolint:containedctx // its life
	group  sync.WaitGroup

	mu   sync.Mutex
	open chan struct{} // closed while data pass
	down bool          // it refuses
	live map[net.Conn]bool
}

// NewLink listens on a free address.
func NewLink(ctx context.Context, to string) (*Link, error) {
	addr, err := address(ctx, "")
	if err != nil {
		return nil, err
	}
	listen, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("link to %s: %w", to, err)
	}
	l := &Link{Addr: addr, to: to, listen: listen, open: make(chan struct{}), live: map[net.Conn]bool{}}
	close(l.open)
	l.ctx, l.end = context.WithCancel(context.WithoutCancel(ctx))
	l.group.Go(l.accept)
	return l, nil
}

// Cut stops all data.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		l.open = make(chan struct{})
	default: // data wait for this one
	}
}

// Refuse ends all connections, and new ones at once.
func (l *Link) Refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for conn := range l.live {
		_ = conn.Close()
	}
}

// Heal lets data pass again.
func (l *Link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

// Close ends all connections.
func (l *Link) Close() {
	l.end()
	_ = l.listen.Close() // accept returns
	l.group.Wait()
}

func (l *Link) accept() {
	for {
		conn, err := l.listen.Accept()
		if err != nil {
			return
		}
		l.group.Go(func() { l.serve(conn) })
	}
}

// admit returns false if the link refuses.
func (l *Link) admit(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return false
	}
	l.live[conn] = true
	return true
}

func (l *Link) leave(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, conn)
}

// pass waits until data pass; false: the link is closed.
func (l *Link) pass() bool {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	select {
	case <-open:
		return true
	case <-l.ctx.Done():
		return false
	}
}

func (l *Link) serve(from net.Conn) {
	defer func() { _ = from.Close() }()
	if !l.admit(from) {
		return
	}
	defer l.leave(from)
	if !l.pass() {
		return
	}
	to, err := new(net.Dialer).DialContext(l.ctx, "tcp", l.to)
	if err != nil {
		return // the engine is down: so is the link
	}
	defer func() { _ = to.Close() }()
	stop := context.AfterFunc(l.ctx, func() { _, _ = from.Close(), to.Close() })
	defer stop()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(gated{pair[1], l}, pair[0]) // the end of one side ends both
			_, _ = pair[0].Close(), pair[1].Close()
		})
	}
	both.Wait()
}

// gated holds data back while the link is cut.
type gated struct {
	to io.Writer
	l  *Link
}

func (g gated) Write(data []byte) (int, error) {
	if !g.l.pass() {
		return 0, net.ErrClosed
	}
	return g.to.Write(data) //nolint:wrapcheck // io.Copy ends with it
}
