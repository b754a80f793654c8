package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/web"
)

func TestAt(t *testing.T) {
	for address, want := range map[string]string{
		"/": "/wmstats/", "/workflows?a=/b": "/wmstats/workflows?a=/b", "": "", "?a=/b": "?a=/b", "#main": "#main",
		"https://cmsweb.cern.ch/reqmgr2": "https://cmsweb.cern.ch/reqmgr2",
	} {
		assert.Equal(t, want, web.At(web.WithBase(t.Context(), "/wmstats"), address))
		assert.Equal(t, address, web.At(t.Context(), address), "the root of the host")
		assert.Equal(t, address, web.At(web.WithBase(t.Context(), ""), address))
	}
}

// attribute is an attribute of a template whose value is an address, and its value.
var attribute = regexp.MustCompile(`(?:^|[\s"{])((?:href|src|action|formaction|poster|cite|data-pulse|hx-(?:get|post|put|patch|delete|push-url|replace-url))\??=)("[^"]*"|\{[^}]*\})`)

// misplaced returns the addresses in a template that are not written with At.
func misplaced(template string) (faults []string) {
	for _, match := range attribute.FindAllStringSubmatch(template, -1) {
		value := match[2]
		literal := strings.HasPrefix(value, `"#`) || strings.HasPrefix(value, `"?`) || strings.HasPrefix(value, `{ "#"+`) || strings.HasPrefix(value, `{ "#" +`)
		if !literal && !strings.HasPrefix(value, "{ At(ctx, ") {
			faults = append(faults, match[1]+value)
		}
	}
	return faults
}

// Every address in a template is written with At, so that the pages work below a base
// path. Markup made in Go has no addresses.
func TestAddressesAreWrittenWithAt(t *testing.T) {
	count := 0
	for _, pattern := range []string{"*.templ", "*/*.templ"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			assert.Empty(t, misplaced(string(text)), name)
			count += strings.Count(string(text), "{ At(ctx, ")
		}
	}
	assert.Greater(t, count, 100)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") {
			continue // generated from a template, or not a part of pages
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.NotRegexp(t, `(?:href|src|action|hx-[a-z]+)=`, string(text), name)
		if name != "paths.go" {
			assert.NotRegexp(t, `"/[a-z]`, string(text), "%s: addresses are in paths.go", name)
		}
	}
}

// The test above finds what it is for.
func TestMisplacedAddresses(t *testing.T) {
	for template, want := range map[string]string{
		`<a href="/">x</a>`: `href="/"`, `<a href={ p.JSON }>`: `href={ p.JSON }`, "<form\n\taction=\"/go\"": `action="/go"`, `<img src={ f.Icon }/>`: `src={ f.Icon }`,
		`<input hx-get="/go"/>`: `hx-get="/go"`, `<a href={ Base(ctx) + p.JSON }>`: `href={ Base(ctx) + p.JSON }`, `<a { boost... } href={ "/x" }>`: `href={ "/x" }`,
	} {
		assert.Equal(t, []string{want}, misplaced(template))
	}
	assert.Empty(t, misplaced(`<a href="#main"><a href={ At(ctx, p.JSON) } data-count={ n }><a href="?"><b class="source">action="`))
}
