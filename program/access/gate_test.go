package access_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func from(peer, forwarded string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	return r
}

func TestZeroGateLetsEverybodyIn(t *testing.T) {
	g := access.New(access.Options{})
	for range 10_000 {
		client, err := g.Admit(from("192.0.2.1:99", ""), start)
		require.NoError(t, err)
		require.Equal(t, "192.0.2.1", client.String())
	}
	assert.False(t, g.Asks())
}

func TestRateByAddress(t *testing.T) {
	g := access.New(access.Options{Trusted: peers.Loopback(), Rate: 1, Burst: 2})
	take := func(peer, forwarded string) *wire.Problem {
		_, err := g.Admit(from(peer, forwarded), start)
		return wire.ProblemOf(err)
	}
	for range 2 {
		require.Nil(t, take("192.0.2.1:99", ""))
		require.Nil(t, take("127.0.0.1:99", "198.51.100.1"))
	}
	p := take("192.0.2.1:100", "203.0.113.1")
	require.NotNil(t, p, "what it says of others counts for nothing")
	assert.Equal(t, wire.SlugRateLimited, p.Slug())
	assert.Equal(t, 1, p.RetryAfter)
	require.NotNil(t, take("127.0.0.1:99", "198.51.100.1"))
	require.Nil(t, take("127.0.0.1:99", "198.51.100.2"), "behind the same front end, another client")
	for range 100 {
		require.Nil(t, take("127.0.0.1:99", ""), "the front end itself is not limited")
	}
	for i := range 2 {
		require.Nil(t, take(fmt.Sprintf("[2001:db8::%x]:99", i+1), ""))
	}
	require.NotNil(t, take("[2001:db8::9]:99", ""), "a /64 is one client")
}

// knows returns a checker with tokens of alice and bob, and with a password of carol
// whose hash is as expensive as in production.
func knows(tb testing.TB) (c *identity.Checker, alice, bob string) {
	tb.Helper()
	dir := tb.TempDir()
	alice, a, err := identity.NewToken("alice")
	require.NoError(tb, err)
	bob, b, err := identity.NewToken("bob")
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "tokens"), []byte(a+"\n"+b+"\n"), 0o600))
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), 10)
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "users"), []byte("carol:"+string(hash)), 0o600))
	c, err = identity.New(identity.Options{Tokens: filepath.Join(dir, "tokens"), Htpasswd: filepath.Join(dir, "users")})
	require.NoError(tb, err)
	return c, "Bearer " + alice, "Bearer " + bob
}

// An authenticated client has one limit for all its addresses.
func TestRateByIdentity(t *testing.T) {
	checker, alice, bob := knows(t)
	g := access.New(access.Options{Identity: checker, Rate: 1, Burst: 3})
	assert.True(t, g.Asks())
	ask := func(peer, who string) error {
		r := from(peer, "")
		if who != "" {
			r.Header.Set("Authorization", who)
		}
		client, err := g.Admit(r, start)
		if err == nil {
			assert.Contains(t, []string{"alice", "bob"}, client.String())
		}
		return err
	}
	for i := range 3 {
		require.NoError(t, ask(fmt.Sprintf("192.0.2.%d:1", i), alice))
	}
	assert.Equal(t, wire.SlugRateLimited, wire.ProblemOf(ask("192.0.2.77:1", alice)).Slug())
	assert.NoError(t, ask("192.0.2.77:1", bob))
	assert.Equal(t, wire.SlugUnauthorized, wire.ProblemOf(ask("192.0.2.77:1", "")).Slug())
}

// Admit runs before every request, so it must not allocate.
func TestAdmitAllocatesNothing(t *testing.T) {
	for name, admit := range hotPaths(t) {
		assert.Zero(t, testing.AllocsPerRun(100, admit), name)
	}
}

func hotPaths(tb testing.TB) map[string]func() {
	checker, alice, _ := knows(tb)
	address := access.New(access.Options{Trusted: peers.Loopback(), Rate: 1e9, Burst: 1e9})
	known := access.New(access.Options{Trusted: peers.Loopback(), Identity: checker, Rate: 1e9, Burst: 1e9})
	near, far := from("192.0.2.1:99", ""), from("127.0.0.1:99", "198.51.100.1")
	token, password := from("192.0.2.1:99", ""), from("192.0.2.1:99", "")
	token.Header.Set("Authorization", alice)
	password.SetBasicAuth("carol", "secret")
	admit := func(g *access.Gate, r *http.Request) func() {
		return func() {
			if _, err := g.Admit(r, start); err != nil {
				panic(err)
			}
		}
	}
	return map[string]func(){
		"address": admit(address, near), "forwarded": admit(address, far),
		"token": admit(known, token), "password": admit(known, password),
	}
}

// BenchmarkAdmit measures the cost of a request before its handler: authentication
// and the rate limit.
func BenchmarkAdmit(b *testing.B) {
	for name, admit := range hotPaths(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				admit()
			}
		})
	}
}
