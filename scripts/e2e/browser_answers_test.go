package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// operator asks questions on the overview. Each click counts, and so do a text
// and Enter; more than the bound of the question fails the test.
type operator struct {
	page    *tab
	answers gen.Answers // right ones, from the world and not from the servers
	ended   []gen.Doc   // with which the workflow of the scenario Ending completes
	system  *system
	bound   int
	clicks  int
}

// knownQuestion is a question with the number of clicks in which the pages answer it.
type knownQuestion struct {
	name  string
	bound int
	ask   func(*operator)
}

// knownQuestions are those of TestBrowserKnownAnswers.
func knownQuestions() []knownQuestion {
	return []knownQuestion{
		{"what is broken and who acts", 1, whoActs},
		{"why is this campaign slow", 2, whySlow},
		{"what is ahead of this workflow", 2, whatIsAhead},
		{"what does this drain wait for", 2, whatDrainWaitsFor},
		{"which jobs should not be there", 1, whichJobsAreStray},
		{"which of an agent's jobs should not be there", 1, strayJobsOfAgent},
		{"which of a site's jobs should not be there", 1, strayJobsOfSite},
		{"how many failures were reported", 1, howManyReports},
		{"the worst workflow's site, exit code and log", 3, worstWorkflow},
		{"which of two campaigns fails more", 3, whichFailsMore},
		{"half of a name", 1, halfAName},
		{"an archived workflow", 1, archivedWorkflow},
		{"a workflow until it completes", 2, untilItCompletes},
	}
}

// newWorld starts a system on a small world with all scenarios, of today.
func newWorld(t *testing.T) (*system, *gen.World) {
	t.Helper()
	opts := gen.Options{Seed: 31, Workflows: 60, Lean: true, NoEdges: true, Now: time.Now().Unix(), Scenarios: gen.Scenarios()}
	world, err := gen.New(opts)
	require.NoError(t, err)
	return newSystem(t, opts), world
}

// TestBrowserKnownAnswers asks what operators ask, each time from the overview. The
// right answers are those of the world's scenarios.
func TestBrowserKnownAnswers(t *testing.T) {
	browser := newBrowser(t)
	s, world := newWorld(t)
	for _, r := range knownQuestions() {
		t.Run(r.name, func(t *testing.T) {
			o := &operator{page: newTab(t, browser, s.ui, desktop()), answers: world.Answers(), ended: world.Ended(time.Now().Unix()), system: s, bound: r.bound}
			o.page.open("/")
			r.ask(o)
		})
	}
}

// counts one more click.
func (o *operator) counts(what string) {
	o.page.t.Helper()
	o.clicks++
	require.LessOrEqual(o.page.t, o.clicks, o.bound, "too many clicks: %s", what)
}

// follow clicks a link that leads to another view.
func (o *operator) follow(css string) {
	o.page.t.Helper()
	o.counts(css)
	o.page.turns(css, clickFirst(css))
}

// search types into the box of the top bar, and Enter.
func (o *operator) search(text string) {
	o.page.t.Helper()
	o.counts(text)
	o.page.turns(text, chromedp.SendKeys(chromedp.ID("search"), text+kb.Enter, chromedp.NodeVisible))
}

// goTo types into the dialog of Ctrl-K, waits until it lists a name, and Enter.
func (o *operator) goTo(text, name string) {
	o.page.t.Helper()
	o.counts(text)
	o.page.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2)))
	o.page.until(`document.activeElement.id === "go-q"`, "the dialog is open")
	o.page.press(text)
	o.page.until(fmt.Sprintf(`document.querySelector("#go-list li a")?.textContent === %q`, name), "%s is the first name", name)
	o.page.turns("Enter", chromedp.KeyEvent(kb.Enter))
}

// linkTo returns the selector of links to a page, without parameters.
func linkTo(kind, name string) string {
	return fmt.Sprintf(`main a[href$=%q]`, "/"+kind+"/"+url.PathEscape(name))
}

// needs is the strip of the overview.
const needs = `section[aria-labelledby="needs-h"] `

// row returns the cells of the first row of a table whose heading contains a
// name, by the headings of their columns.
func (o *operator) row(css, name string) map[string]string {
	o.page.t.Helper()
	cells := ask[map[string]string](o.page, fmt.Sprintf(`(() => {
		const row = [...document.querySelectorAll(%q)].find(r => r.querySelector("th").textContent.includes(%q))
		const heads = row ? [...row.closest("table").querySelectorAll("thead th")] : []
		return Object.fromEntries(heads.map((h, i) => [h.textContent.trim(), row.children[i].textContent.trim()]))
	})()`, css+" tbody tr", name))
	require.NotEmpty(o.page.t, cells, "no row of %s", name)
	return cells
}

// The strip on the overview begins with the broken agent, why, and who acts; its
// page, a click away, names the component.
func whoActs(o *operator) {
	b, a := o.page, o.answers.Broken
	require.Equal(b.t, a.Agent, b.texts(needs + "tbody th")[0])
	cells := o.row(needs, a.Agent)
	assert.Equal(b.t, fmt.Sprint(a.Jobs), plain(cells["jobs"]))
	assert.Contains(b.t, cells["cause"], a.Component+" is down")
	assert.Equal(b.t, "agent "+a.Agent, cells["who"])
	o.follow(needs + "tbody th a")
	assert.Equal(b.t, a.Agent, b.text("h1"))
	assert.Contains(b.t, b.text(`section[aria-labelledby="health-h"]`), a.Component)
	assert.Contains(b.t, b.text("main"), fmt.Sprintf("%d workflows", a.Workflows))
}

// plain is a figure without the spaces between its thousands.
func plain(figure string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u202f' || r == '\u00a0' || r == '\u2009' || r == ' ' {
			return -1
		}
		return r
	}, figure)
}

// held returns the cells of a reason in the panel of what holds work back.
func (o *operator) held(by string) map[string]string {
	o.page.t.Helper()
	return o.row("#holds", by)
}

// The campaign's page says which site takes no jobs, and how many workflows wait.
func whySlow(o *operator) {
	b, a := o.page, o.answers.Down
	o.search(a.Campaign)
	o.follow(linkTo("campaigns", a.Campaign))
	cells := o.held("sites")
	assert.Contains(b.t, cells["why"], fmt.Sprintf("1 of %d allowed sites take no jobs: %s (Down in", a.Sites, a.Site))
	assert.Equal(b.t, fmt.Sprint(a.Workflows), cells["workflows"])
	assert.Equal(b.t, fmt.Sprint(a.Queued), plain(cells["jobs"]))
	assert.Contains(b.t, cells["see"], a.Site)
}

func whatIsAhead(o *operator) {
	b, a := o.page, o.answers.Ahead
	o.goTo(a.Workflow, a.Workflow)
	cells := o.held("priority")
	assert.Contains(b.t, cells["why"], fmt.Sprintf("%d jobs of higher priority wait at 1 of its sites: %d at %d", a.Jobs, a.Jobs, a.Priority))
	assert.Contains(b.t, cells["see"], a.Site)
}

// The agent's page says how many workflows its drain waits for, the oldest, and
// their jobs.
func whatDrainWaitsFor(o *operator) {
	b, a := o.page, o.answers.Drain
	o.follow(`section[aria-labelledby="agents-h"] ` + linkTo("agents", a.Agent)[len("main "):])
	assert.Contains(b.t, b.text(".head .chip"), "drain")
	health := b.text(`section[aria-labelledby="health-h"]`)
	for _, fact := range []string{fmt.Sprintf("%d workflows", a.Workflows), a.Oldest, fmt.Sprintf("%d jobs", a.Jobs)} {
		assert.Contains(b.t, health, fact)
	}
	o.follow(`section[aria-labelledby="health-h"] a[href*="/workflows?"]`)
	assert.Equal(b.t, a.Workflows, b.total(), "the link lists the same workflows")
}

// Attention lists the requests with stray jobs, how many, and the agents that
// report them. Those of the scenario add up to its numbers.
func whichJobsAreStray(o *operator) {
	b, a := o.page, o.answers.Stray
	o.follow(`nav.pages a[href$="/attention"]`)
	var running, pending int64
	agents := map[string]bool{}
	for _, name := range a.Workflows {
		text := strings.Join(slices.Collect(maps.Values(o.row(`section[aria-labelledby="stray_jobs"]`, name))), "\n")
		figures := strayText.FindStringSubmatch(text)
		require.NotNil(b.t, figures, text)
		running += int64(figure(b.t, figures[1]))
		pending += int64(figure(b.t, figures[2]))
		for agent := range a.ByAgent {
			agents[agent] = agents[agent] || strings.Contains(text, agent)
		}
	}
	assert.Equal(b.t, [2]int64{a.Running, a.Pending}, [2]int64{running, pending})
	for agent, reports := range agents {
		assert.True(b.t, reports, "%s reports some of them", agent)
	}
}

var strayText = regexp.MustCompile(`(\d+) running and (\d+) pending jobs`)

// The page of an agent says which jobs its sums leave out.
func strayJobsOfAgent(o *operator) {
	for agent, counts := range o.answers.Stray.ByAgent {
		o.clicks = 0
		o.page.open("/")
		o.goTo(agent, agent)
		o.saysStray(counts)
	}
}

// So does the page of a site.
func strayJobsOfSite(o *operator) {
	for site, counts := range o.answers.Stray.BySite {
		o.clicks = 0
		o.page.open("/")
		o.goTo(site, site)
		o.saysStray(counts)
	}
}

func (o *operator) saysStray(c gen.StrayCounts) {
	o.page.t.Helper()
	text := plain(o.page.text("main"))
	assert.Regexp(o.page.t, fmt.Sprintf(`%drunningjobs?and%dpendingof%dworkflows?`, c.Running, c.Pending, c.Workflows), text)
}

func howManyReports(o *operator) {
	b, a := o.page, o.answers.Lag
	o.goTo(a.Workflow, a.Workflow)
	assert.Contains(b.t, plain(b.text("#errors")), plain(fmt.Sprintf("%d job reports of %d failed jobs", a.Reports, a.Failed)))
}

// worstWorkflow: the strip names it; its page has one dark cell, and that cell
// the jobs with their logs.
func worstWorkflow(o *operator) {
	b, a := o.page, o.answers.Failing
	cells := o.row(needs, a.Workflow)
	assert.Contains(b.t, plain(cells["cause"]), a.Site+":"+fmt.Sprint(a.Failed-150))
	assert.Equal(b.t, "site "+a.Site, cells["who"])
	o.follow(needs + linkTo("workflows", a.Workflow)[len("main "):])
	assert.Equal(b.t, a.Workflow, b.text("h1"))
	cell := ask[string](b, `document.querySelector("#errors svg.heat a[class^=h] title").textContent`)
	assert.Contains(b.t, cell, fmt.Sprintf("%s, %d: %d, ", a.Site, a.ExitCode, a.Reports))
	o.follow("#errors svg.heat a[class^=h]")
	assert.Contains(b.t, b.text("details.sample[open]"), a.Text)
	assert.NotEmpty(b.t, ask[[]string](b, fmt.Sprintf(`[...document.querySelectorAll("details.sample a")].map(a => a.href).filter(h => h.startsWith(%q))`, a.Logs)), "the log of a job")
}

// Two fragments in any order find the one workflow that has both.
func halfAName(o *operator) {
	b, a := o.page, o.answers.Half
	o.search(a.Fragments[1] + " " + a.Fragments[0])
	assert.Equal(b.t, []string{a.Workflow}, b.names())
	assert.NotEmpty(b.t, b.texts("table.list tbody th mark"), "the fragments are marked")
}

// An archived request is in no list; its whole name leads to its page.
func archivedWorkflow(o *operator) {
	b, a := o.page, o.answers.Archived
	o.goTo(a.Workflow, a.Workflow)
	assert.Equal(b.t, a.Workflow, b.text("h1"))
	main := b.text("main")
	assert.Contains(b.t, main, "archived")
	assert.Contains(b.t, main, a.Campaign)
	assert.Contains(b.t, main, time.Unix(a.Since, 0).UTC().Format("2006-01-02"))
}

// A campaign is compared with another one: its page, the names to choose from,
// and both side by side.
func whichFailsMore(o *operator) {
	b, good, poor := o.page, o.answers.Pair.Good, o.answers.Pair.Poor
	o.follow(`section[aria-labelledby="top-campaign"] ` + linkTo("campaigns", poor.Campaign)[len("main "):])
	o.follow(`.head a[href*="/compare?"]`)
	o.follow(fmt.Sprintf(`ul.names a[href*=%q]`, good.Campaign))
	heads := ask[[]string](b, `[...document.querySelectorAll(".versus thead th a:not(.drop)")].map(a => a.textContent.trim())`)
	require.ElementsMatch(b.t, []string{good.Campaign, poor.Campaign}, heads)
	for k, name := range heads {
		want := good
		if name == poor.Campaign {
			want = poor
		}
		assert.Equal(b.t, fmt.Sprint(want.Workflows), plain(b.compared("workflows")[k]))
		assert.Equal(b.t, fmt.Sprint(want.AllJobs), plain(b.compared("jobs")[k]))
		assert.Equal(b.t, fmt.Sprint(want.Failed), plain(b.compared("failure")[k]))
		assert.Contains(b.t, plain(b.compared("failure rate")[k]), fmt.Sprintf("%d.0%%", 100*want.Failed/(want.Failed+want.Success)))
	}
}

// A workflow is pinned on its page. When it completes, the overview tells it, and
// the title of a page that is open elsewhere tells of it.
func untilItCompletes(o *operator) {
	b, a := o.page, o.answers.Ending
	o.goTo(a.Workflow, a.Workflow)
	o.counts("pin")
	b.pin("Unpin")
	b.open("/sites")
	before := ask[string](b, `document.title`)
	for _, d := range o.ended {
		require.NoError(b.t, o.system.couch.Put(d.DB, d.JSON))
	}
	eventually(b.t, func() bool {
		w, ok := o.system.workflow(b.t, a.Workflow)
		return ok && w.Status == "completed" && w.Success == w.TotalJobs
	}, "the cache server has it")
	b.polls()
	b.until(fmt.Sprintf(`document.title !== %q`, before), "the title tells of it")
	b.open("/")
	assert.Contains(b.t, b.pinned(1)[0], a.Workflow)
	assert.Contains(b.t, b.pinned(1)[0], "running-closed → completed")
}
