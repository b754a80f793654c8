package fakecache

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Detail makes all that belongs to one workflow.
func Detail(w schema.Workflow) schema.Detail {
	d := schema.Detail{
		Workflow: w, ErrorsState: "not_loaded", Recoveries: []string{},
		Agents: []schema.WorkflowAgent{}, Sites: []schema.WorkflowSite{}, Errors: []schema.JobError{},
	}
	at := w.CreateTime
	path := []string{"new", "assignment-approved", "assigned", "staging", "staged", "acquired", "running-open", "running-closed", "completed"}
	for i, status := range path {
		if status == w.Status {
			break
		}
		d.Transitions = append(d.Transitions, schema.StatusChange{Workflow: w.Workflow, Index: int64(i + 1), Status: status, Time: at})
		at += max((w.StatusTime-w.CreateTime)/int64(1+len(path)-i), 60)
	}
	d.Transitions = append(d.Transitions, schema.StatusChange{Workflow: w.Workflow, Index: int64(len(d.Transitions) + 1), Status: w.Status, Time: max(w.StatusTime, at)})
	d.Priorities = []schema.PriorityChange{{Workflow: w.Workflow, Index: 1, Priority: 90000, Time: w.CreateTime}, {Workflow: w.Workflow, Index: 2, Priority: w.Priority, Time: w.StatusTime}}
	for i, name := range []string{"GEN", "DIGI", "RECO"} {
		d.Steps = append(d.Steps, schema.ChainStep{
			Workflow: w.Workflow, Index: int64(i + 1), Name: w.PrepID + "_" + name, Release: w.Release, ScramArch: "el8_amd64_gcc11", GlobalTag: "130X_mcRun3_2023_realistic_v14",
			Campaign: w.Campaign, PrepID: w.PrepID, Memory: 16000, Multicore: 8, KeepOutput: i > 0, Pileups: []string{},
		})
	}
	for i := range d.Steps {
		c := schema.ChainParentage{Workflow: w.Workflow, Index: int64(i + 1), ChildDatasets: []string{}, Resolved: len(w.Workflow)%2 == 0}
		if i > 0 {
			c.ParentDataset, c.ChildDatasets = w.OutputDatasets[i-1], w.OutputDatasets[i:i+1]
		}
		d.Parentage = append(d.Parentage, c)
	}
	d.LFNBases = []schema.LFNBase{{Workflow: w.Workflow, Use: "merged", Base: "/store/mc/" + w.Campaign}, {Workflow: w.Workflow, Use: "unmerged", Base: "/store/unmerged"}}
	for i, dataset := range w.OutputDatasets {
		o := schema.DatasetProgress{Workflow: w.Workflow, Dataset: dataset, Expected: i < 2, EventProgress: -1, LumiProgress: -1}
		if w.InputEvents > 0 {
			o.Events, o.Lumis, o.Bytes = w.OutputEvents/3, w.OutputLumis/3, w.OutputBytes/3
			o.EventProgress = schema.Percent(float64(o.Events), float64(w.InputEvents))
			o.LumiProgress = schema.Percent(float64(o.Lumis), float64(w.InputLumis)) + float64(50*i)
		}
		d.Datasets = append(d.Datasets, o)
	}
	for _, rule := range w.Alerts {
		d.AlertRecords = append(d.AlertRecords, schema.Alert{Workflow: w.Workflow, Rule: rule, Reason: "93 % of <b>jobs</b> fail", Since: w.StatusTime})
	}
	if w.HasJobInfo {
		addJobs(&d, w)
	}
	return d
}

// addJobs spreads the jobs of a workflow over agents, sites and tasks.
func addJobs(d *schema.Detail, w schema.Workflow) {
	for i, agent := range w.Agents {
		d.Agents = append(d.Agents, schema.WorkflowAgent{
			Workflow: w.Workflow, Agent: agent, Team: w.Team, UpdateTime: Now - 200 - int64(i)*400, Counters: w.Counters,
		})
	}
	for _, site := range w.Sites {
		d.SiteTotals = append(d.SiteTotals, schema.WorkflowSite{Workflow: w.Workflow, Site: site, Counters: w.Counters})
	}
	top := "/" + w.Workflow + "/" + w.PrepID + "_GEN"
	for _, tail := range []string{
		"", "/GENLogCollect", "/GENMergeRAWSIMoutput", "/GENMergeRAWSIMoutput/DIGI", "/GENMergeRAWSIMoutput/DIGI/DIGIMergePREMIXoutput",
		"/GENMergeRAWSIMoutput/DIGI/DIGIMergePREMIXoutput/RECO", "/GENCleanupUnmergedRAWSIMoutput",
	} {
		t := schema.WorkflowTask{Workflow: w.Workflow, Task: top + tail, JobType: "Production", Depth: int64(1 + strings.Count(tail, "/")), SubscriptionsTotal: 20, SubscriptionsFinished: 12, Counters: w.Counters}
		t.TaskName = t.Task[strings.LastIndexByte(t.Task, '/')+1:]
		if strings.Contains(t.TaskName, "Merge") {
			t.JobType, t.Counters = "Merge", schema.JobCounts{Success: 40, Running: 3}.Derive()
		}
		d.TaskTotals = append(d.TaskTotals, t)
	}
	if w.Failure > 0 {
		d.ErrorsState = "loaded"
		for i, code := range []int64{50660, 8021, 99303} {
			d.Errors = append(d.Errors, schema.JobError{
				Workflow: w.Workflow, Task: top, State: "jobfailed", ExitCode: code, Site: w.Sites[0], Agent: w.Agents[0],
				ErrorTypes: "PerformanceKill;<b>bold</b>", Count: int64(30 - 9*i),
			})
			d.ReportedJobs += int64(30 - 9*i)
		}
	}
}
