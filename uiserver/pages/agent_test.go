package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// words returns the text of a selection with single blanks.
func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// The page of an agent has health, what a drain waits for, changes of its state and
// workflows, in this order; components in trouble are open, those that are well are
// folded.
func TestAgentPage(t *testing.T) {
	s := newSite(t)
	agent, now := normalAgent(s.cache.World), time.Now().Unix()
	page := cacheclient.Agent{
		Agent: schema.AgentDetail{
			Agent: schema.Agent{Agent: agent, Kind: "agent", Severity: "error", Draining: true, Reasons: []string{"down: A, C"}, Counters: schema.JobCounts{Running: 5, Success: 9}.Derive()},
			Components: []schema.AgentComponent{
				{Component: "A", Down: true, WorkerName: "APoller", State: "Error", LastUpdate: now - 7200, Error: "ORA-1"}, {Component: "B", ProcessStatus: "sleeping", PID: 7},
				{Component: "C", Down: true, WorkerName: "CPoller", State: "Timeout", LastUpdate: now - 90_000}, {Component: "D", ProcessStatus: "running", PID: -1},
			},
			Sites: []schema.AgentSite{{Agent: agent, Site: "T1_US_FNAL", State: "Normal"}},
		},
		Drain: schema.Drain{Workflows: 312, Oldest: "w", OldestStatusTime: now - 41*86400, Jobs: 5, Query: "agent=x&status=running-open"},
		Rate:  schema.Rate{From: now - 86_300, To: now, Seconds: 86_300, Success: 9, Failure: 1, JobsLeft: 5, SecondsLeft: 43_150},
	}
	s.cache.Answer("/agent/*", testcache.JSON(page))
	var changes []schema.AgentChange
	for i := range 12 {
		changes = append(changes, schema.AgentChange{Time: now - int64(12-i)*3600, Agent: agent, Kind: "thread", Name: "P", From: "ok", To: "Timeout", Seconds: int64(i) * 60})
	}
	changes = append(changes, schema.AgentChange{Time: now - 60, Agent: agent, Kind: "drain", From: "yes", To: "no", Seconds: -1})
	s.cache.Answer("/history/agents", testcache.JSON(changes))

	doc, _ := s.page(t, http.StatusOK, web.AgentPath(agent))
	var order []string
	doc.Find("main h2").Each(func(_ int, h *goquery.Selection) { order = append(order, h.AttrOr("id", "")) })
	assert.Equal(t, []string{"health-h", "jobs-h", "components-h", "changes-h", "history-h", "list-h", "sites-h"}, order)
	drain := doc.Find(`dt:contains("drain waits for")`).Next()
	assert.Equal(t, "312 workflows, 5 jobs, at the rate of the last 24 h about 11 h 59 min (longest in its status: w, 41 d)", words(drain))
	assert.Equal(t, "/workflows?agent=x&status=running-open", drain.Find("a").First().AttrOr("href", ""))

	components := doc.Find("#components")
	open := components.Find("tbody tr").Not("details tr")
	assert.Equal(t, 2, open.Length())
	assert.Contains(t, words(open.First()), "C✕downCPoller Timeout1 d 1 h ago", "silent longest first")
	assert.Contains(t, words(open.Last()), "ORA-1")
	assert.Equal(t, "2 fine", words(components.Find("summary")))
	assert.Equal(t, 2, components.Find("details tbody tr").Length())

	rows := doc.Find("#changes tbody tr")
	assert.Equal(t, 13, rows.Length())
	assert.Contains(t, words(rows.First()), "drainyesnon/a", "newest first")
	assert.Contains(t, words(rows.Eq(1)), "thread PokTimeout11 min")
	assert.Equal(t, "3 earlier", words(doc.Find("#changes summary")))

	s.cache.Answer("/history/agents", testcache.Broken())
	doc, _ = s.page(t, http.StatusOK, web.AgentPath(agent))
	assert.Contains(t, doc.Find("#changes").Text(), "Changes are unavailable.")
	s.cache.Answer("/history/agents", testcache.JSON([]schema.AgentChange{}))
	doc, _ = s.page(t, http.StatusOK, web.AgentPath(agent))
	assert.Contains(t, doc.Find("#changes").Text(), "None since states are followed")
}

// The list of agents shows each agent once, with its reasons.
func TestAgentsAreShownOnce(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, web.AgentsPath)
	for _, a := range s.cache.Agents {
		if a.Kind == "agent" {
			link := doc.Find("main a").FilterFunction(func(_ int, l *goquery.Selection) bool { return l.Text() == a.Agent.Agent })
			assert.Equal(t, 1, link.Length(), a.Agent.Agent)
			assert.Contains(t, words(link.Closest("tr")), strings.Join(a.Reasons, ", "))
		}
	}
}
