package schema

import (
	"cmp"
	"maps"
	"slices"
)

// Kinds of Agent.
const (
	KindAgent   = "agent"
	KindService = "service"
)

// Detail returns the agent with its components, disks and sites. Counters, the
// number of workflows, severity and reasons are for the caller to fill: they
// depend on other documents and on the time.
func (a *AgentInfoDoc) Detail() AgentDetail {
	d := AgentDetail{Agent: Agent{
		Agent: a.Name, Kind: KindService, Team: a.Team, Version: a.Version,
		UpdateTime: a.Time, DataUpdateTime: a.DataUpdateTime, ReportedStatus: a.Status,
		Reasons: []string{}, Draining: a.Draining,
		DrainComplete: a.Drain.given && a.Drain.completed, DrainWaits: append([]string{}, a.Drain.waits...),
		DiskWarnings: int64(len(a.Disks)), FullDisks: []string{},
		CouchProcesses: a.CouchProcesses, ProxyWarning: a.ProxyWarning,
		WorkersTotal: a.WorkersTotal, WorkersBad: int64(len(a.WorkersBad)), BadWorkers: append([]string{}, a.WorkersBad...),
		Counters: JobCounts{}.Derive(),
	}, AlertRecords: []Alert{}}
	// A service writes no team and none of the keys of an agent (domain, 1.4).
	if a.isAgent || a.Team != "" {
		d.Kind = KindAgent
	}
	if a.DataError != "ok" {
		d.DataError = a.DataError
	}
	down := distinct(a.DownComponents, nil)
	d.Components = a.components(down)
	d.DownComponents = down
	for i := range d.Components {
		// What only the detail names is down too.
		if c := &d.Components[i]; c.Down && !slices.Contains(d.DownComponents, c.Component) {
			d.DownComponents = append(d.DownComponents, c.Component)
		}
	}
	d.Disks = append([]AgentDisk{}, a.Disks...)
	for i := range d.Disks {
		d.Disks[i].Agent = a.Name
	}
	slices.SortStableFunc(d.Disks, func(x, y AgentDisk) int { return cmp.Compare(x.Mount, y.Mount) })
	for _, disk := range d.Disks {
		d.FullDisks = append(d.FullDisks, cmp.Or(disk.Mount, disk.Filesystem, "one without a name"))
	}
	d.Sites = a.sites()
	d.SitePriorities, d.JobStates = a.priorities(), a.jobStates()
	return d
}

func (a *AgentInfoDoc) sites() []AgentSite {
	out := []AgentSite{}
	for _, name := range slices.Sorted(maps.Keys(a.Sites)) {
		site := *a.Sites[name]
		site.Agent, site.Site = a.Name, siteName(name)
		// The agent leaves out the sites where there is nothing to count.
		if a.freeGiven {
			site.FreeForQueue = max(site.FreeForQueue, 0)
		}
		if a.pendingGiven {
			site.PendingJobs = max(site.PendingJobs, 0)
		}
		out = append(out, site)
	}
	return merge(out,
		func(x, y *AgentSite) int { return cmp.Compare(x.Site, y.Site) },
		func(x, y *AgentSite) {
			x.State = WorseSiteState(x.State, y.State)
			x.PendingSlots = AddKnown(x.PendingSlots, y.PendingSlots)
			x.RunningSlots = AddKnown(x.RunningSlots, y.RunningSlots)
			x.FreeForQueue = AddKnownFloat(x.FreeForQueue, y.FreeForQueue)
			x.PendingJobs = AddKnown(x.PendingJobs, y.PendingJobs)
		})
}

const noDetail = "the agent gives no detail"

// components returns one record for each component, or one for each of its
// troubles if there are several. A trouble that is only a text names the
// component whose process is missing (#8254); a component that is down without
// any detail (#8109) is listed with what its processes say.
func (a *AgentInfoDoc) components(down []string) []AgentComponent {
	troubles := a.troubles(down)
	names := map[string]bool{}
	for name := range a.Processes {
		names[name] = true
	}
	for name := range troubles {
		names[name] = true
	}
	for _, name := range down {
		names[name] = true
	}
	// An agent that is red and names no component means those whose process it
	// could not find.
	unexplained := len(down)+len(troubles) == 0 && (a.Status == "error" || a.Status == "down")
	out := []AgentComponent{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		base := a.component(name)
		base.Down = slices.Contains(down, name) || len(troubles[name]) > 0 || unexplained && base.Error != ""
		if len(troubles[name]) == 0 {
			if base.Down {
				base.Error = cmp.Or(base.Error, noDetail)
			}
			out = append(out, base)
		}
		for _, t := range troubles[name] {
			c := base
			c.WorkerName, c.State, c.LastUpdate = t.worker, t.state, t.lastUpdate
			c.PollInterval, c.CycleTime = t.pollInterval, t.cycleTime
			c.Error = cmp.Or(t.err, base.Error, noDetail)
			if t.missing {
				c.Error = cmp.Or(base.Error, "its process is missing")
			}
			out = append(out, c)
		}
	}
	return out
}

// component is what the agent says of the processes and threads of one.
func (a *AgentInfoDoc) component(name string) AgentComponent {
	c := AgentComponent{Agent: a.Name, Component: name, PID: -1, PollInterval: -1, CycleTime: -1}
	for _, p := range a.Processes[name] {
		if p.kind == "thread" {
			c.ThreadCount++
		}
		if c.Process == "" || p.kind == "process" {
			c.Process, c.PID, c.ProcessStatus = p.process, p.pid, p.status
		}
		c.Error = cmp.Or(c.Error, p.err)
	}
	return c
}

// troubles sorts the details by component. A text that is no component's name
// is taken as the error of the first one that is down without a detail.
func (a *AgentInfoDoc) troubles(down []string) map[string][]downDetail {
	out := map[string][]downDetail{}
	var texts []string
	for _, t := range a.Down {
		_, known := a.Processes[t.text]
		switch {
		case t.text == "":
			name := cmp.Or(t.name, t.worker, "one without a name")
			out[name] = append(out[name], t)
		case known || slices.Contains(down, t.text):
			out[t.text] = append(out[t.text], downDetail{missing: true, pollInterval: -1, cycleTime: -1})
		default:
			texts = append(texts, t.text)
		}
	}
	for _, text := range texts {
		name := text // nobody it could belong to: it is the name of a component
		for _, candidate := range down {
			if len(out[candidate]) == 0 {
				name = candidate
				break
			}
		}
		out[name] = append(out[name], downDetail{err: text, missing: name == text, pollInterval: -1, cycleTime: -1})
	}
	return out
}
