// Package story renders every component of package web in its hard cases: nothing,
// one, ten thousand, long names, hostile texts, stale data, errors. The storybook
// shows the stories to developers, and tests render them; no server contains them.
package story

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// Now is the current time of all stories: 2026-11-21 05:43:12 UTC.
const Now = 1795239792

// Story is one component or page in one case.
type Story struct {
	Name      string // of the file: letters, digits and -
	Page      bool   // a whole page; else a component, shown on a page with others
	Component templ.Component
}

// Hostile returns texts that must be shown unchanged, not as markup.
func Hostile() []string {
	return []string{
		`<script>alert("x")</script>`, `a"b'c&d<i>e`, `slash/in%2Fthe name?x=1#y`, "\u202eright-to-left \u05d0\u05d1\u05d2",
		strings.Repeat("long_name_", 50), "line\nbreak\ttab", `{{template}} ${x}`,
	}
}

// Frame returns the frame of a story.
func Frame(title string, state web.State, assets web.AssetURLs) web.Frame {
	info := schema.CacheInfo{
		Generation: "a-1834", CacheTime: Now - 180, CheckTime: Now - 12, Complete: true, Source: "https://couch.example/db", Workflows: 20113,
	}
	if state == web.Stale {
		info.Stale, info.StaleReason, info.CheckTime = true, "dial tcp: connection refused <b>now</b>", Now-7200
	}
	if state == web.Down || state == web.Loading {
		info = schema.CacheInfo{}
	}
	return web.Frame{
		Title: title, Now: Now, Assets: assets, Released: "story",
		Data: web.Data{State: state, Info: info, Generation: info.Generation, Attention: 12},
	}
}

// All returns all stories, with the given assets.
func All(assets web.AssetURLs) []Story {
	var out []Story
	for _, group := range [][]Story{parts(), charts(), errorPages(assets), statePages(assets), workflowPages(assets)} {
		out = append(out, group...)
	}
	return out
}

// parts returns the stories of small components.
func parts() []Story {
	var out []Story
	add := func(name string, c templ.Component) { out = append(out, Story{Name: name, Component: c}) }
	for i, text := range append(Hostile(), "", "running-open", "failed") {
		add(fmt.Sprintf("status-%d", i), web.StatusChip(text))
	}
	for _, severity := range append(schema.Severities(), "never-heard-of") {
		add("severity-"+severity, web.SeverityChip(severity))
	}
	for i, alert := range []string{"site_error", "unheard_of", Hostile()[0]} {
		add(fmt.Sprintf("alert-%d", i), web.AlertChip(alert))
	}
	for name, percent := range map[string]float64{"undefined": -1, "nothing": 0, "little": 0.004, "half": 50, "nearly": 99.996, "all": 100, "over": 250} {
		add("meter-"+name, web.Meter(percent, "unknown", false))
	}
	add("note-bad", web.Notes([]web.Note{{Bad: true, Text: Hostile()[0], Links: []web.Link{{Text: Hostile()[1], Href: "/?a=b&c"}}}}))
	return out
}

// heat returns a heat map with the given number of rows and columns.
func heat(rows, columns int, names ...string) web.Heat {
	h := web.Heat{Title: fmt.Sprintf("jobs, %d by %d", rows, columns), Row: "site"}
	name := func(kind string, i int) string {
		if len(names) > 0 {
			return names[i%len(names)]
		}
		return fmt.Sprintf("%s_%d", kind, i)
	}
	for c := range columns {
		h.Columns = append(h.Columns, web.HeatHead{Name: name("code", c), Title: "meaning"})
	}
	for r := range rows {
		h.Rows = append(h.Rows, web.HeatHead{Name: name("T2_XX_Site", r), Href: "/sites/x"})
		cells := make([]web.HeatCell, columns)
		for c := range cells {
			cells[c] = web.HeatCell{Count: int64((r*7+c*13)%11) * int64(r+1) * 100, Href: "/errors?site=x"}
		}
		h.Cells = append(h.Cells, cells)
	}
	return h
}

// line returns a varying count with the given number of points.
func line(name string, points int) web.Spark {
	s := web.Spark{Name: name}
	for i := range points {
		s.Counts = append(s.Counts, int64(i*i%97))
	}
	return s
}

func charts() []Story {
	full := schema.JobCounts{
		Success: 10000, Canceled: 1, Transition: 2, QueuedFirst: 300, Running: 4000, Pending: 50, FailureException: 7, CooloffJob: 1, PausedJob: 1,
	}.Derive()
	story := func(name string, c templ.Component) Story { return Story{Name: name, Component: c} }
	return []Story{
		story("jobs-none", web.JobBar(schema.Counters{})),
		story("jobs-one", web.JobBar(schema.JobCounts{Success: 1}.Derive())),
		story("jobs-all", web.JobBar(full)),
		story("jobs-negative", web.StackedBar([]web.Part{{Label: "lost", Class: "s1", Count: -4}, {Label: "there", Class: "s2", Count: 4}}, "jobs: ")),
		story("legend-all", web.Legend(web.JobParts(full))),
		story("timeline-none", web.Timeline(nil)),
		story("timeline-one", web.Timeline(web.Spans([]schema.StatusChange{{Status: "new", Time: Now - 60}}, Now))),
		story("timeline-clocks", web.Timeline(web.Spans([]schema.StatusChange{{Status: "new", Time: Now + 9000}, {Status: Hostile()[0], Time: Now - 500}, {Status: "acquired"}}, Now))),
		story("histogram-none", web.Histogram(nil, "nothing")),
		story("histogram", web.Histogram([]web.Bucket{{Label: "< 1 h", Href: "/workflows"}, {Label: "> 1 h", Count: 10000, Href: "/workflows"}, {Label: Hostile()[1], Count: 1, Href: "/workflows"}}, "ages")),
		story("heat-none", web.HeatMap(web.Heat{Title: "nothing", Row: "site"})),
		story("heat-one", web.HeatMap(heat(1, 1))),
		story("heat-many", web.HeatMap(heat(30, 12))),
		story("heat-10000", web.HeatMap(heat(100, 100))),
		story("heat-hostile", web.HeatMap(heat(7, 7, Hostile()...))),
		story("line-none", web.Sparkline(web.Spark{Name: "nothing"})),
		story("line-one", web.Sparkline(line("one", 1))),
		story("line-flat", web.Sparkline(web.Spark{Name: "flat", Counts: []int64{3, 3, 3}})),
		story("line-many", web.Sparkline(line(Hostile()[0], 10000))),
	}
}

// statePages returns pages that failed, in each state of the data.
func statePages(assets web.AssetURLs) []Story {
	var out []Story
	for _, state := range []web.State{web.Fresh, web.Ageing, web.Stale, web.Loading, web.Down, web.Unknown} {
		out = append(out, Story{Name: "state-" + string(state), Page: true, Component: web.Problem(web.ProblemPage{
			Frame: Frame("State "+string(state), state, assets), Heading: "State " + string(state), Text: Hostile()[0],
			Near: []web.Link{{Text: Hostile()[1], Href: "/workflows"}}, Retry: state != web.Fresh, All: web.Link{Text: "All sites", Href: "/sites"},
		})})
	}
	attention := wire.AttentionItem{Kind: "Workflow", Name: Hostile()[0], Status: Hostile()[1], Priority: 1, Reasons: Hostile()}
	rule := wire.AttentionRule{Rule: "failed", Title: "Failed", Help: Hostile()[0], Count: 10000, Items: []wire.AttentionItem{attention}}
	return append(out,
		Story{Name: "attention-none", Page: true, Component: web.Attention(web.AttentionPage{Frame: Frame("Attention", web.Fresh, assets), JSON: "/api/attention"})},
		Story{Name: "attention-hostile", Page: true, Component: web.Attention(web.AttentionPage{
			Frame: Frame("Attention", web.Stale, assets), JSON: "/api/attention", Total: 10000, Rules: []web.AttentionRule{{AttentionRule: rule, Href: "/workflows"}},
		})},
		Story{Name: "agents-none", Page: true, Component: web.Agents(web.AgentsPage{Frame: Frame("Agents", web.Fresh, assets), JSON: "/agents.json", Tabs: []web.Link{{Text: "WMAgents"}}})},
		Story{Name: "agents-hostile", Page: true, Component: web.Agents(agents(assets))},
	)
}

// agents has one agent of each severity, and one with hostile texts.
func agents(assets web.AssetURLs) web.AgentsPage {
	page := web.AgentsPage{Frame: Frame("Agents", web.Ageing, assets), JSON: "/agents.json", Tabs: []web.Link{{Text: "WMAgents"}, {Text: "Central services", Href: "?kind=service"}}}
	for _, label := range []string{"agent", "severity", "report", "job counts", "workflows", "jobs done", "running", "failed", "failure rate", "cool-off", "team", "version"} {
		page.Heads = append(page.Heads, web.GroupHead{Label: label, Href: "?sort=" + strings.ReplaceAll(label, " ", "")})
	}
	for i, severity := range append(schema.Severities(), "") {
		a := schema.AgentDetail{Agent: schema.Agent{
			Agent: Hostile()[i%len(Hostile())], Kind: "agent", Severity: severity, Reasons: Hostile()[:2], UpdateTime: Now - int64(i)*2000, DataUpdateTime: int64(i) * Now / 6,
			Draining: i%2 == 0, DrainWaits: Hostile()[:i%3], Counters: schema.JobCounts{Success: 10000, FailureException: int64(i)}.Derive(),
		}}
		page.Rows = append(page.Rows, web.AgentRow{AgentDetail: a, List: "/workflows?agent=x"})
	}
	return page
}
