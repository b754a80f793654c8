package identity_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
)

// The vectors are those of openssl for texts written by hand, such as
//
//	printf 'hfv5#cms-authn-loginalice' | openssl dgst -sha1 -hmac secret
const (
	aliceSignature   = "f03e63b38ec13d0849ad6aa8f556ba86000421e8" // key "secret"
	newlineSignature = "66d954fce4421b525ae9ebcfda237952f3af8881" // key "secret\n"

	// key 00 01 "key" ff, text "hcv17hfv5h10v8hev6hfvchev0#cms-authn-dn/DC=ch/DC=cern/CN=Alice
	// cms-authn-loginalicecms-authn-methodX509Certcms-authn-nameAlicécms-authz-admingroup:reqmgr
	// cms-authz-user" in one line
	fullSignature = "1317aafe8b70825d1a7dea1d5a4cd15662cdfdf3"
)

// fullHeaders are those of fullSignature: a value that is empty, and one with more
// bytes than letters.
func fullHeaders() []string {
	return []string{
		"cms-authz-user: ", "CMS-Authn-Login: alice", "cms-authn-dn: /DC=ch/DC=cern/CN=Alice", "cms-authz-Admin: group:reqmgr",
		"cms-authn-name: Alicé", "cms-authn-method: X509Cert", "cms-authn-hmac: " + fullSignature, "cms-auth-status: OK", "cms-auth-expire: 1",
	}
}

func signed(t *testing.T, key string) *identity.Checker {
	t.Helper()
	c, err := identity.New(identity.Options{HMAC: file(t, key)})
	require.NoError(t, err)
	return c
}

func TestSignatures(t *testing.T) {
	full := "\x00\x01key\xff"
	for _, c := range []struct {
		what, key string
		headers   []string
		fault     string // "": alice is known
	}{
		{"one header", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature}, ""},
		{"each byte of the file is in the key", "secret\n", []string{"cms-authn-login: alice", "cms-authn-hmac: " + newlineSignature}, ""},
		{"another key", "secret\n", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature}, "not valid"},
		{"all kinds of headers", full, fullHeaders(), ""},
		{"another user", "secret", []string{"cms-authn-login: bob", "cms-authn-hmac: " + aliceSignature}, "not valid"},
		{"one header more", "secret", []string{"cms-authn-login: alice", "cms-authz-admin: ", "cms-authn-hmac: " + aliceSignature}, "not valid"},
		{"one header less", full, fullHeaders()[1:], "not valid"},
		{"no signature", "secret", []string{"cms-authn-login: alice"}, "missing"},
		{"an empty signature", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: "}, "missing"},
		{"a role alone", "secret", []string{"cms-authz-admin: group:reqmgr"}, "missing"},
		{"a part of the signature", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature[:39]}, "not valid"},
		{"capitals in the signature", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + strings.ToUpper(aliceSignature)}, "not valid"},
		{"two names", "secret", []string{"cms-authn-login: alice", "cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature}, "twice"},
		{"two signatures", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature, "cms-authn-hmac: " + aliceSignature}, "twice"},
		{"nobody", "secret", []string{"cms-auth-status: NONE"}, "did not authenticate"},
		{"nobody with a signature", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature, "cms-auth-status: none"}, "did not authenticate"},
		{"two states", "secret", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature, "cms-auth-status: OK", "cms-auth-status: NONE"}, "did not authenticate"},
		{"nothing", "secret", nil, "Authentication is required"},
		{"a good status alone", "secret", []string{"cms-auth-status: OK"}, "Authentication is required"},
		{"no name", "secret", []string{"cms-authn-dn: /CN=x", "cms-authn-hmac: " + signature("secret", map[string]string{"cms-authn-dn": "/CN=x"})}, "no valid user name"},
		{"an empty name", "secret", []string{"cms-authn-login: ", "cms-authn-hmac: " + signature("secret", map[string]string{"cms-authn-login": ""})}, "no valid user name"},
	} {
		t.Run(c.what, func(t *testing.T) {
			checker, r := signed(t, c.key), request(c.headers...)
			if c.fault != "" {
				p := refused(t, checker, r)
				assert.Contains(t, p.Detail, c.fault)
				assert.Equal(t, http.StatusUnauthorized, p.Status)
				assert.Equal(t, []string{`Frontend realm="wmstats"`}, p.Challenges)
				assert.Empty(t, checker.Roles(r))
				return
			}
			name, err := checker.Identify(r, here)
			require.NoError(t, err)
			assert.Equal(t, "alice", name)
		})
	}
	assert.Equal(t, []string{"admin=group:reqmgr", "user="}, signed(t, full).Roles(request(fullHeaders()...)))
}

// TestSignaturesBesideOtherMethods: what the front end says decides alone, and a
// request without its headers may use another method.
func TestSignaturesBesideOtherMethods(t *testing.T) {
	secret, line := token(t, "script")
	c, err := identity.New(identity.Options{HMAC: file(t, "secret"), Tokens: file(t, line), Header: "X-Remote-User", Peers: peers.List{netip.MustParsePrefix("192.0.2.1/32")}})
	require.NoError(t, err)
	for _, one := range []struct {
		name    string // "": refused
		headers []string
	}{
		{"script", []string{"Authorization: Bearer " + secret}},
		{"carol", []string{"X-Remote-User: carol"}},
		{"alice", []string{"cms-authn-login: alice", "cms-authn-hmac: " + aliceSignature, "Authorization: Bearer " + secret, "X-Remote-User: carol"}},
		{"", []string{"cms-authn-login: alice", "Authorization: Bearer " + secret, "X-Remote-User: carol"}},
		{"", []string{"cms-auth-status: NONE", "Authorization: Bearer " + secret, "X-Remote-User: carol"}},
	} {
		r := request(one.headers...)
		if one.name == "" {
			refused(t, c, r)
			continue
		}
		name, err := c.Identify(r, here)
		require.NoError(t, err)
		assert.Equal(t, one.name, name)
	}
}

func TestKeysAreReadAgain(t *testing.T) {
	for _, text := range []string{"", " \n"} {
		_, err := identity.New(identity.Options{HMAC: file(t, text)})
		require.ErrorContains(t, err, "it is empty")
	}
	_, err := identity.New(identity.Options{HMAC: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)

	now, path := newClock(), file(t, "secret")
	var log bytes.Buffer
	c, err := identity.New(identity.Options{HMAC: path, Now: now.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	alice := request("cms-authn-login: alice", "cms-authn-hmac: "+aliceSignature)
	known := func() bool {
		_, err := c.Identify(alice, here)
		return err == nil
	}
	require.True(t, known())
	write(t, path, "")
	now.advance(time.Minute)
	require.True(t, known())
	now.advance(time.Minute) // a change counts when two looks have seen it
	require.True(t, known(), "the old key stays in use")
	require.Equal(t, []string{"the front end key file is empty"}, c.Faults())
	require.Contains(t, log.String(), "keeping its last good content")
	write(t, path, "another")
	now.advance(time.Minute)
	require.True(t, known(), "it may be half written")
	now.advance(time.Minute)
	require.False(t, known())
	require.Empty(t, c.Faults())
	write(t, path, "secret")
	c.Reload()
	require.True(t, known())
	require.NotContains(t, log.String(), "secret\"")
}

// signature is that of a front end, written apart from the program.
func signature(key string, headers map[string]string) string {
	var lengths, text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&lengths, "h%xv%x", len(name), len(headers[name]))
		text.WriteString(name + headers[name])
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(lengths.String() + "#" + text.String()))
	return hex.EncodeToString(mac.Sum(nil))
}

// FuzzSignature: a signature is good for the headers that it covers, and for no
// others.
func FuzzSignature(f *testing.F) {
	f.Add("cms-authn-a: b\ncms-authz-c: d", "cms-authn-a: bcms-authz-c\ncms-authz-c: d")
	f.Add("cms-authn-a: hfv5", "cms-authn-ahfv5: ")
	f.Add("cms-authn-a: #\ncms-authn-b: ", "cms-authn-a: \ncms-authn-b: #")
	f.Add("cms-authnv1: 1", "cms-authnv11: ")
	f.Add("cms-authn-x: 1", "CMS-Authn-X: 1")
	f.Add("cms-authn-x: 1", "cms-authn-x: 1\ncms-authn-x: 1")
	f.Add("cms-authz-: h1v1", "cms-authz-h1v1: ")
	path := filepath.Join(f.TempDir(), "key")
	require.NoError(f, os.WriteFile(path, []byte("secret"), 0o600))
	c, err := identity.New(identity.Options{HMAC: path})
	require.NoError(f, err)
	parse := func(text string) (headers map[string]string, lines int) {
		headers = map[string]string{"cms-authn-login": "alice"}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
			if name = strings.ToLower(name); identity.Signed(name) && name != "cms-authn-hmac" && name != "cms-authn-login" {
				headers[name] = value
				lines++
			}
		}
		return headers, lines + 1
	}
	send := func(headers map[string]string, text, sum string) bool {
		r := &http.Request{Header: http.Header{"Cms-Authn-Hmac": {sum}, "Cms-Authn-Login": {"alice"}}}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
			if _, ok := headers[strings.ToLower(name)]; ok && strings.ToLower(name) != "cms-authn-login" {
				r.Header.Add(name, value)
			}
		}
		_, err := c.Identify(r, here)
		return err == nil
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		first, lines := parse(one)
		second, others := parse(other)
		sum := signature("secret", first)
		require.Equal(t, lines == len(first), send(first, one, sum), "%q", one)
		same := maps.Equal(first, second) && others == len(second)
		require.Equal(t, same, send(second, other, sum), "%q for %q", one, other)
	})
}

func BenchmarkSignature(b *testing.B) {
	path := filepath.Join(b.TempDir(), "key")
	require.NoError(b, os.WriteFile(path, []byte("\x00\x01key\xff"), 0o600))
	c, err := identity.New(identity.Options{HMAC: path})
	require.NoError(b, err)
	r := request(fullHeaders()...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Identify(r, here); err != nil {
			b.Fatal(err)
		}
	}
}
