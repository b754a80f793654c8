package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

// URLs in Link repeat the query. For a long query only next is present, which
// still leads through the whole list; one that is too long for clients is
// rejected.
func TestLinksOfLongQuestions(t *testing.T) {
	f := newFixture(t, 5)
	known := names(f.list("/fetch"))
	ask := func(others int, more string) string {
		all := append([]string{}, known...)
		for i := range others {
			all = append(all, fmt.Sprintf("%0100d", i))
		}
		return "/fetch?name=" + url.QueryEscape(strings.Join(all, ",")) + more
	}
	a := f.get(ask(0, "&limit=2&idx=2"))
	assert.Len(t, a.links(), 4)

	for _, others := range []int{40, 400} {
		var seen []string
		for next := ask(others, "&limit=2"); next != ""; {
			a := f.get(next)
			require.Equal(t, http.StatusOK, a.StatusCode, string(a.body))
			seen = append(seen, names(f.list(next))...)
			links := a.links()
			assert.LessOrEqual(t, len(a.Header.Get(wire.HeaderLink)), 60<<10)
			for rel := range links {
				assert.Equal(t, "next", rel)
			}
			next = links["next"]
		}
		assert.Equal(t, known, seen)
	}

	a = f.get(ask(900, "&limit=2"))
	assert.Equal(t, http.StatusRequestEntityTooLarge, a.StatusCode)
	assert.Contains(t, string(a.plain(t)), wire.SlugTooLarge)
	assert.Empty(t, a.Header.Get(wire.HeaderLink))
	a = f.get(ask(900, "")) // no next page
	assert.Equal(t, http.StatusOK, a.StatusCode)
	assert.Empty(t, a.Header.Get(wire.HeaderLink))
	assert.Equal(t, http.StatusOK, f.get(ask(900, "&limit=all")).StatusCode)
}
