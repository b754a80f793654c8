package hosts_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestWhichServersAreHeldToTheirNames(t *testing.T) {
	for _, c := range []struct {
		given, listen string
		known, held   bool
	}{
		{"", "127.0.0.1:80", false, true}, {"", "localhost:80", false, true}, {"", "[::1]:80", false, true},
		{"", "127.0.0.1:80", true, false}, {"", "0.0.0.0:80", false, false}, {"", ":80", false, false}, {"", "192.0.2.1:80", false, false},
		{"x.example", "127.0.0.1:80", true, true}, {"x.example", "0.0.0.0:80", false, true},
	} {
		assert.Equal(t, c.held, hosts.For(c.given, c.listen, c.known) != nil, "%+v", c)
	}
}

func TestCheck(t *testing.T) {
	for list, c := range map[string]struct{ good, bad []string }{
		"": {
			[]string{"", "localhost", "LOCALHOST:8080", "localhost.", "a.localhost:1", "127.0.0.1", "127.0.0.1:8080", "127.8.9.1:80", "[::1]", "[::1]:8080", "::1", "127.0.0.1."},
			[]string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "192.0.2.1:8080", "0.0.0.0:8080", "[::]:80", "2130706433", "0x7f000001"},
		},
		"wmstats.example.org, 192.0.2.7,[2001:db8::1]": {
			[]string{"wmstats.example.org", "WMStats.Example.org.:443", "192.0.2.7:80", "[2001:db8::1]:80", "localhost"},
			[]string{"x.wmstats.example.org", "example.org", "192.0.2.8"},
		},
		"*": {[]string{"anything:1", "evil.example"}, nil},
	} {
		l, err := hosts.Parse(list)
		require.NoError(t, err)
		ask := func(host string) (int, error) {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Host = host
			w := httptest.NewRecorder()
			l.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
			return w.Code, l.Check(r)
		}
		for _, host := range c.good {
			status, err := ask(host)
			assert.NoError(t, err, "%q: %q", list, host)
			assert.Equal(t, http.StatusNotFound, status)
		}
		for _, host := range c.bad {
			status, err := ask(host)
			p := wire.ProblemOf(err)
			require.NotNil(t, p, "%q: %q", list, host)
			assert.Equal(t, wire.SlugWrongHost, p.Slug())
			assert.Equal(t, http.StatusMisdirectedRequest, p.Status)
			assert.Equal(t, p.Status, status)
		}
	}
	for _, bad := range []string{"http://x", "x:80", "a b", "u@h", "*.example.org", "[::1]:80"} {
		_, err := hosts.Parse(bad)
		assert.Error(t, err, bad)
	}
}
