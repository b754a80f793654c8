package pages_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/internal/fakecache"
	"github.com/dmwm/wmstats/web"
)

// The page names what each rule names, leads to it and to the list of all; the
// number of them is in the frame of every page.
func TestAttention(t *testing.T) {
	records := fakecache.Generate(30)
	s := newSite(t, records)
	doc, _ := s.page(t, http.StatusOK, "/attention")
	assert.Equal(t, []string{"Failed", "Agents in error"}, doc.Find(".jump span").Map(text))
	assert.Equal(t, "Old data", doc.Find("main > p span").Text(), "a rule that names nothing")
	rows := doc.Find("#failed").Closest("section").Find("tbody th a")
	assert.Equal(t, 20, rows.Length())
	assert.Equal(t, web.WorkflowPath(records.Workflows[0].Workflow), rows.First().AttrOr("href", ""))
	broken := doc.Find("#failed").Closest("section").Find("tbody a.bad").First()
	require.Equal(t, 1, broken.Length(), "a workflow with failed jobs")
	detail, _ := s.page(t, http.StatusOK, resolve(t, "/", broken.AttrOr("href", "")).Path)
	assert.Equal(t, "errors", resolve(t, "/", broken.AttrOr("href", "")).Fragment)
	assert.Positive(t, detail.Find(`#errors tbody a[href^="/sites/"]`).Length(), "the count of failed jobs leads to sites and exit codes")
	assert.Equal(t, web.AgentPath(records.Agents[0].Agent.Agent), doc.Find("#agent_error").Closest("section").Find("tbody th a").First().AttrOr("href", ""))
	assert.Equal(t, "/workflows?alert=failed&sort=-Priority", doc.Find("section .tools a").First().AttrOr("href", ""))

	total := len(records.Workflows) + len(records.Agents)
	for _, path := range []string{"/", "/attention", "/about"} {
		doc, _ := s.page(t, http.StatusOK, path)
		assert.Equal(t, web.Int(int64(total)), doc.Find(`header nav a[href="/attention"]`).AttrOr("data-count", ""), path)
	}
}
