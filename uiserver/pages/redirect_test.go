package pages_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/web"
)

// location is code that sends an address in a header.
var location = regexp.MustCompile(`\.Redirect\(|"Location"|"Content-Location"|"Link"`)

// One place sends redirects, and adds the base path.
func TestOnePlaceSendsRedirects(t *testing.T) {
	found := map[string]int{}
	for _, pattern := range []string{"*.go", "../*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			if count := len(location.FindAll(text, -1)); count > 0 && !strings.HasSuffix(name, "_test.go") {
				found[filepath.Base(name)] = count
			}
		}
	}
	assert.Equal(t, map[string]int{"frame.go": 1}, found)
}

// A page below a base path has no address outside it, whatever it shows.
func TestPagesBelowABasePath(t *testing.T) {
	s := newSite(t)
	const base = "/cms/wmstats"
	for _, path := range everyPage(s.cache.World) {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		w := httptest.NewRecorder()
		s.echo.ServeHTTP(w, r.WithContext(web.WithBase(r.Context(), base)))
		require.Less(t, w.Code, 500, path)
		doc, err := goquery.NewDocumentFromReader(w.Body)
		require.NoError(t, err)
		found := 0
		for _, attribute := range []string{"href", "src", "action", "formaction", "hx-get", "data-pulse"} {
			for _, element := range doc.Find("[" + attribute + "]").EachIter() {
				value := element.AttrOr(attribute, "")
				if strings.HasPrefix(value, "/") {
					found++
					assert.True(t, strings.HasPrefix(value, base+"/"), "%s: %s=%s", path, attribute, value)
				}
			}
		}
		if w.Code == http.StatusOK {
			assert.Greater(t, found, 10, path)
		}
	}
}
