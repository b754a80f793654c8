package haproxy

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

func unchanged(configuration string) string { return configuration }

// TestRollingRestart restarts three cache servers one after the other. Scans in the
// order of names meet at most one 410 for each of them and read each workflow exactly
// once; scans in another order begin again; nothing else fails. The data change all
// the time.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	s := newSystem(t, unchanged)
	users := s.users + "/api"

	// Some scans last longer than all restarts: of each port and order one at each server.
	byName := append(s.scanAtEach(t, s.api, "fields=Status"), s.scanAtEach(t, users, "fields=Status")...)
	sorted := append(s.scanAtEach(t, s.api, "sort=-Status"), s.scanAtEach(t, users, "sort=-Status")...)
	all := slices.Concat(byName, sorted)
	pages := func() {
		for _, c := range all {
			c.page(t)
			s.change(t)
		}
	}

	// Others are short and follow each other.
	restarted := make(chan struct{})
	var short sync.WaitGroup
	for _, base := range []string{s.api, users} {
		short.Go(func() {
			for {
				select {
				case <-restarted:
					return
				default:
				}
				s.scan(base, "fields=Status").rest(t)
				s.change(t)
			}
		})
	}
	pages()
	for _, c := range s.caches {
		s.restart(t, c, pages)
		pages()
	}
	close(restarted)
	short.Wait()

	gone := map[string]bool{}
	for _, c := range byName {
		c.rest(t)
		assert.Zero(t, c.again)
		for tag := range c.gone {
			gone[tag] = true
		}
	}
	assert.Equal(t, s.stopped, gone, "the scans met the end of each server's generations")
	for _, c := range sorted {
		c.rest(t)
		assert.Positive(t, c.again, "without continue it begins again")
	}
}

// TestGenerationsAreFound: while no server is restarted, each request that names a
// generation reaches its server, by whichever parameter or header.
func TestGenerationsAreFound(t *testing.T) {
	t.Parallel()
	s := newSystem(t, unchanged)
	servers := map[string]bool{}
	for range 9 {
		for _, base := range []string{s.api, s.users + "/api"} {
			c := s.scan(base, "sort=-Status")
			c.rest(t)
			assert.Empty(t, c.gone)

			a, err := ask(t.Context(), base+"/fetch?limit=1")
			require.NoError(t, err)
			generation := a.header.Get("X-Generation")
			tag, _, _ := strings.Cut(generation, "-")
			servers[tag] = true
			for range 3 {
				for _, request := range [][]string{{"?since=" + generation}, {"", "Last-Event-ID", generation}} {
					a, err := ask(t.Context(), base+"/changes"+request[0], request[1:]...)
					require.NoError(t, err)
					require.Equal(t, http.StatusOK, a.status, string(a.body))
					var change wire.Change
					require.NoError(t, json.Unmarshal(a.body, &change))
					assert.NotEqual(t, "reset", change.Event)
				}
			}
		}
	}
	assert.Len(t, servers, 3, "new requests go to all servers")

	a, err := ask(t.Context(), s.api+"/fetch?limit=1&fields="+strings.Repeat("Status,", 8000)+"Status")
	require.NoError(t, err)
	assert.NotContains(t, string(a.body), "<html>", "a long address reaches the cache server: %d %.200s", a.status, a.body)
}

// TestWithoutTheTable: what the stick table is for. If this fails, the other tests
// prove nothing.
func TestWithoutTheTable(t *testing.T) {
	t.Parallel()
	s := newSystem(t, func(configuration string) string {
		return regexp.MustCompile(`(?m)^  stick .*\n`).ReplaceAllString(configuration, "")
	})
	c := s.scan(s.api, "fields=Status")
	for range 20 {
		c.page(t)
	}
	assert.NotEmpty(t, c.gone)
}
