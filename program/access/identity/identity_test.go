package identity_test

import (
	"bytes"
	"flag"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
)

var here = netip.MustParseAddr("192.0.2.1")

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "who")
	write(t, path, text)
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func token(t *testing.T, name string) (token, line string) {
	t.Helper()
	token, line, err := identity.NewToken(name)
	require.NoError(t, err)
	return token, line + "\n"
}

func user(t *testing.T, name, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return name + ":" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n" // as htpasswd writes it
}

func request(headers ...string) *http.Request {
	r := &http.Request{RemoteAddr: "192.0.2.1:4711", Header: http.Header{}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func basic(name, password string) *http.Request {
	r := request()
	r.SetBasicAuth(name, password)
	return r
}

// clock is a fake clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func refused(t *testing.T, c *identity.Checker, r *http.Request) *wire.Problem {
	t.Helper()
	name, err := c.Identify(r, here)
	assert.Empty(t, name)
	var p *wire.Problem
	require.ErrorAs(t, err, &p)
	return p
}

func named(t *testing.T, want string, c *identity.Checker, r *http.Request) {
	t.Helper()
	name, err := c.Identify(r, here)
	require.NoError(t, err)
	assert.Equal(t, want, name)
}

func TestNothingConfigured(t *testing.T) {
	c, err := identity.New(identity.Options{})
	require.NoError(t, err)
	assert.Nil(t, c)
}

func TestTokens(t *testing.T) {
	alice, lineA := token(t, "alice")
	second, lineB := token(t, "alice")
	bob, lineC := token(t, "bob@cern")
	c, err := identity.New(identity.Options{Tokens: file(t, "# who may ask\n\n"+lineA+lineB+lineC)})
	require.NoError(t, err)
	named(t, "alice", c, request("Authorization: Bearer "+alice))
	named(t, "alice", c, request("Authorization: bearer "+second))
	named(t, "bob@cern", c, request("Authorization: Bearer "+bob))
	for name, r := range map[string]*http.Request{
		"none":       request(),
		"wrong":      request("Authorization: Bearer " + alice + "x"),
		"the hash":   request("Authorization: Bearer " + strings.TrimSpace(lineA[len("alice:sha256:"):])),
		"empty":      request("Authorization: Bearer "),
		"no scheme":  request("Authorization: " + alice),
		"basic":      basic("alice", alice),
		"two":        request("Authorization: Bearer "+alice, "Authorization: Bearer "+alice),
		"very long":  request("Authorization: Bearer " + strings.Repeat("a", 10_000)),
		"in a query": {URL: nil, RemoteAddr: "192.0.2.1:1", Header: http.Header{"X-Token": {alice}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := refused(t, c, r)
			assert.Equal(t, http.StatusUnauthorized, p.Status)
			assert.Equal(t, []string{`Bearer realm="wmstats"`}, p.Challenges)
			assert.NotContains(t, p.Detail, alice)
		})
	}
}

func TestTokenCommand(t *testing.T) {
	var out, say bytes.Buffer
	require.NoError(t, identity.TokenCommand("server", []string{"alice"}, &out, &say))
	_, secret, ok := strings.Cut(say.String(), "shown only now: ")
	require.True(t, ok)
	assert.NotContains(t, out.String(), strings.TrimSpace(secret), "the file has no secret")
	c, err := identity.New(identity.Options{Tokens: file(t, out.String())})
	require.NoError(t, err)
	named(t, "alice", c, request("Authorization: Bearer "+strings.TrimSpace(secret)))
	for _, bad := range [][]string{{}, {"a", "b"}, {""}, {"a:b"}, {"#a"}, {" a"}, {"a\nb"}, {"-a"}, {"--hlep"}, {"a", "-h"}} {
		assert.Error(t, identity.TokenCommand("server", bad, &out, &say), "%q", bad)
	}
}

// The help option does not create a token.
func TestTokenHelp(t *testing.T) {
	for _, help := range [][]string{{"-h"}, {"--help"}, {"-help"}, {"help"}, {"-h", "alice"}} {
		var out, say bytes.Buffer
		require.Equal(t, flag.ErrHelp, identity.TokenCommand("server", help, &out, &say))
		assert.Contains(t, out.String(), "Usage: server token NAME >>FILE\n")
		assert.NotContains(t, out.String(), "sha256")
		assert.Empty(t, say.String())
	}
}

func TestUsers(t *testing.T) {
	long := strings.Repeat("p", 72)
	c, err := identity.New(identity.Options{Htpasswd: file(t, user(t, "alice", "s3:cret")+user(t, "bob", long))})
	require.NoError(t, err)
	for range 3 { // verified only the first time
		named(t, "alice", c, basic("alice", "s3:cret"))
		named(t, "bob", c, basic("bob", long))
	}
	for name, r := range map[string]*http.Request{
		"wrong password":        basic("alice", "s3"),
		"unknown":               basic("carol", "s3:cret"),
		"longer than bcrypt":    basic("bob", long+"x"),
		"empty":                 basic("", ""),
		"not base64":            request("Authorization: Basic ***"),
		"a token":               request("Authorization: Bearer wms_x"),
		"another user's":        basic("bob", "s3:cret"),
		"the hash of the file ": basic("alice", "$2y$04$"),
	} {
		t.Run(name, func(t *testing.T) {
			p := refused(t, c, r)
			assert.Equal(t, http.StatusUnauthorized, p.Status)
			assert.Equal(t, []string{`Basic realm="wmstats", charset="UTF-8"`}, p.Challenges)
		})
	}
}

// The number of password attempts is limited; verified clients are not affected.
func TestTriesAreBounded(t *testing.T) {
	now := newClock()
	c, err := identity.New(identity.Options{Htpasswd: file(t, user(t, "alice", "secret")), Now: now.Now})
	require.NoError(t, err)
	named(t, "alice", c, basic("alice", "secret"))
	limited := 0
	for range 60 {
		if p := refused(t, c, basic("alice", "guess")); p.Slug() == wire.SlugRateLimited {
			assert.Equal(t, 1, p.RetryAfter)
			limited++
		}
	}
	assert.Equal(t, 11, limited, "50 at once")
	named(t, "alice", c, basic("alice", "secret"))
	name, err := c.Identify(basic("alice", "secret "), netip.MustParseAddr("192.0.2.2"))
	assert.Empty(t, name)
	assert.Equal(t, http.StatusUnauthorized, wire.ProblemOf(err).Status, "another address has tries of its own")
	now.advance(time.Second)
	assert.Equal(t, wire.SlugUnauthorized, refused(t, c, basic("alice", "guess")).Slug())
}

func TestFrontEnd(t *testing.T) {
	trusted, err := peers.Parse("192.0.2.0/30")
	require.NoError(t, err)
	secret, line := token(t, "script")
	c, err := identity.New(identity.Options{Header: "x-remote-user", Peers: trusted, Tokens: file(t, line)})
	require.NoError(t, err)
	named(t, "alice", c, request("X-Remote-User: alice"))
	named(t, "script", c, request("Authorization: Bearer "+secret))
	stranger := request("X-Remote-User: alice", "X-Forwarded-For: 192.0.2.1")
	stranger.RemoteAddr = "198.51.100.1:99"
	assert.Equal(t, http.StatusUnauthorized, refused(t, c, stranger).Status)
	for _, bad := range [][]string{{"X-Remote-User: a", "X-Remote-User: b"}, {"X-Remote-User: "}, {"X-Remote-User: a\x01b"}, {}} {
		assert.Equal(t, http.StatusUnauthorized, refused(t, c, request(bad...)).Status, "%q", bad)
	}
	alone, err := identity.New(identity.Options{Header: "X-Remote-User", Peers: trusted})
	require.NoError(t, err)
	assert.NotEmpty(t, refused(t, alone, request()).Challenges, "a 401 always names a way")
	_, err = identity.New(identity.Options{Header: "X-Remote-User"})
	assert.ErrorContains(t, err, "list of front ends")
}

func TestFilesWithFaults(t *testing.T) {
	_, line := token(t, "alice")
	for want, o := range map[string]identity.Options{
		"line 2: want name:sha256": {Tokens: file(t, line+"bob:md5:00\n")},
		"line 1: want a name":      {Tokens: file(t, ":sha256:00\n")},
		"line 3":                   {Tokens: file(t, "x\n"+line+"y:sha256:zz\n")},
		"not hashed with bcrypt":   {Htpasswd: file(t, "alice:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")},
		`"alice" is there twice`:   {Htpasswd: file(t, user(t, "alice", "a")+user(t, "alice", "b"))},
		"no such file":             {Tokens: filepath.Join(t.TempDir(), "none")},
	} {
		_, err := identity.New(o)
		assert.ErrorContains(t, err, want)
	}
}

// A changed file is used without a restart; an invalid or missing one changes nothing
// and is logged once.
func TestFilesAreReadAgain(t *testing.T) {
	alice, lineA := token(t, "alice")
	bob, lineB := token(t, "bob")
	path := file(t, lineA)
	passwords := file(t, user(t, "carol", "one"))
	now := newClock()
	var log bytes.Buffer
	c, err := identity.New(identity.Options{Tokens: path, Htpasswd: passwords, Now: now.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	named(t, "carol", c, basic("carol", "one"))

	write(t, path, lineB)
	write(t, passwords, user(t, "carol", "two"))
	named(t, "alice", c, request("Authorization: Bearer "+alice))
	now.advance(2 * time.Second)
	refused(t, c, request("Authorization: Bearer "+alice))
	named(t, "bob", c, request("Authorization: Bearer "+bob))
	refused(t, c, basic("carol", "one"))
	named(t, "carol", c, basic("carol", "two"))

	write(t, path, "nonsense\n")
	for range 3 {
		now.advance(2 * time.Second)
		named(t, "bob", c, request("Authorization: Bearer "+bob))
	}
	assert.Equal(t, 1, strings.Count(log.String(), "line 1"), log.String())
	require.NoError(t, os.Remove(path))
	for range 3 {
		now.advance(2 * time.Second)
		named(t, "bob", c, request("Authorization: Bearer "+bob))
	}
	assert.Equal(t, 1, strings.Count(log.String(), "can't be read"))
	write(t, path, lineA)
	now.advance(2 * time.Second)
	named(t, "alice", c, request("Authorization: Bearer "+alice))
}

func TestSecret(t *testing.T) {
	path, now := file(t, " wms_one\n"), newClock()
	s, err := identity.NewSecret(path, identity.Options{Now: now.Now})
	require.NoError(t, err)
	assert.Equal(t, "wms_one", s.Value())
	write(t, path, "wms_two")
	now.advance(2 * time.Second)
	assert.Equal(t, "wms_two", s.Value())
	write(t, path, "two words")
	now.advance(2 * time.Second)
	assert.Equal(t, "wms_two", s.Value())
	for _, bad := range []string{"", "a b", "a\nb"} {
		_, err := identity.NewSecret(file(t, bad), identity.Options{})
		assert.ErrorContains(t, err, "want one token")
	}
}

// FuzzFiles checks that no file makes the parsers panic, and that accepted files can
// be used.
func FuzzFiles(f *testing.F) {
	f.Add("alice:sha256:" + strings.Repeat("0", 64) + "\n#\n\nbob:$2y$04$x")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, text)
		for _, o := range []identity.Options{{Tokens: path}, {Htpasswd: path}} {
			if c, err := identity.New(o); err == nil {
				refused(t, c, request("Authorization: Bearer x"))
			}
		}
	})
}
