package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// question is what an operator wants to know, and how the pages answer it.
type question struct {
	name string
	ask  func(*tab, *system)
}

// questions are those of TestBrowserOperatorsDay.
func questions() []question {
	return []question{
		{"what is broken now", whatIsBroken},
		{"where do jobs fail", whereJobsFail},
		{"why is this campaign slow", whyIsItSlow},
		{"is this agent all right", isTheAgentWell},
		{"show a colleague", showAColleague},
		{"give me these names", giveMeTheNames},
		{"what changed since this morning", whatChanged},
	}
}

// TestBrowserOperatorsDay answers operators' questions, each time from the overview
// and by following links, not by known addresses.
func TestBrowserOperatorsDay(t *testing.T) {
	browser := newBrowser(t)
	s := newSystem(t, gen.Options{Seed: 8, Workflows: 600})
	for _, question := range questions() {
		t.Run(question.name, func(t *testing.T) {
			b := newTab(t, browser, s.ui, desktop())
			b.open("/")
			question.ask(b, s)
		})
	}
}

// clickFirst clicks the first element that matches.
func clickFirst(css string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible)
}

// withCodes returns the first workflow on Attention whose failing jobs have exit
// codes.
func withCodes(b *tab, s *system) string {
	b.t.Helper()
	attention := getJSON[wire.Attention](b.t, s.cache+"/attention")
	for _, rule := range attention.Rules {
		for _, item := range rule.Items {
			if item.Kind != "Workflow" {
				continue
			}
			errors := getJSON[[]schema.JobError](b.t, s.cache+"/fetch/"+url.PathEscape(item.Name)+"/errors?by=exitcode,site&state=!success")
			if len(errors) > 0 {
				return item.Name
			}
		}
	}
	require.Fail(b.t, "no workflow under a rule has failing jobs")
	return ""
}

// Two clicks: the items that need attention, and the workflow with its site and exit
// code; a third click shows the jobs.
func whatIsBroken(b *tab, s *system) {
	name := withCodes(b, s)
	b.click(`nav.pages a[href$="/attention"]`)
	b.click(fmt.Sprintf(`main tbody th a[href$=%q]`, "/workflows/"+url.PathEscape(name)))
	require.Equal(b.t, name, b.text("h1"))
	cells := ask[[]string](b, `[...document.querySelectorAll("#errors svg.heat a[class^=h]")].map(a => a.querySelector("title").textContent)`)
	require.NotEmpty(b.t, cells, "no cell of a site and exit code")
	assert.Regexp(b.t, `^\S+, (\d+|none): \d+, [<>]?\d+(\.\d)?.%$`, cells[0])
	b.turns("a cell", clickFirst("#errors svg.heat a[class^=h]"))
	assert.Contains(b.t, b.text("#errors .chips"), "exit code")
	assert.NotEmpty(b.t, b.texts("details.sample"), "no jobs of the chosen site and exit code")
}

// The page of errors narrows from everything to one site and exit code.
func whereJobsFail(b *tab, _ *system) {
	b.click(`nav.pages a[href$="/errors"]`)
	b.turns("a cell", clickFirst("svg.heat a[class^=h]"))
	q, err := url.Parse(b.address())
	require.NoError(b.t, err)
	assert.NotEmpty(b.t, q.Query().Get("site"))
	assert.NotEmpty(b.t, q.Query().Get("exitcode"))
	require.NotEmpty(b.t, b.texts(`section[aria-labelledby="workflows-h"] tbody tr`))
	b.turns("a workflow", clickFirst(`section[aria-labelledby="workflows-h"] tbody th a`))
	assert.Contains(b.t, b.text("#errors .chips"), q.Query().Get("exitcode"))
	assert.NotEmpty(b.t, b.texts("details.sample"))
}

// The page of a campaign shows the statuses of its workflows, how long the slowest
// one has waited, the progress, and links to the failures.
func whyIsItSlow(b *tab, _ *system) {
	campaign := b.texts(`section[aria-labelledby="top-campaign"] tbody th a`)[0]
	b.turns("a campaign", clickFirst(`section[aria-labelledby="top-campaign"] tbody th a`))
	assert.Equal(b.t, campaign, b.text("h1"))
	facts := strings.Join(b.texts("dl.facts"), " ")
	for _, fact := range []string{"longest in its status", "events", "lumi sections", "jobs done", "failure rate"} {
		assert.Contains(b.t, facts, fact)
	}
	b.click(`main a[href*="/errors?campaign="]`)
	assert.NotEmpty(b.t, b.texts(`section[aria-labelledby="sites-h"] tbody tr`), "no sites are listed")
}

// An agent has one severity, with all reasons for it.
func isTheAgentWell(b *tab, s *system) {
	b.turns("an agent", clickFirst(`section[aria-labelledby="agents-h"] tbody a[href*="/agents/"]`))
	for _, a := range getJSON[[]schema.AgentDetail](b.t, s.cache+"/agent") {
		if a.Agent.Agent != b.text("h1") {
			continue
		}
		assert.Contains(b.t, b.text(".head .chip"), a.Severity)
		health := b.text(`section[aria-labelledby="health-h"]`)
		require.NotEmpty(b.t, a.Reasons, "an agent on the overview has a reason")
		for _, reason := range append(a.Reasons, a.DrainWaits...) {
			assert.Contains(b.t, health, reason)
		}
		return
	}
	require.Fail(b.t, "the API has no such agent")
}

// The address is the view: another browser shows the same.
func showAColleague(b *tab, _ *system) {
	b.click(`a.tile[href*="status=running-open"]`)
	b.click(`table.list thead a[href*="sort=-Failure"]`)
	mine := b.names()
	require.NotEmpty(b.t, mine)
	other := newTab(b.t, newBrowser(b.t), b.base, desktop())
	other.open(b.address())
	assert.Equal(b.t, mine, other.names())
}

// All names that match a filter, as text and as a file.
func giveMeTheNames(b *tab, _ *system) {
	b.click(`nav.pages a[href$="/workflows"]`)
	total := b.total()
	require.Greater(b.t, total, 300)
	b.do(clickFirst(`table.list tbody input[type=checkbox]`))
	b.click(`#picked a[href*="/selection"]`)
	names := strings.Fields(ask[string](b, `document.getElementById("names").value`))
	assert.Len(b.t, names, total)
	file := get(b.t, ask[string](b, `document.querySelector('a[href*="csv"]').href`))
	assert.Equal(b.t, total+1, strings.Count(string(file.body), "\n"), "one line per workflow, and the heading")
}

// Workflows that entered their status since a time that the reader chooses.
func whatChanged(b *tab, _ *system) {
	b.turns("what changed", clickFirst(`main a[href$="/changed"]`))
	assert.Equal(b.t, "What changed", b.text("h1"))
	require.NotEmpty(b.t, b.texts("#moved-h"))
	assert.Contains(b.t, b.text("#moved-h"), "UTC")
	assert.Subset(b.t, b.texts("main section h2"), []string{"Failed jobs", "Alerts of workflows", "Agents", "Sites"})
}
