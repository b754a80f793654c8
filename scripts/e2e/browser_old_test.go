package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// TestBrowserOldTasks clicks what readers of the old WMStats look for: its screens,
// columns and filters, as docs/explanation/old-and-new.md lists them.
func TestBrowserOldTasks(t *testing.T) {
	browser := newBrowser(t)
	s := newCouch(t, gen.Options{Seed: 8, Workflows: 300, Lean: true, NoEdges: true})
	require.NoError(t, s.couch.Create(logDB))
	for _, d := range s.docs {
		if d.DB == logDB {
			require.NoError(t, s.couch.Put(d.DB, d.JSON))
		}
	}
	s.cache = s.startCache(t).url
	s.ui = startUI(t, s.cache)
	for _, task := range []struct {
		name string
		run  func(*tab, *system)
	}{
		{"categories", oldCategories}, {"columns of requests", oldColumns}, {"tasks of a workflow", oldTasks}, {"log messages", oldLogs},
		{"links to other systems", oldLinks}, {"skipped files", skippedFiles}, {"stuck work", stuckWork}, {"sums of a list", oldSums},
		{"order and length", orderAndLength}, {"filters", oldFilters}, {"a mistake in a filter", oldMistake}, {"details of a job", oldJobDetail},
	} {
		t.Run(task.name, func(t *testing.T) {
			b := newTab(t, browser, s.ui, desktop())
			b.open("/")
			task.run(b, s)
		})
	}
}

// tableHeads returns the headings of the first table of a page, without arrows.
func (b *tab) tableHeads() []string {
	b.t.Helper()
	heads := ask[[]string](b, `[...document.querySelector("main table").querySelectorAll("thead th")].map(e => e.textContent.trim())`)
	for i := range heads {
		heads[i] = strings.TrimRight(heads[i], " ↑↓")
	}
	return heads
}

// The four categories are tables with the figures that the old ones had, and each
// row leads to a page of its own.
func oldCategories(b *tab, _ *system) {
	for page, figures := range map[string][]string{
		"campaigns": {"workflows", "jobs done", "events", "lumis", "failure rate", "cool-off"},
		"releases":  {"workflows", "jobs done", "events", "lumis", "failure rate", "cool-off"},
		"sites":     {"workflows", "pending", "running", "failure rate", "cool-off", "state"},
		"agents":    {"workflows", "jobs done", "failure rate", "cool-off", "severity"},
	} {
		b.open("/")
		b.click(fmt.Sprintf(`nav.pages a[href$="/%s"]`, page))
		assert.Subset(b.t, b.tableHeads(), figures, page)
		row := fmt.Sprintf(`main table tbody th a[href*="/%s/"]`, page)
		name := b.texts(row)[0]
		b.turns("a name of "+page, clickFirst(row))
		assert.Equal(b.t, name, b.text("h1"))
	}
}

// The columns of the two tables of requests are two sets, one click apart.
func oldColumns(b *tab, _ *system) {
	b.click(`nav.pages a[href$="/workflows"]`)
	assert.Subset(b.t, b.heads(), []string{"workflow", "status", "type", "priority", "injected", "jobs done", "events", "lumis", "failure rate", "time left", "cool-off", "campaign"})
	b.click(`.tools .seg a[href*="cols=jobs"]`)
	assert.Subset(b.t, b.heads(), []string{"workflow", "jobs", "queued", "pending", "running", "success", "failure", "cool-off"})
}

// withFailures opens the page of the workflow with most failed jobs, by clicks.
func (b *tab) withFailures() (name string) {
	b.t.Helper()
	b.click(`nav.pages a[href$="/workflows"]`)
	b.click(`table.list thead a[href*="sort=-FailureRate"]`)
	name = b.names()[0]
	b.turns(name, clickFirst("table.list tbody th a"))
	require.Equal(b.t, name, b.text("h1"))
	return name
}

func oldTasks(b *tab, _ *system) {
	b.withFailures()
	tasks := b.texts("#tasks tbody tr")
	require.NotEmpty(b.t, tasks)
	if len(b.texts(`#tasks a[href*="tasks=failing"]`)) > 0 {
		b.turns("with failures only", clickFirst(`#tasks a[href*="tasks=failing"]`))
	}
	assert.NotEmpty(b.t, b.texts("#tasks tbody tr"))
	assert.LessOrEqual(b.t, len(b.texts("#tasks tbody tr")), len(tasks))
}

// The messages of all requests are a tab of the errors; each leads to its workflow,
// whose page has them too.
func oldLogs(b *tab, s *system) {
	messages := 0
	for _, d := range s.docs {
		if d.DB == logDB {
			messages++
		}
	}
	b.click(`nav.pages a[href$="/errors"]`)
	b.click(`main nav.seg a[href$="/logs"]`)
	assert.Subset(b.t, b.tableHeads(), []string{"workflow", "type", "count", "reporter", "thread", "newest message"})
	rows := b.texts("main table tbody th a")
	require.Positive(b.t, messages)
	assert.Len(b.t, rows, messages)
	b.turns("a workflow", clickFirst("main table tbody th a"))
	assert.Equal(b.t, rows[0], b.text("h1"))
	assert.NotEmpty(b.t, b.texts("#logs tbody tr"))
}

// ReqMgr2 and the work queues are links of the page of a workflow.
func oldLinks(b *tab, _ *system) {
	name := b.withFailures()
	links := ask[[]string](b, `[...document.querySelectorAll("main a")].map(a => a.getAttribute("href")).filter(h => h.startsWith("https://"))`)
	assert.True(b.t, slices.ContainsFunc(links, func(l string) bool {
		return strings.Contains(l, "reqmgr2") && strings.Contains(l, url.PathEscape(name))
	}), "%v", links)
	assert.True(b.t, slices.ContainsFunc(links, func(l string) bool { return strings.Contains(l, "workqueue") }), "%v", links)
}

// search types a line into the box of the top bar and returns how many workflows the
// list has.
func (b *tab) search(line string) int {
	b.t.Helper()
	ask[bool](b, `document.querySelector("#search").value = "", true`)
	b.turns(line, chromedp.SendKeys(chromedp.ID("search"), line+kb.Enter, chromedp.NodeVisible))
	return b.total()
}

func skippedFiles(b *tab, s *system) {
	skipped := 0
	for _, w := range all(b.t, s.cache) {
		if slices.Contains(w.Alerts, "skipped_files") {
			skipped++
		}
	}
	require.Positive(b.t, skipped)
	b.click(`nav.pages a[href$="/workflows"]`)
	b.turns("a value of the facet", clickFirst(`.facets a[href*="alert=skipped_files"]`))
	assert.Equal(b.t, skipped, b.total())
}

func stuckWork(b *tab, _ *system) {
	b.search("age:>2d status:assigned,acquired,running-open")
	ages := b.column("in status for")
	require.NotEmpty(b.t, ages)
	for _, age := range ages {
		assert.Regexp(b.t, `[dwy]`, age)
	}
}

// A filtered list has its own bar of jobs by state.
func oldSums(b *tab, s *system) {
	b.click(`nav.pages a[href$="/workflows"]`)
	b.turns("a status", clickFirst(`.facets a[href*="status=running-closed"]`))
	running := int64(0)
	for _, w := range all(b.t, s.cache) {
		if w.Status == "running-closed" {
			running += w.Running
		}
	}
	texts := strings.Join(ask[[]string](b, `[...document.querySelectorAll("main svg title, main .legend")].map(e => e.textContent)`), "\n")
	assert.Regexp(b.t, fmt.Sprintf(`(?i)running\D*%s\b`, strings.Join(thousands(running), `\D?`)), texts)
}

// thousands are the groups of digits of a figure.
func thousands(n int64) (groups []string) {
	text := strconv.FormatInt(n, 10)
	for len(text) > 3 {
		groups = append([]string{text[len(text)-3:]}, groups...)
		text = text[:len(text)-3]
	}
	return append([]string{text}, groups...)
}

// Order, page and its length are in the address, and there after a reload.
func orderAndLength(b *tab, s *system) {
	b.click(`nav.pages a[href$="/workflows"]`)
	b.click(`table.list thead a[href*="sort=-Priority"]`)
	b.click(`.pager a[href*="limit=25"]`)
	names := b.names()
	require.Len(b.t, names, 25)
	b.loads(chromedp.Reload())
	assert.Equal(b.t, names, b.names())
	newest := int64(0)
	first := map[int64]string{}
	for _, w := range all(b.t, s.cache) {
		newest = max(newest, w.CreateTime)
		first[w.CreateTime] = w.Workflow
	}
	b.open("/workflows?sort=-CreateTime")
	assert.Equal(b.t, first[newest], b.names()[0], "by request date")
}

// oldRequest is a request document, as the old server's filters see it.
type oldRequest struct {
	RequestName, RequestStatus, RequestType, Campaign, CMSSWVersion, Team string
	RequestPriority                                                       int64
	SiteWhitelist                                                         []string

	raw string
}

// Each line selects as many workflows as their documents say.
func oldFilters(b *tab, s *system) {
	var requests []oldRequest
	for _, d := range s.docs {
		r := oldRequest{raw: string(d.JSON)}
		if d.DB != requestDB || json.Unmarshal(d.JSON, &r) != nil || strings.HasSuffix(r.RequestStatus, "archived") {
			continue
		}
		requests = append(requests, r)
	}
	one := requests[0]
	for line, matches := range map[string]func(*oldRequest) bool{
		"campaign:" + one.Campaign:    func(r *oldRequest) bool { return strings.Contains(r.raw, `"Campaign":"`+one.Campaign+`"`) },
		"release:" + one.CMSSWVersion: func(r *oldRequest) bool { return strings.Contains(r.raw, `"CMSSWVersion":"`+one.CMSSWVersion+`"`) },
		"type:" + one.RequestType:     func(r *oldRequest) bool { return r.RequestType == one.RequestType },
		"workflow:" + one.RequestName: func(r *oldRequest) bool { return r.RequestName == one.RequestName },
		"team:relval":                 func(r *oldRequest) bool { return r.Team == "relval" },
		"sitewhitelist:T1_US_FNAL":    func(r *oldRequest) bool { return slices.Contains(r.SiteWhitelist, "T1_US_FNAL") },
		"status:completed,announced -type:StepChain": func(r *oldRequest) bool {
			return (r.RequestStatus == "completed" || r.RequestStatus == "announced") && r.RequestType != "StepChain"
		},
		"prio:>80000 type:TaskChain,ReReco": func(r *oldRequest) bool {
			return r.RequestPriority > 80_000 && (r.RequestType == "TaskChain" || r.RequestType == "ReReco")
		},
		"prio:63000..85000":                           func(r *oldRequest) bool { return r.RequestPriority >= 63_000 && r.RequestPriority <= 85_000 },
		fmt.Sprintf("prio:%d", one.RequestPriority):   func(r *oldRequest) bool { return r.RequestPriority == one.RequestPriority },
		"has:team status:running-open,running-closed": func(r *oldRequest) bool { return strings.HasPrefix(r.RequestStatus, "running") },
		"-has:sitewhitelist":                          func(r *oldRequest) bool { return len(r.SiteWhitelist) == 0 },
	} {
		expected := 0
		for i := range requests {
			if matches(&requests[i]) {
				expected++
			}
		}
		require.Positive(b.t, expected, line)
		assert.Equal(b.t, expected, b.search(line), line)
	}
}

// A mistake is explained under the line, with a correction that works.
func oldMistake(b *tab, _ *system) {
	b.expectFailure("/workflows?f=tpye%3ATaskChain")
	b.search("tpye:TaskChain")
	b.turns("the correction", clickFirst("#mistakes a"))
	assert.Equal(b.t, "TaskChain", b.query().Get("type"))
	assert.Positive(b.t, b.total())
}

// A failed job has its runs and lumi sections, its errors and its log.
func oldJobDetail(b *tab, _ *system) {
	b.click(`nav.pages a[href$="/errors"]`)
	b.turns("a cell", clickFirst("svg.heat a[class^=h]"))
	b.turns("a workflow", clickFirst(`section[aria-labelledby="workflows-h"] tbody th a`))
	sample := b.texts("details.sample[open]")
	require.NotEmpty(b.t, sample)
	for _, part := range []string{"lumi", "error", "log"} {
		assert.Contains(b.t, strings.ToLower(sample[0]), part)
	}
}
