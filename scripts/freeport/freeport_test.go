package freeport_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/freeport"
)

// Addresses differ, can be listened on, and are outside the range from which the
// system assigns ports.
func TestAddr(t *testing.T) {
	given := 32768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		given, err = strconv.Atoi(strings.Fields(string(text))[0])
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	for range 100 {
		addr, err := freeport.Addr(t.Context())
		require.NoError(t, err)
		require.False(t, seen[addr], addr)
		seen[addr] = true
		_, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		assert.Less(t, n, given)
		l, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}
