package pages_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// counted answers with records, the time that they are compared with, and a total.
func counted(records any, from int64, total int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(wire.HeaderHistoryStart, time.Unix(from, 0).UTC().Format(time.RFC3339))
		w.Header().Set("X-Total-Count", strconv.Itoa(total))
		testcache.JSON(records).ServeHTTP(w, r)
	})
}

// What changed shows what gained failed jobs, which alerts began and ended, and the
// changes of agents and sites, since the time of the page; each figure leads to what it
// counts.
func TestChangedHasFailuresAlertsAgentsAndSites(t *testing.T) {
	s := newSite(t)
	from := time.Now().Add(-2 * time.Hour).Unix()
	a, b := s.cache.Workflows[0].Workflow, s.cache.Workflows[1].Workflow
	site, agent := s.cache.Sites[0].Site, normalAgent(s.cache.World)
	s.cache.Answer("/history/failures", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, strconv.FormatInt(from, 10), r.URL.Query().Get("since"))
		names := map[string]string{"workflow": a, "campaign": s.cache.Campaigns[0].Campaign, "site": site}
		by := r.URL.Query().Get("by")
		counted([]schema.FailureChange{{Name: names[by], By: by, From: from - 100, To: from + 7000, Failure: 4300, Gained: 1234}}, from-100, 77).ServeHTTP(w, r)
	}))
	s.cache.Answer("/history/alerts", counted([]schema.AlertChange{
		{Rule: "failed", Holds: 9, Began: 2, Ended: 1, Workflows: []string{a, b}}, {Rule: "site_error", Holds: 3, Workflows: []string{}},
		{Rule: "config_error", Holds: 60, Began: 51, Workflows: []string{a}},
	}, from-100, 3))
	s.cache.Answer("/history/agents", counted([]schema.AgentChange{
		{Time: from + 10, Agent: agent, Kind: "severity", From: "ok", To: "error", Seconds: -1}, {Time: from + 20, Agent: agent, Kind: "component", Name: "JobSubmitter", From: "ok", To: "down", Seconds: 60},
	}, from, 2))
	s.cache.Answer("/history/sites", counted([]schema.SiteChange{{Time: from + 10, Site: site, From: "Normal", To: "Down", Seconds: -1}}, from, 1))
	address := web.ChangedPath + "?from=" + strconv.FormatInt(from, 10)
	doc, _ := s.page(t, http.StatusOK, address)
	panel := func(id string) string {
		return strings.Join(strings.Fields(doc.Find(`section[aria-labelledby="`+id+`"]`).Text()), " ")
	}
	failed := panel("failed-h")
	for _, text := range []string{"77 workflows have gained failed jobs", "77 campaigns have", "77 sites have", "+1234", "4300", a} {
		assert.Contains(t, failed, text)
	}
	assert.NotContains(t, failed, "from which on", "the chosen time is known")
	alerts := doc.Find(`section[aria-labelledby="alerts-h"] tbody tr`)
	require.Equal(t, 2, alerts.Length(), "only what began or ended")
	began, err := url.Parse(alerts.First().Find("td a").First().AttrOr("href", ""))
	require.NoError(t, err)
	assert.Contains(t, began.Query().Get("name"), a)
	list, _ := s.page(t, http.StatusOK, began.String())
	assert.Equal(t, "2 workflows", strings.TrimSpace(list.Find(".tools .count strong").Text()), "the two that are named")
	assert.Equal(t, "/workflows?alert=config_error", alerts.Eq(1).Find("td a").First().AttrOr("href", ""), "more than are named")
	assert.Regexp(t, `JobSubmitter.*severity`, panel("agents-h"), "newest first")
	assert.Contains(t, panel("sites-h"), "Down")

	// A part that is missing does not fail the page. A quiet morning takes a line for
	// each, and a span that is shorter than chosen is named.
	s.cache.Behave()
	s.cache.Answer("/history/failures", counted([]schema.FailureChange{}, from+3600, 0))
	s.cache.Answer("/history/alerts", counted([]schema.AlertChange{{Rule: "failed", Holds: 9, Workflows: []string{}}}, from, 1))
	s.cache.Answer("/history/agents", testcache.JSON([]schema.AgentChange{}))
	s.cache.Answer("/history/sites", testcache.Broken())
	doc, _ = s.page(t, http.StatusOK, address)
	assert.Contains(t, panel("failed-h"), "Nothing has gained any since "+web.UTC(from+3600)+", from which on this is known.")
	assert.Equal(t, "Alerts of workflowsNone has begun or ended.", panel("alerts-h"))
	assert.Equal(t, "AgentsNo change of state.", panel("agents-h"))
	assert.Equal(t, "SitesCould not be read.", panel("sites-h"))
	assert.Zero(t, doc.Find("section:not([aria-labelledby=moved-h]) table").Length())
}

// Workflows whose status lies in the future are neither listed nor counted; one line
// leads to them.
func TestChangedLeavesClocksAheadOut(t *testing.T) {
	s := newSite(t)
	var newest int64
	for i := range s.cache.Workflows {
		newest = max(newest, s.cache.Workflows[i].StatusTime)
	}
	ahead := 0
	clock := time.Unix(newest, 0).Add(-24 * time.Hour) // the newest one is a day ahead of it
	end := clock.Truncate(10 * time.Minute).Add(10 * time.Minute).Unix()
	for i := range s.cache.Workflows {
		if s.cache.Workflows[i].StatusTime > end {
			ahead++
		}
	}
	require.Positive(t, ahead)
	s = newSiteTo(t, s.cache, func() time.Time { return clock })
	doc, _ := s.page(t, http.StatusOK, web.ChangedPath+"?from=2020-01-01")
	last := doc.Find("#main p").Last()
	assert.Contains(t, last.Text(), web.Plural(int64(ahead), "workflow", "workflows")+" with a clock ahead")
	list, _ := s.page(t, http.StatusOK, last.Find("a").AttrOr("href", ""))
	assert.Contains(t, list.Find(".tools .count strong").Text(), web.Int(int64(ahead)))
	assert.NotContains(t, doc.Find(`section[aria-labelledby="moved-h"]`).Text(), testcache.Today)
	whole, _ := s.page(t, http.StatusOK, doc.Find(`section[aria-labelledby="moved-h"] .seg a`).AttrOr("href", ""))
	assert.Equal(t, strings.Fields(whole.Find(".tools .count strong").Text())[0], strings.Fields(doc.Find("#moved-h .dim").Text())[0])
}
