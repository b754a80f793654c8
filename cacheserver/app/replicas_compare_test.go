package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixed are answers that follow from a generation alone. They never change.
var fixed = []string{
	"/fetch?limit=all&format=ndjson", "/fetch?limit=all&format=csv", "/fetch?limit=20&idx=20&sort=-Priority,Workflow", "/fetch?limit=all&sort=-Success&fields=Status,Success",
	"/fetch?limit=5&status=acquired&facets=status,campaign,site,agents", "/campaign?", "/campaign?format=csv&sort=-Workflows", "/release?",
	"/status?", "/stats?by=status,campaign&sum=Failure,Running", "/facet/site?", "/facet/alerts?", "/stray?",
}

// moving are answers that also say how agents are now: what an agent said last counts
// even if it made no generation, and so does its silence. Of /agent that are the keys
// UpdateTime, DataUpdateTime, Severity and Reasons; of /sites State, StateAgents,
// RunningSlots, PendingSlots and FreeForQueue. They are equal at servers that have
// applied the same entries. /changes leads to the newest generation.
var moving = []string{"/agent?", "/agent?format=csv", "/sites?", "/sites?format=csv&sort=-Running", "/changes?include=records&since="}

// mayMove are the keys of moving answers that are not of the generation.
var mayMove = map[string][]string{
	"/agent?": {"UpdateTime", "DataUpdateTime", "Severity", "Reasons"},
	"/sites?": {"State", "StateAgents", "RunningSlots", "PendingSlots", "FreeForQueue"},
}

// headers are those of an answer that are part of it.
var headers = []string{"X-Generation", "X-Generation-Time", "X-Total-Count", "Etag", "Link", "Content-Type"}

// generations compares the kept generations of several members. The first answers of
// a generation are what all later ones must equal, also those of other members, and of
// members that were started since.
type generations struct {
	t        *testing.T
	answers  map[string][]string // hashes of fixed, and what does not move in moving
	done     map[*member]int     // the newest generation that was compared
	compared int
}

// compare compares the generations since the last comparison with a
// member, or all that it keeps.
func (g *generations) compare(members []*member, all bool) {
	g.t.Helper()
	newest, last := settle(g.t, members, 0)
	epoch, _, _ := strings.Cut(newest, "-")
	for number := 1; number <= last; number++ {
		id := epoch + "-" + strconv.Itoa(number)
		var keep []*member
		for _, m := range members {
			if !all && number <= g.done[m] {
				continue
			}
			if m.keeps(g.t, id) {
				keep = append(keep, m)
				g.compareFixed(m, id)
				if m.oldest == 0 {
					m.oldest = number
				}
			} else if _, known := g.answers[id]; known && m.oldest > 0 && number > m.oldest {
				require.Fail(g.t, "missing", "%s has kept all since %d, and not %s", m.name, m.oldest, id)
			}
		}
		g.compareMoving(keep, id)
	}
	for _, m := range members {
		g.done[m] = last
		require.Positive(g.t, m.oldest, m.name)
	}
}

// keeps reports whether a member keeps a generation.
func (m *member) keeps(t *testing.T, id string) bool {
	t.Helper()
	resp := m.ask(t, "/fetch?limit=1&fields=Workflow&gen="+id)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusGone {
		return false
	}
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return true
}

func (g *generations) compareFixed(m *member, id string) {
	g.t.Helper()
	var got []string
	for _, path := range fixed {
		got = append(got, sum(path, m.answer(g.t, path+"&gen="+id)))
	}
	for _, path := range moving {
		if keys := mayMove[path]; keys != nil {
			got = append(got, sum(path, without(g.t, m.answer(g.t, path+"&gen="+id), keys)))
		}
	}
	if g.answers[id] == nil {
		g.answers[id] = got
		return
	}
	require.Equal(g.t, g.answers[id], got, "%s of %s", id, m.name)
	g.compared++
}

// compareMoving compares answers while no entry is applied.
func (g *generations) compareMoving(members []*member, id string) {
	g.t.Helper()
	entries := func() (list []float64) {
		for _, m := range members {
			list = append(list, m.metric(g.t, "wmstats_log_entry"))
		}
		return list
	}
	if len(members) < 2 {
		return
	}
	require.Eventually(g.t, func() bool {
		before, got := entries(), make([][]string, len(members))
		for i, m := range members {
			for _, path := range moving {
				if strings.HasSuffix(path, "since=") {
					got[i] = append(got[i], m.answer(g.t, path+id))
				} else {
					got[i] = append(got[i], m.answer(g.t, path+"&gen="+id))
				}
			}
		}
		for i, entry := range entries() {
			if entry != before[0] || before[i] != before[0] {
				return false
			}
		}
		for i := range members[1:] {
			require.Equal(g.t, got[0], got[i+1], "%s of %s and %s", id, members[0].name, members[i+1].name)
		}
		return true
	}, waitFor, tick)
}

// answer returns an answer with the headers that are part of it.
func (m *member) answer(t *testing.T, path string) string {
	t.Helper()
	resp := m.ask(t, path)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, body)
	var text strings.Builder
	for _, name := range headers {
		fmt.Fprintf(&text, "%s: %s\n", name, resp.Header.Get(name))
	}
	return text.String() + "\n" + string(body)
}

func sum(path, text string) string {
	return fmt.Sprintf("%s %d %x", path, len(text), sha256.Sum256([]byte(text)))
}

// without returns the records of a list without some of their keys.
func without(t *testing.T, text string, keys []string) string {
	t.Helper()
	_, body, _ := strings.Cut(text, "\n\n")
	var list []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	for _, record := range list {
		for _, key := range keys {
			require.Contains(t, record, key)
			delete(record, key)
		}
	}
	out, err := json.Marshal(list)
	require.NoError(t, err)
	return string(out)
}
