package peers_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/peers"
)

func TestParse(t *testing.T) {
	list, err := peers.Parse("10.1.0.0/16, 192.0.2.7,2001:db8::/32,::ffff:198.51.100.1")
	require.NoError(t, err)
	for addr, in := range map[string]bool{
		"10.1.200.3": true, "10.2.0.1": false, "192.0.2.7": true, "192.0.2.8": false,
		"2001:db8:5::1": true, "2001:db9::1": false, "::ffff:10.1.2.3": true, "198.51.100.1": true, "fe80::1%eth0": false,
	} {
		assert.Equal(t, in, list.Contains(netip.MustParseAddr(addr)), addr)
	}
	assert.False(t, list.Contains(netip.Addr{}))
	for _, bad := range []string{"10.0.0.0/40", "here", "10.0.0.1,x"} {
		_, err := peers.Parse(bad)
		assert.Error(t, err, bad)
	}
	for _, everybody := range []string{"0.0.0.0/0", "::/0", "10.0.0.1, 0.0.0.0/1", "64.0.0.0/7", "2000::/3", "::ffff:0.0.0.0/96"} {
		_, err := peers.Parse(everybody)
		assert.Error(t, err, "%s: any client in it could impersonate any user", everybody)
	}
	none, err := peers.Parse("")
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestClient(t *testing.T) {
	list, err := peers.Parse("127.0.0.0/8,::1,10.0.0.0/8")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		peer string
		said []string
		want string
	}{
		"nobody forwards":                 {"192.0.2.1:99", nil, "192.0.2.1"},
		"a stranger is not believed":      {"192.0.2.1:99", []string{"198.51.100.1"}, "192.0.2.1"},
		"a front end is":                  {"127.0.0.1:99", []string{"198.51.100.1"}, "198.51.100.1"},
		"through two":                     {"[::1]:99", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"in two lines":                    {"[::1]:99", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		"what a client wrote itself":      {"127.0.0.1:99", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"what can't be read":              {"127.0.0.1:99", []string{"198.51.100.1, unknown"}, "127.0.0.1"},
		"empty":                           {"127.0.0.1:99", []string{""}, "127.0.0.1"},
		"a front end asks for itself":     {"127.0.0.1:99", nil, "127.0.0.1"},
		"with a port":                     {"127.0.0.1:99", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6":                            {"127.0.0.1:99", []string{"2001:db8::7"}, "2001:db8::7"},
		"an IPv4 address written as IPv6": {"[::ffff:127.0.0.1]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
			if c.said != nil {
				r.Header["X-Forwarded-For"] = c.said
			}
			assert.Equal(t, c.want, list.Client(r).String())
		})
	}
	assert.False(t, peers.Peer(&http.Request{RemoteAddr: "@"}).IsValid())
}

func TestNetwork(t *testing.T) {
	assert.Equal(t, "192.0.2.1", peers.Network(netip.MustParseAddr("192.0.2.1")).String())
	assert.Equal(t, "2001:db8:1:2::", peers.Network(netip.MustParseAddr("2001:db8:1:2:3:4:5:6")).String())
}
