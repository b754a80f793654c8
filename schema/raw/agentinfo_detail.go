package raw

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// Detail returns the agent with its components, disks and sites. The caller
// fills the counters, the number of workflows, severity and reasons: they
// depend on other documents and on the time.
func (a *AgentInfoDoc) Detail() schema.AgentDetail {
	total, bad := a.threads()
	d := schema.AgentDetail{Agent: schema.Agent{
		Agent: a.Name, Kind: schema.KindService, Team: string(a.Team), Version: string(a.Version),
		UpdateTime: a.Time, DataUpdateTime: int64(a.DataUpdateTime), ReportedStatus: string(a.Status),
		Reasons: []string{}, Draining: bool(a.Draining),
		DrainComplete: a.DrainStats.given && bool(a.DrainStats.Completed), DrainWaits: a.DrainStats.waits(),
		DiskWarnings: int64(len(a.Disks)), FullDisks: []string{},
		CouchProcesses: int64(a.CouchProcesses), ProxyWarning: string(a.ProxyWarning),
		WorkersTotal: total, WorkersBad: int64(len(bad)), BadWorkers: bad,
		Counters: schema.JobCounts{}.Derive(),
	}, AlertRecords: []schema.Alert{}}
	// A service writes no team and none of the keys of an agent.
	if a.isAgent || a.Team != "" {
		d.Kind = schema.KindAgent
	}
	if a.DataError != "ok" {
		d.DataError = string(a.DataError)
	}
	down := distinct(a.DownComponents, nil)
	d.Components = a.components(down)
	d.DownComponents = down
	for i := range d.Components {
		// Components that only the detail names are down too.
		if c := &d.Components[i]; c.Down && !slices.Contains(d.DownComponents, c.Component) {
			d.DownComponents = append(d.DownComponents, c.Component)
		}
	}
	d.Disks = a.disks()
	for _, disk := range d.Disks {
		d.FullDisks = append(d.FullDisks, cmp.Or(disk.Mount, disk.Filesystem, "one without a name"))
	}
	d.Sites = a.sites()
	d.SitePriorities, d.JobStates, d.QueueSites = a.priorities(), a.jobStates(), a.queueSites()
	return d
}

// threads counts the worker threads and lists those in trouble, with their
// state.
func (a *AgentInfoDoc) threads() (total int64, bad []string) {
	bad = []string{}
	for _, w := range a.Workers {
		if w.State == "Error" || w.State == "Timeout" {
			bad = append(bad, string(cmp.Or(w.Name, "one without a name")+" ("+w.State+")"))
		}
	}
	slices.Sort(bad)
	return int64(len(a.Workers)), bad
}

func (a *AgentInfoDoc) disks() []schema.AgentDisk {
	out := make([]schema.AgentDisk, 0, len(a.Disks))
	for _, disk := range a.Disks {
		out = append(out, schema.AgentDisk{
			Agent: a.Name, Filesystem: string(disk.Filesystem), Mount: string(disk.Mount), UsedPercent: float64(disk.Percent),
		})
	}
	slices.SortStableFunc(out, func(x, y schema.AgentDisk) int { return cmp.Compare(x.Mount, y.Mount) })
	return out
}

const noDetail = "the agent reports no detail"

// components returns one record for each component, or one for each of its
// problems if there are several. A problem that is only a text names the
// component whose process is missing (#8254). A component that is down without
// any detail (#8109) is listed with the state of its processes.
func (a *AgentInfoDoc) components(down []string) []schema.AgentComponent {
	troubles := a.troubles(down)
	names := map[string]bool{}
	for _, c := range a.Components {
		names[c.key] = true
	}
	for name := range troubles {
		names[name] = true
	}
	for _, name := range down {
		names[name] = true
	}
	// An agent that is in error and names no component means those whose
	// process it could not find.
	unexplained := len(down)+len(troubles) == 0 && (a.Status == "error" || a.Status == "down")
	out := []schema.AgentComponent{}
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
			c.WorkerName, c.State, c.LastUpdate = string(t.Worker), string(cmp.Or(t.State, t.Status)), int64(t.LastUpdate)
			c.PollInterval, c.CycleTime = float64(t.PollInterval), float64(t.CycleTime)
			c.Error = cmp.Or(string(cmp.Or(t.Error, t.LastError)), base.Error, noDetail)
			if t.missing {
				c.Error = cmp.Or(base.Error, "its process is missing")
			}
			out = append(out, c)
		}
	}
	return out
}

// component returns what the agent reports about the processes and threads of
// one component.
func (a *AgentInfoDoc) component(name string) schema.AgentComponent {
	c := schema.AgentComponent{Agent: a.Name, Component: name, PID: -1, PollInterval: -1, CycleTime: -1}
	for _, p := range a.processes(name) {
		if p.Type == "thread" {
			c.ThreadCount++
		}
		if c.Process == "" || p.Type == "process" {
			c.Process, c.PID, c.ProcessStatus = string(p.Process), int64(p.PID), string(p.Status)
		}
		c.Error = cmp.Or(c.Error, string(p.Error))
	}
	return c
}

// processes returns those of a component; if one occurs twice, the last.
func (a *AgentInfoDoc) processes(name string) (list []processDetail) {
	for _, c := range a.Components {
		if c.key == name {
			list = c.value
		}
	}
	return list
}

// troubles groups the details by component. A text that is not the name of a
// component is taken as the error of the first component that is down without a
// detail.
func (a *AgentInfoDoc) troubles(down []string) map[string][]downDetail {
	out := map[string][]downDetail{}
	add := func(name, err string, missing bool) {
		t := downDetail{missing: missing, downObject: downObject{Error: message(err), PollInterval: -1, CycleTime: -1}}
		out[name] = append(out[name], t)
	}
	var texts []string
	for _, t := range a.Down {
		known := slices.ContainsFunc(a.Components, func(c pair[oneOrMore[processDetail]]) bool { return c.key == t.plain })
		switch {
		case t.isText && t.plain == "":
		case !t.isText:
			name := string(cmp.Or(t.Name, t.Worker, "one without a name"))
			out[name] = append(out[name], t)
		case known || slices.Contains(down, t.plain):
			add(t.plain, "", true)
		default:
			texts = append(texts, t.plain)
		}
	}
	for _, text := range texts {
		name := text // no component to assign it to: it is the name of one
		for _, candidate := range down {
			if len(out[candidate]) == 0 {
				name = candidate
				break
			}
		}
		add(name, text, name == text)
	}
	return out
}
