package couch

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// pipes is a listener whose connections are in-memory pipes.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the other end of an accepted connection. A transport may still
// open one for a finished request, when nobody accepts any more.
func (p pipes) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.calls <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// All requests, kivik's too, use the connections that Dial opens, and a Dial
// that never returns is abandoned after ConnectTimeout.
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := couchfake.New(couchfake.Options{BuiltinViews: true})
		require.NoError(t, fake.Put("wmstats", []byte(`{"_id":"a","type":"agent_info"}`)))
		network := pipes{make(chan net.Conn), make(chan struct{})}
		srv := &http.Server{Handler: fake, ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = srv.Serve(network) }()
		dead := false
		c, err := New(Options{URL: "http://couch.invalid:5984", ConnectTimeout: 7 * time.Second, Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			require.Equal(t, "couch.invalid:5984", address)
			if dead {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return network.dial(ctx)
		}})
		require.NoError(t, err)
		position, err := c.Position(t.Context(), WMStats) // through kivik
		require.NoError(t, err)
		require.NotEmpty(t, position.Seq)
		rows, _, err := rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		require.Len(t, rows, 1)

		require.NoError(t, srv.Close())
		<-served
		dead = true
		began := time.Now()
		_, err = c.Position(t.Context(), WMStats)
		require.ErrorIs(t, err, ErrUnreachable)
		require.Equal(t, 7*time.Second, time.Since(began))
		require.NoError(t, c.Close())
	})
}
