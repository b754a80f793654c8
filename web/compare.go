package web

import (
	"math"
	"slices"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Bounds of a comparison: fewer columns compare nothing, more do not fit on a page.
const (
	LeastCompared = 2
	MostCompared  = 4
)

// ComparePage are the props of the page that shows two to four campaigns, releases,
// sites or agents side by side.
type ComparePage struct {
	Frame
	Notes   []Note
	Kind    string // campaign, release, site or agent; also the parameter; "" where none is named
	Tables  []Link // where rows can be ticked; of all kinds where none is named
	Columns []Compared
	Others  []Link // this page with another name added
}

// Compared is one column: the record of one name, and what else is compared.
type Compared struct {
	Name, Href string
	Without    string // this page without it
	List       string // its workflows
	Rollup     *schema.Rollup
	Site       *schema.SiteDetail
	Agent      *schema.AgentDetail
	Drain      schema.Drain // of an agent
	Rate       schema.Rate
	schema.Counters
	Held      Held              // of a campaign
	Alerts    []wire.FacetValue // workflows by alert
	AlertList func(alert string) string
	NoAlerts  bool // Alerts could not be read
	History   *History
}

// compareGroup are rows under one heading.
type compareGroup struct {
	Title string
	Rows  []compareRow
}

// compareRow is one figure of all columns. Marks say where a figure is the better or
// the worse one; they are empty where that has no meaning.
type compareRow struct {
	Label string
	Cells []templ.Component
	Marks []string
}

// good reports whether a mark is that of the better figure.
func good(mark string) bool { return mark == "better" || mark == "best" }

// figureOf returns a figure of a column.
type figureOf func(c *Compared) templ.Component

// comparison collects the rows of a page.
type comparison struct {
	columns []Compared
	groups  []compareGroup
}

func (c *comparison) group(title string) { c.groups = append(c.groups, compareGroup{Title: title}) }

// row adds a figure that is neither good nor bad.
func (c *comparison) row(label string, of figureOf) { c.ranked(label, of, nil, 0) }

// ranked adds a figure of which a larger value is better, with sign 1, or a smaller
// one, with sign -1. Values below 0 are unknown.
func (c *comparison) ranked(label string, of figureOf, value func(*Compared) float64, sign float64) {
	r := compareRow{Label: label, Marks: make([]string, len(c.columns))}
	for i := range c.columns {
		r.Cells = append(r.Cells, of(&c.columns[i]))
	}
	if value != nil {
		values := make([]float64, len(c.columns))
		for i := range c.columns {
			values[i] = value(&c.columns[i])
		}
		r.Marks = ranks(values, sign)
	}
	last := &c.groups[len(c.groups)-1]
	last.Rows = append(last.Rows, r)
}

// ranks marks the best and the worst of the known values. Equal values have no mark.
func ranks(values []float64, sign float64) []string {
	marks := make([]string, len(values))
	best, worst := "best", "worst"
	if len(values) == LeastCompared {
		best, worst = "better", "worse"
	}
	known := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v < 0 })
	if len(known) < LeastCompared || slices.Min(known) == slices.Max(known) {
		return marks
	}
	least, most := slices.Min(known), slices.Max(known)
	if sign < 0 {
		best, worst = worst, best
	}
	for i, v := range values {
		switch {
		case v < 0:
		case v == most:
			marks[i] = best
		case v == least:
			marks[i] = worst
		}
	}
	return marks
}

// tenths rounds a share as it is shown, so that two that look the same are equal.
func tenths(percent float64) float64 { return math.Round(percent * 10) }

// groups returns the figures in the order of the page of one name.
func (p ComparePage) groups() []compareGroup {
	c := &comparison{columns: p.Columns}
	if p.Kind == "agent" {
		c.health(p.Now)
	}
	c.jobs(p.Now)
	if p.Kind == "campaign" || p.Kind == "release" {
		c.workflows(p.Now)
	}
	if p.Kind == "site" {
		c.site()
	}
	c.alerts()
	if p.Kind == "campaign" {
		c.holds()
	}
	c.lines()
	return slices.DeleteFunc(c.groups, func(g compareGroup) bool { return len(g.Rows) == 0 })
}

// jobs adds the jobs by state; states without jobs in any column are left out.
func (c *comparison) jobs(now int64) {
	c.group("Jobs")
	c.row("by state", func(c *Compared) templ.Component { return JobBar(c.Counters) })
	c.row("jobs", func(c *Compared) templ.Component { return said(Int(c.TotalJobs)) })
	for i, part := range JobParts(schema.Counters{}) {
		jobs := func(c *Compared) int64 { return JobParts(c.Counters)[i].Count }
		if slices.ContainsFunc(c.columns, func(c Compared) bool { return jobs(&c) != 0 }) {
			c.row(part.Label, func(c *Compared) templ.Component { return said(Int(jobs(c))) })
		}
	}
	c.percent("jobs done", "JobProgress", func(c *Compared) float64 { return c.JobProgress }, 1)
	c.percent("failure rate", "FailureRate", func(c *Compared) float64 { return c.FailureRate }, -1)
	c.row("ended lately", func(c *Compared) templ.Component { return endedLately(c.Rate) })
	c.row("time left for jobs of agents", func(c *Compared) templ.Component { return timeLeft(now, c.Rate) })
}

func (c *comparison) percent(label, key string, value func(*Compared) float64, sign float64) {
	c.ranked(label, func(c *Compared) templ.Component { return Meter(value(c), Reason(key), sign < 0 && value(c) > 0) },
		func(c *Compared) float64 { return tenths(value(c)) }, sign)
}

// workflows adds the workflows of campaigns and releases.
func (c *comparison) workflows(now int64) {
	c.group("Workflows")
	c.row("by status", func(c *Compared) templ.Component { return StackedBar(statusParts(*c.Rollup), "workflows: ") })
	c.row("workflows", func(c *Compared) templ.Component { return linked(c.List, Counted(*c.Rollup)) })
	for i, g := range groups {
		c.row(words(g.title), func(c *Compared) templ.Component { return said(Int(statusParts(*c.Rollup)[i].Count)) })
	}
	c.percent("events", "EventProgress", func(c *Compared) float64 { return c.Rollup.EventProgress }, 1)
	c.percent("lumi sections", "LumiProgress", func(c *Compared) float64 { return c.Rollup.LumiProgress }, 1)
	c.row("events done", func(c *Compared) templ.Component { return said(Float(c.Rollup.OutputEvents)) })
	c.row("events requested", func(c *Compared) templ.Component { return Shown(Count(c.Rollup.InputEvents, notSet)) })
	const hour = 3600
	c.ranked("longest in its status", func(c *Compared) templ.Component { return age(now, c.Rollup.OldestStatusTime, noStatusTime) },
		func(c *Compared) float64 {
			if c.Rollup.OldestStatusTime <= 0 {
				return -1
			}
			return float64(max(0, now-c.Rollup.OldestStatusTime) / hour)
		}, -1)
	if slices.ContainsFunc(c.columns, func(c Compared) bool { return len(c.Held.MostLeft) > 0 }) {
		c.row("most events left", func(c *Compared) templ.Component { return slowest(c.Held.MostLeft) })
	}
	c.row("highest priority", func(c *Compared) templ.Component { return Shown(Count(c.Rollup.MaxPriority, notSet)) })
}

// site adds what agents report about sites.
func (c *comparison) site() {
	c.group("Summary")
	c.row("state", func(c *Compared) templ.Component { return siteSummary(c.Site) })
	c.row("workflows with jobs here", func(c *Compared) templ.Component { return linked(c.List, Int(c.Site.Workflows)) })
	c.row("agents with jobs here", func(c *Compared) templ.Component { return said(Int(c.Site.Agents)) })
	c.row("running slots", func(c *Compared) templ.Component { return Shown(Count(c.Site.RunningSlots, noSlots)) })
	c.row("pending slots", func(c *Compared) templ.Component { return Shown(Count(c.Site.PendingSlots, noSlots)) })
	c.row("jobs that agents can take from the queue", func(c *Compared) templ.Component { return Shown(amount(c.Site.FreeForQueue, noSlots)) })
	c.row("jobs in the global queue that may run here", func(c *Compared) templ.Component {
		return said(Int(queued(c.Site, func(q schema.QueueSite) int64 { return q.PossibleJobs })))
	})
	c.row("that may run only here", func(c *Compared) templ.Component {
		return said(Int(queued(c.Site, func(q schema.QueueSite) int64 { return q.UniqueJobs })))
	})
	c.row("tier, country", func(c *Compared) templ.Component { return said(orNone(c.Site.Tier) + ", " + orNone(c.Site.Country)) })
}

// queued sums the jobs of the global queue for a site over the states of the work.
func queued(s *schema.SiteDetail, jobs func(schema.QueueSite) int64) (n int64) {
	for _, q := range s.QueueSites {
		n += max(0, jobs(q))
	}
	return n
}

// health adds the state of agents.
func (c *comparison) health(now int64) {
	severities := schema.Severities() // the worst first
	c.group("Health")
	c.ranked("severity", func(c *Compared) templ.Component { return SeverityChip(c.Agent.Severity) },
		func(c *Compared) float64 { return float64(slices.Index(severities, c.Agent.Severity)) }, 1)
	c.row("reasons", func(c *Compared) templ.Component { return said(orNone(joined(c.Agent.Reasons))) })
	c.row("last status report", func(c *Compared) templ.Component { return since(now, c.Agent.UpdateTime) })
	c.row("last job counts", func(c *Compared) templ.Component { return since(now, c.Agent.DataUpdateTime) })
	c.row("draining", func(c *Compared) templ.Component { return said(yesNo(c.Agent.Draining)) })
	if slices.ContainsFunc(c.columns, func(c Compared) bool { return c.Agent.Draining }) {
		c.row("drain waits for", func(c *Compared) templ.Component {
			if !c.Agent.Draining {
				return said(none)
			}
			return drainWork(now, c.Drain, c.Rate)
		})
	}
	c.row("components down", func(c *Compared) templ.Component { return said(orNone(joined(c.Agent.DownComponents))) })
	c.row("worker threads with problems", func(c *Compared) templ.Component {
		return said(Int(c.Agent.WorkersBad) + " of " + Int(c.Agent.WorkersTotal))
	})
	c.row("disks over their limit", func(c *Compared) templ.Component { return said(Int(c.Agent.DiskWarnings)) })
	c.row("workflows", func(c *Compared) templ.Component { return linked(c.List, Int(c.Agent.Workflows)) })
	c.row("team", func(c *Compared) templ.Component { return said(orNone(c.Agent.Team)) })
	c.row("version", func(c *Compared) templ.Component { return said(orNone(c.Agent.Version)) })
}

// alerts adds the workflows under each alert that any column has.
func (c *comparison) alerts() {
	c.group("Workflows that need attention")
	var names []string
	for _, column := range c.columns {
		for _, v := range column.Alerts {
			if !slices.Contains(names, v.Value) {
				names = append(names, v.Value)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.row(words(name), func(c *Compared) templ.Component {
			if c.NoAlerts {
				return Shown(NA("could not be read"))
			}
			i := slices.IndexFunc(c.Alerts, func(v wire.FacetValue) bool { return v.Value == name })
			if i < 0 {
				return said("0")
			}
			return linked(c.AlertList(name), Int(int64(c.Alerts[i].Count)))
		})
	}
	if len(names) == 0 {
		c.row("with an alert", func(c *Compared) templ.Component {
			if c.NoAlerts {
				return Shown(NA("could not be read"))
			}
			return said("0")
		})
	}
}

// holdsShown is the number of reasons shown for each campaign.
const holdsShown = 3

func (c *comparison) holds() {
	c.group("What holds it")
	c.row("first reasons", func(c *Compared) templ.Component { return firstHolds(c.Held.Holds) })
}

// lines adds the jobs over time. Each figure has one scale for all columns, from 0 to
// the highest count, and the width of each is the same time.
func (c *comparison) lines() {
	c.group("Over time")
	var span int64
	most := map[string]int64{}
	var names []string
	for _, column := range c.columns {
		if column.History == nil {
			continue
		}
		span = max(span, column.History.Seconds)
		for _, s := range column.History.Lines {
			if !s.Drawn() {
				continue
			}
			if _, known := most[s.Name]; !known {
				names = append(names, s.Name)
			}
			most[s.Name] = max(most[s.Name], s.most())
		}
	}
	for _, name := range names {
		c.row(words(name)+", 0 to "+Int(most[name]), func(c *Compared) templ.Component {
			if c.History == nil {
				return Shown(NA("no counts over time"))
			}
			s, ok := c.History.Named(name)
			if !ok {
				return Shown(NA("no such jobs, or too few counts yet"))
			}
			s.Top, s.Width = most[name], span
			return comparedLine(s)
		})
	}
	if len(names) > 0 {
		c.groups[len(c.groups)-1].Title = "Over the last " + Duration(span)
	}
}
