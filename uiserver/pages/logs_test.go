package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// The tab of log messages shows the groups of the API and leads to the workflow.
func TestLogMessages(t *testing.T) {
	s, hostile := newSite(t), testcache.Hostile()[0]
	doc, _ := s.page(t, http.StatusOK, "/errors")
	assert.Equal(t, "/logs", doc.Find(`nav[aria-label="Kinds of errors"] a`).AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, "/logs")
	require.NotZero(t, doc.Find("tbody tr").Length(), "the world has log messages")
	first := strings.TrimLeft(strings.TrimSpace(doc.Find("tbody tr").First().Find("td:nth-child(2)").Text()), "✕▲○")
	require.NotEmpty(t, first)
	doc, _ = s.page(t, http.StatusOK, "/logs?type="+first)
	kinds := doc.Find("tbody tr td:nth-child(2)").Map(text)
	require.NotEmpty(t, kinds)
	for _, kind := range kinds {
		assert.True(t, strings.HasSuffix(strings.TrimSpace(kind), first), kind)
	}
	assert.Contains(t, doc.Find(".chips.active").Text(), "type "+first)

	s.cache.Answer("/logs", testcache.JSON([]schema.LogGroup{{Workflow: "w", Reporter: "vocms1", Thread: "T", Type: "agent-error", Count: 12, Time: 1, Message: hostile}}))
	doc, _ = s.page(t, http.StatusOK, "/logs")
	row := doc.Find("tbody tr")
	require.Equal(t, 1, row.Length())
	assert.Contains(t, row.Text(), hostile)
	assert.Contains(t, row.Text(), "12")
	assert.Equal(t, "/workflows/w?show=logs#logs", row.Find("a").First().AttrOr("href", ""))

	s.cache.Refuse("/logs", wire.NotInSource("There is no log database."))
	doc, _ = s.page(t, http.StatusOK, "/logs")
	assert.Contains(t, doc.Find("main").Text(), "This data source does not provide log entries")
}

// Workflows are ranked by the failed jobs that agents count, not by job reports,
// unless a filter selects jobs.
func TestErrorsRankWorkflowsByAgentsCounts(t *testing.T) {
	s := newSite(t)
	most := withFailures(s.cache.World)
	for _, w := range s.cache.World.Workflows {
		if w.Failure > most.Failure || w.Failure == most.Failure && w.Workflow < most.Workflow {
			most = w
		}
	}
	doc, _ := s.page(t, http.StatusOK, "/errors")
	section := doc.Find("#workflows-h").Closest("section")
	assert.Contains(t, section.Find("h2").Text(), "by failed jobs")
	assert.Equal(t, most.Workflow, strings.TrimSpace(section.Find("tbody th").First().Text()))
	doc, _ = s.page(t, http.StatusOK, "/errors?state=jobfailed")
	assert.Contains(t, doc.Find("#workflows-h").Text(), "by job reports")
}
