package simulate

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// network carries connections in memory from our process to the stand-in. Each
// connection is two pipes with a link between them, which treats the bytes as a
// bad network or a proxy would.
type network struct {
	calls chan net.Conn // to the listener

	mu      sync.Mutex
	faults  []*linkFault
	links   map[*link]bool
	number  int           // of the newest connection
	changed chan struct{} // closed and replaced when the faults change
	closed  chan struct{}
}

// linkFault is one misbehaviour of connections while it lasts.
type linkFault struct {
	kind  Kind
	every int           // affects each connection whose number is a multiple of it; 0 and 1: all
	bytes int           // slow: per second; cut: before the end; buffer: before they are forwarded
	wait  time.Duration // buffer: maximum time that bytes are kept; 0: until the answer ends
}

func (f *linkFault) meets(number int) bool { return f.every <= 1 || number%f.every == 0 }

func newNetwork() *network {
	return &network{calls: make(chan net.Conn), links: map[*link]bool{}, changed: make(chan struct{}), closed: make(chan struct{})}
}

// Accept waits for a connection; with Close and Addr it implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.calls:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	close(n.closed)
	return nil
}

func (n *network) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "192.0.2.1:5984" }

// Dial is couch.Options.Dial.
func (n *network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.number++
	number := n.number
	n.mu.Unlock()
	for n.has(Hang, number) {
		select {
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		case <-n.change():
		}
	}
	if n.has(Refuse, number) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, near := net.Pipe()
	far, server := net.Pipe()
	l := &link{network: n, number: number, near: near, far: far, dead: make(chan struct{})}
	n.mu.Lock()
	n.links[l] = true
	n.mu.Unlock()
	l.start()
	select {
	case n.calls <- conn{server, nil}:
		return conn{client, l}, nil
	case <-n.closed:
	case <-ctx.Done():
	}
	l.end(false)
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func (n *network) change() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

func (n *network) has(kind Kind, number int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.faults {
		if f.kind == kind && f.meets(number) {
			return true
		}
	}
	return false
}

// begin activates a fault and returns the function that ends it.
func (n *network) begin(f *linkFault) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = append(n.faults, f)
	n.stir()
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for i, g := range n.faults {
			if g == f {
				n.faults = append(n.faults[:i:i], n.faults[i+1:]...)
				break
			}
		}
		n.stir()
	}
}

func (n *network) stir() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// each applies a function to the open connections that a fault affects.
func (n *network) each(f *linkFault, do func(*link)) {
	n.mu.Lock()
	var met []*link
	for l := range n.links {
		if f.meets(l.number) {
			met = append(met, l)
		}
	}
	n.mu.Unlock()
	for _, l := range met {
		do(l)
	}
}

// conn is one end of a connection as its user sees it.
type conn struct {
	net.Conn
	link *link // of the client's end; nil: the server's
}

func (conn) RemoteAddr() net.Addr { return address{} }
func (conn) LocalAddr() net.Addr  { return address{} }

// Read distinguishes a connection that was reset from one that has ended.
func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.link != nil && c.link.wasReset() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}
