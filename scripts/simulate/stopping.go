package simulate

import (
	"context"
	"net"
)

// stopping is a network as a process sees it that may be stopped (SIGSTOP): it sends
// nothing meanwhile, and answers that arrive are read when it runs again.
type stopping struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	awake func() <-chan struct{} // closed while the process runs
}

// Dial is couch.Options.Dial.
func (s stopping) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	<-s.awake()
	c, err := s.dial(ctx, network, address)
	<-s.awake()
	if err != nil {
		return nil, err
	}
	return stoppingConn{c, s.awake}, nil
}

type stoppingConn struct {
	net.Conn
	awake func() <-chan struct{}
}

func (c stoppingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	<-c.awake()
	return n, err //nolint:wrapcheck // io.EOF and others have meanings
}

func (c stoppingConn) Write(p []byte) (int, error) {
	<-c.awake()
	return c.Conn.Write(p) //nolint:wrapcheck // as above
}
