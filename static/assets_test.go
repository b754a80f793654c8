package static_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/static"
)

func get(t *testing.T, a *static.Assets, path, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsAreImmutableUnderTheirHash(t *testing.T) {
	a, err := static.New()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{static.Style, static.Script, static.Icon}, a.Names())
	for _, name := range a.Names() {
		url := a.URL(name)
		assert.Regexp(t, `^/static/[0-9a-f]{16}/`+regexp.QuoteMeta(name)+`$`, url)
		plain := get(t, a, url, "")
		assert.Equal(t, http.StatusOK, plain.StatusCode)
		assert.Equal(t, "public, max-age=31536000, immutable", plain.Header.Get("Cache-Control"))
		assert.Equal(t, "Accept-Encoding", plain.Header.Get("Vary"))
		assert.Empty(t, plain.Header.Get("Content-Encoding"))
		want, err := io.ReadAll(plain.Body)
		require.NoError(t, err)

		packed := get(t, a, url, "br, gzip;q=0.5")
		if packed.Header.Get("Content-Encoding") != "gzip" {
			continue // not smaller with gzip
		}
		zr, err := gzip.NewReader(packed.Body)
		require.NoError(t, err)
		have, err := io.ReadAll(zr)
		require.NoError(t, err)
		assert.Equal(t, want, have, name)
	}
}

func TestEncodingIsNegotiated(t *testing.T) {
	a, err := static.New()
	require.NoError(t, err)
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "GZIP": "gzip", "*": "gzip", "identity": "", "gzip;q=0": "", "gzip; q=0, *": "", "deflate, br": "", "x-gzip;q=1": "gzip",
	} {
		assert.Equal(t, want, get(t, a, a.URL(static.Style), accept).Header.Get("Content-Encoding"), accept)
	}
}

func TestUnknownAssets(t *testing.T) {
	a, err := static.New()
	require.NoError(t, err)
	for _, path := range []string{"/static/", "/static/0123456789abcdef/app.css", "/static/app.css", a.URL(static.Style) + "/", "/static/../assets.go"} {
		assert.Equal(t, http.StatusNotFound, get(t, a, path, "").StatusCode, path)
	}
	assert.Empty(t, a.URL("nothing.css"))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodPost, a.URL(static.Style), nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

// The vendored library is identical to its release.
func TestVendored(t *testing.T) {
	text, err := static.Source("vendored/htmx.min.js")
	require.NoError(t, err)
	assert.Equal(t, "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717", fmt.Sprintf("%x", sha256.Sum256(text)))
	a, err := static.New()
	require.NoError(t, err)
	served, err := io.ReadAll(get(t, a, a.URL(static.Script), "").Body)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(served, text), "the script begins with the library")
}

func TestBudgets(t *testing.T) {
	a, err := static.New()
	require.NoError(t, err)
	for name, most := range map[string]int{static.Style: 8 << 10, static.Script: 22 << 10, static.Icon: 1 << 10} {
		plain, packed := a.Sizes(name)
		assert.Positive(t, plain, name)
		assert.LessOrEqual(t, packed, most, name)
	}
	var own bytes.Buffer
	zw, err := gzip.NewWriterLevel(&own, gzip.BestCompression)
	require.NoError(t, err)
	for _, name := range static.Own() {
		text, err := static.Source(name)
		require.NoError(t, err)
		_, err = zw.Write(text)
		require.NoError(t, err)
	}
	require.NoError(t, zw.Close())
	assert.LessOrEqual(t, own.Len(), 9<<10, "the project's own script")
}

// address is a text of a script that looks like an address of this server, with what
// stands before it.
var address = regexp.MustCompile("(.{0,10})(['\"`]/[a-z][^'\"`]*['\"`])")

// Every address in a script is passed to the function address, so that the script works
// below a base path, and the style sheet has none.
func TestAddressesOfScripts(t *testing.T) {
	count := 0
	for _, name := range static.Own() {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range address.FindAllStringSubmatch(string(text), -1) {
			assert.True(t, strings.HasSuffix(match[1], "address("), "%s: %s", name, match[0])
			count++
		}
	}
	assert.GreaterOrEqual(t, count, 3)
	style, err := static.Source("files/app.css")
	require.NoError(t, err)
	assert.NotRegexp(t, `url\((['"]?)[^#'"]|@import`, string(style))
}
