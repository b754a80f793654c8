package app_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var nextPage = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// TestPagesOfAgentsAtSeveralServers: lists of agents and sites change while their
// generation does not. A client that is sent to another server for each page still gets
// all pages of the list that the first one was cut from, while documents change.
func TestPagesOfAgentsAtSeveralServers(t *testing.T) {
	fake, url := couch(t)
	w := &world{t: t, fake: fake, rng: rand.New(rand.NewPCG(3, 4))}
	for range 20 {
		w.batch()
	}
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	members := []*member{g.start("a"), g.start("b"), g.start("c")}
	for _, m := range members {
		ready(t, m.Addr())
	}
	page := func(m *member, path string) (records []json.RawMessage, next string) {
		resp := m.ask(t, path)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode, "%s of %s", path, m.name)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&records))
		if link := nextPage.FindStringSubmatch(resp.Header.Get("Link")); link != nil {
			next = link[1]
		}
		return records, next
	}
	pages := 0
	for i := range 40 {
		path := []string{"/agent?limit=1&sort=-UpdateTime,Severity", "/sites?limit=1&sort=State,-PendingSlots"}[i%2]
		records, first := page(members[i%3], path)
		require.NotEmpty(t, first)
		for next := first; next != ""; pages++ {
			w.info()
			w.batch()
			var more []json.RawMessage
			more, next = page(members[w.rng.IntN(3)], next)
			records = append(records, more...)
		}
		// Cut once more, in one piece, by any server.
		for _, m := range members {
			var again []json.RawMessage
			for next := first; next != ""; {
				var more []json.RawMessage
				more, next = page(m, next)
				again = append(again, more...)
			}
			require.Equal(t, records[1:], again, path)
		}
	}
	require.Greater(t, pages, 50)
}
