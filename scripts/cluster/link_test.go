package cluster_test

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/cluster"
)

// A link passes data on, holds them back while it is cut, and ends connections while
// it refuses.
func TestLink(t *testing.T) {
	listen, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listen.Close()
	go func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	link, err := cluster.NewLink(t.Context(), listen.Addr().String())
	require.NoError(t, err)
	defer link.Close()
	dial := func() (net.Conn, *bufio.Reader) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", link.Addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		return conn, bufio.NewReader(conn)
	}
	conn, from := dial()
	echo := func(text string) {
		got, err := from.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, text, got)
	}
	_, err = conn.Write([]byte("one\n"))
	require.NoError(t, err)
	echo("one\n")

	link.Cut()
	_, err = conn.Write([]byte("two\n"))
	require.NoError(t, err, "the connection stays open")
	got := make(chan struct{})
	go func() { echo("two\n"); close(got) }()
	select {
	case <-got:
		require.Fail(t, "data passed a cut link")
	default:
	}
	link.Cut() // changes nothing
	link.Heal()
	<-got

	link.Refuse()
	_, err = from.ReadByte()
	require.Error(t, err)
	_, again := dial()
	_, err = again.ReadByte()
	require.Error(t, err)
	link.Heal()
	conn, from = dial()
	_, err = conn.Write([]byte("three\n"))
	require.NoError(t, err)
	echo("three\n")
}
