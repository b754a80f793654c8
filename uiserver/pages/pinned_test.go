package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// pinsOf returns the parameters of pins with states.
func pinsOf(pins map[web.Pin]web.PinState, names ...string) url.Values {
	v := url.Values{query.PinParam: names}
	for pin, state := range pins {
		v.Add(query.PinParam, pin.Key())
		v.Add(query.SeenParam, query.Token(pin, state))
	}
	return v
}

// The page has a row for each pinned name with its present state, whatever it is
// called, in one request of each kind; the button of the name's own page has the same
// state.
func TestPinned(t *testing.T) {
	s := newSite(t)
	w := usual(s.cache.World)
	hostile := testcache.Hostile()[0]
	names := []string{"workflow " + w.Workflow, "campaign " + w.Campaign, "site " + s.cache.Sites[0].Site, "agent " + normalAgent(s.cache.World), "workflow " + hostile, "agent " + hostile, "site no-such-site"}
	before := len(s.cache.Seen())
	doc, _ := s.page(t, http.StatusOK, "/pinned?"+pinsOf(nil, names...).Encode())
	assert.Len(t, s.cache.Seen()[before:], 5, "the pulse and one of each kind")
	rows := doc.Find("#pinned tbody tr")
	require.Equal(t, len(names), rows.Length())
	for i, row := range rows.EachIter() {
		button := row.Find("[data-pin]")
		assert.Equal(t, names[i], button.AttrOr("data-pin", ""))
		assert.Contains(t, row.Text(), "not looked at before")
		if i == len(names)-1 {
			assert.Contains(t, row.Text(), "no longer in the list of sites")
			assert.Zero(t, row.Find("th a").Length(), "such a page does not exist")
			continue
		}
		link := resolve(t, "/pinned", row.Find("th a").AttrOr("href", ""))
		own, _ := s.page(t, http.StatusOK, link.EscapedPath())
		there := own.Find("[data-pin]")
		require.Equal(t, 1, there.Length(), names[i])
		assert.Equal(t, names[i], there.AttrOr("data-pin", ""))
		state := func(token string) []string {
			parts := strings.Split(token, "|")
			return append(parts[:1:1], parts[2:]...)
		}
		assert.Equal(t, state(button.AttrOr("data-state", "")), state(there.AttrOr("data-state", "")), names[i])
	}
	assert.Contains(t, rows.First().Text(), w.Status)
	assert.Contains(t, rows.First().Text(), web.Int(w.Failure))
	shared := doc.Find(`#pinned a[href^="/pinned?"]`).AttrOr("href", "")
	assert.Equal(t, url.Values{query.PinParam: names}, resolve(t, "/", shared).Query())

	empty, _ := s.page(t, http.StatusOK, "/pinned")
	assert.Contains(t, empty.Find("#pinned").Text(), "Nothing is pinned")
	s.page(t, http.StatusBadRequest, "/pinned?pin=x")
	s.page(t, http.StatusBadRequest, "/pinned?x=1")
	release, _ := s.page(t, http.StatusOK, web.ReleasePath(w.Release))
	assert.Zero(t, release.Find("[data-pin]").Length())
	s.cache.Answer("/fetch", testcache.Broken())
	s.page(t, http.StatusBadGateway, "/pinned?"+pinsOf(nil, names...).Encode())
}

// What changed since the last look is in the row, and in the title that open pages
// learn of by their poll; a page that has not told it gets it though no data changed.
func TestPinnedChanges(t *testing.T) {
	s := newSite(t)
	w := usual(s.cache.World)
	pin := web.Pin{Kind: web.PinWorkflow, Name: w.Workflow}
	seen := web.PinState{Time: 1_760_000_000, Is: "assigned", Success: w.Success - 5, Failure: w.Failure, Alerts: []string{"an_old_rule"}}
	v := pinsOf(map[web.Pin]web.PinState{pin: seen})
	doc, _ := s.page(t, http.StatusOK, "/pinned?"+v.Encode())
	row := doc.Find("#pinned tbody tr")
	assert.Contains(t, row.Text(), "assigned → "+w.Status)
	assert.Contains(t, row.Text(), "+5 done")
	assert.NotContains(t, row.Text(), "failed,")
	assert.Contains(t, row.Text(), "alert ended: an old rule")
	same := pinsOf(map[web.Pin]web.PinState{pin: {Time: 1, Is: w.Status, Success: w.Success, Failure: w.Failure, Alerts: w.Alerts}})
	doc, _ = s.page(t, http.StatusOK, "/pinned?"+same.Encode())
	assert.Contains(t, doc.Find("#pinned tbody").Text(), "no change")

	page, _ := s.page(t, http.StatusOK, "/about")
	pill := page.Find("#pill")
	address, tag := pill.AttrOr("data-pulse", ""), pill.AttrOr("data-etag", "")
	code, _, _ := s.ask(t, address+"&"+same.Encode(), tag)
	assert.Equal(t, http.StatusNotModified, code, "no news costs nothing")
	agent := web.Pin{Kind: web.PinAgent, Name: failingAgent(t, s)}
	v = pinsOf(map[web.Pin]web.PinState{agent: {Time: 1, Is: "ok"}})
	code, told, n := s.ask(t, address+"&"+v.Encode(), tag)
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "✕ error · "+agent.Name, n.Title)
	assert.Empty(t, n.Text, "nothing on the page has changed")
	code, _, _ = s.ask(t, address+"&"+v.Encode(), told)
	assert.Equal(t, http.StatusNotModified, code, "it is told once")
	s.cache.Answer("/agent", testcache.Broken())
	code, _, n = s.ask(t, address+"&"+v.Encode(), told)
	assert.Equal(t, http.StatusOK, code, "a poll answers though the pins could not be read")
	assert.Empty(t, n.Title)
}

func failingAgent(t *testing.T, s *site) string {
	t.Helper()
	for _, a := range s.cache.Agents {
		if a.Severity == "error" {
			return a.Agent.Agent
		}
	}
	require.Fail(t, "no agent is in error")
	return ""
}

// A pinned workflow that is in no list is looked for by its name, and the row has
// the result.
func TestPinnedWorkflowsThatAreGone(t *testing.T) {
	s := newSite(t)
	name := "pdmvserv_task_PPD-gone__v1_T_250101_120000_1"
	row := func() string {
		doc, _ := s.page(t, http.StatusOK, "/pinned?"+pinsOf(nil, "workflow "+name).Encode())
		return doc.Find("#pinned tbody tr").Text()
	}
	assert.Contains(t, row(), "neither in the lists nor in CouchDB")
	s.cache.Answer("/fetch/*", testcache.Problem(wire.SourceFailed("x", nil)))
	assert.Contains(t, row(), "CouchDB could not be read")
}
