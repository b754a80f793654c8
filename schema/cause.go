package schema

import (
	"cmp"
	"fmt"
)

// Facts are data that the causes of alerts need besides the record. They come from
// the reports that the record is computed from.
type Facts struct {
	Silent  []Silence // agents of a stale_agent alert
	Failing Part      // the site with most failing jobs: failed, in cooloff or paused
	Paused  Part      // the site with most paused jobs
	Skipped Part      // the agent that skipped most input files
	Exit    Part      // the exit code with most job reports; they are not in the agents' reports
	Began   []Began   // rules of the alerts file
	Seen    []Began   // rules of any kind that were seen to begin, by when that was; not those that held at the first read
}

// Part is the greatest part of a whole: how many of all a site, an agent or an
// exit code has. Name is empty if it is not known.
type Part struct {
	Name    string
	Of, All int64
}

// Began is when a rule began to hold, Unix s.
type Began struct {
	Rule string
	Time int64
}

// FactsOf returns the facts that the causes of w.Alerts need: no more are
// computed. Equal parts are resolved by name, so the result depends only on the
// set of reports.
func FactsOf(w *Workflow, reports []AgentReport) (f Facts) {
	for _, code := range w.Alerts {
		switch code {
		case AlertSiteError, AlertConfigError:
			f.Failing = largestSite(reports, badJobs(w), func(c *JobCounts) int64 {
				d := c.Derive()
				return d.Failure + d.Cooloff + d.Paused
			})
		case AlertPausedJobs:
			f.Paused = largestSite(reports, w.Paused, func(c *JobCounts) int64 { return c.PausedCreate + c.PausedSubmit + c.PausedJob })
		case AlertSkippedFiles:
			agents := map[string]int64{}
			for i := range reports {
				agents[reports[i].Agent] += reports[i].SkippedFiles
			}
			f.Skipped = largest(agents, w.SkippedFiles)
		}
	}
	return f
}

func largestSite(reports []AgentReport, all int64, of func(*JobCounts) int64) Part {
	sites := map[string]int64{}
	for i := range reports {
		reports[i].EachSite(func(site string, c *JobCounts) { sites[site] += of(c) })
	}
	return largest(sites, all)
}

// largest returns the largest part; of equal ones the first by name. Without a
// part above 0 there is none.
func largest(parts map[string]int64, all int64) (p Part) {
	for name, n := range parts {
		if n > 0 && cmp.Or(cmp.Compare(n, p.Of), cmp.Compare(p.Name, name)) > 0 {
			p = Part{Name: name, Of: n, All: all}
		}
	}
	return p
}

// share describes a part: "T2_CH_CERN: 40 of 52 failing jobs (76.92 %)".
func (p Part) share(what string) string {
	return fmt.Sprintf("%s: %d of %d %s (%g %%)", p.Name, p.Of, p.All, what, Percent(float64(p.Of), float64(p.All)))
}

// Held returns how many jobs a workflow holds back: those that are expected, or
// created if these are more, and have not succeeded. Canceled jobs do not
// count. Once a request is announced, aborted or rejected, nothing is expected
// any more, and its record has no counts of jobs.
func (w *Workflow) Held() int64 {
	info, _ := StatusOf(w.Status)
	if over := info.Group == "Done" || info.Group == "Bad" && w.Status != "failed"; over && !w.HasJobInfo {
		return 0
	}
	return max(w.EstimatedJobs, w.TotalJobs-w.Canceled) - w.Success
}

// SetAlerts sets the alerts of a record, and its Score: what it holds back, and
// at least 1, if there are any.
func (w *Workflow) SetAlerts(codes []string) {
	w.Alerts, w.Score = codes, 0
	if len(codes) > 0 {
		w.Score = max(w.Held(), 1)
	}
}

// explain sets Cause and Who of an alert of a workflow.
func (a *Alert) explain(w *Workflow, f Facts, l Limits) {
	a.Who = requestor(w)
	site := func(p Part, what string) {
		if p.Name == "" {
			a.Cause = "no site is named in the reports"
			return
		}
		a.Cause = p.share(what)
	}
	switch a.Rule {
	case AlertFailed, AlertAssignedStall, AlertStatusStall:
		a.Cause = entered(w)
	case AlertConfigError:
		site(f.Failing, "failing jobs")
		if f.Exit.Name != "" {
			a.Cause = "exit code " + f.Exit.share("job reports")
		}
	case AlertSiteError:
		site(f.Failing, "failing jobs")
		if isPlace(f.Failing.Name) {
			a.Who = "site " + f.Failing.Name
		}
	case AlertStaleAgent:
		a.Cause, a.Who = quiet(f.Silent)
	case AlertSkippedFiles:
		a.Cause = "the number of files by agent is not known"
		if f.Skipped.Name != "" {
			a.Cause = f.Skipped.share("skipped files")
		}
	case AlertPausedJobs:
		site(f.Paused, "paused jobs")
	default:
		a.explainOwn(w, l)
	}
	if who := l.Who[a.Rule]; who != "" {
		a.Who = who
	}
}

// isPlace reports whether a site of a report is one: not (none) or (unknown).
func isPlace(site string) bool { return site != "" && site != None && site != Unknown }

// entered describes the last transition.
func entered(w *Workflow) string {
	if w.StatusTime == 0 {
		return w.Status + " since an unknown time"
	}
	return w.Status + " since " + utc(w.StatusTime)
}

// quiet names the agent that has been silent longest about a workflow: it may well
// report on others.
func quiet(silent []Silence) (cause, who string) {
	if len(silent) == 0 {
		return "an agent has been silent for too long", ""
	}
	first := longestSilent(silent)
	cause = "no counts of " + first.Agent + " ever"
	if first.Time > 0 {
		cause = "no new counts of " + first.Agent + " since " + utc(first.Time)
	}
	return cause, "agent " + first.Agent
}

// requestor names the requestor of a workflow and the team that runs it.
func requestor(w *Workflow) string {
	switch {
	case w.Requestor == "" && w.Team == "":
		return ""
	case w.Requestor == "":
		return "team " + w.Team
	case w.Team == "":
		return "requestor " + w.Requestor
	}
	return fmt.Sprintf("requestor %s (%s)", w.Requestor, w.Team)
}

// explainAgent sets Cause and Who of an alert of an agent or service.
func (a *Alert) explainAgent(d *AgentDetail, down bool, l Limits) {
	a.Cause, a.Who = a.Reason, d.Kind+" "+d.Agent.Agent
	if c := longestDown(d.Components); down && c != nil {
		a.Cause = c.Component + " is down"
		if c.LastUpdate > 0 {
			a.Cause += " since " + utc(c.LastUpdate)
		}
	}
	if who := l.Who[a.Rule]; who != "" {
		a.Who = who
	}
}

// longestDown returns the component that has been down longest; nil if none is.
// One without a heartbeat comes last.
func longestDown(components []AgentComponent) (c *AgentComponent) {
	for i := range components {
		switch o := &components[i]; {
		case !o.Down:
		case c == nil, o.LastUpdate > 0 && (c.LastUpdate == 0 || o.LastUpdate < c.LastUpdate):
			c = o
		}
	}
	return c
}
