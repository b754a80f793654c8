package schema

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Join fills the agents' side of a workflow record with the sums of reports. Of
// several reports of one agent, only the newest counts (see Newest). The result
// depends only on the request's side of w and on the set of reports, not on
// their order or on the result of an earlier Join. Alerts are not changed. The
// caller decides for which statuses agents are joined (StatusInfo.JobInfo).
func Join(w *Workflow, reports []AgentReport) {
	chosen := Newest(reports)
	var counts JobCounts
	w.JobsInWMBS, w.JobsInQueue, w.SkippedFiles, w.Skipped = 0, 0, 0, false
	w.LastAgentUpdate, w.OldestAgentUpdate = 0, 0
	w.Agents, w.HasUnplacedJobs = make([]string, 0, len(chosen)), false
	for _, i := range chosen {
		p := &reports[i]
		counts.Add(&p.Counts)
		w.JobsInWMBS += p.JobsInWMBS
		w.JobsInQueue += p.JobsInQueue
		w.SkippedFiles = AddUp(w.SkippedFiles, p.SkippedFiles)
		w.Skipped = w.Skipped || p.Skipped
		w.Agents = append(w.Agents, p.Agent)
		w.HasUnplacedJobs = w.HasUnplacedJobs || p.unplaced() != JobCounts{}
		w.LastAgentUpdate = max(w.LastAgentUpdate, p.Time)
		if p.Time > 0 && (w.OldestAgentUpdate == 0 || p.Time < w.OldestAgentUpdate) {
			w.OldestAgentUpdate = p.Time
		}
	}
	w.Counters = counts.Derive()
	w.HasJobInfo = len(chosen) > 0
	w.AgentCount = int64(len(w.Agents))
	w.joinSites(reports, chosen)
	w.joinTasks(reports, chosen)
	w.joinOutputs(reports, chosen)
	w.estimate()
}

// Newest returns the indexes of the reports that count, sorted by agent: for
// each agent the one with the largest Time. Reports with equal times are ranked
// by content, so the choice does not depend on their order.
func Newest(reports []AgentReport) []int {
	chosen := make([]int, len(reports))
	for i := range chosen {
		chosen[i] = i
	}
	slices.SortStableFunc(chosen, func(i, j int) int {
		a, b := &reports[i], &reports[j]
		if c := cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(b.Time, a.Time)); c != 0 || i == j {
			return c
		}
		return cmp.Compare(fmt.Sprint(*b), fmt.Sprint(*a))
	})
	return slices.CompactFunc(chosen, func(i, j int) bool { return reports[i].Agent == reports[j].Agent })
}

func (w *Workflow) joinSites(reports []AgentReport, chosen []int) {
	sites := []string{}
	for _, i := range chosen {
		for k := range reports[i].Sites {
			sites = append(sites, reports[i].Sites[k].Site)
		}
	}
	slices.Sort(sites)
	w.Sites = slices.Clip(slices.Compact(sites))
	w.SiteCount = int64(len(w.Sites))
}

func (w *Workflow) joinTasks(reports []AgentReport, chosen []int) {
	if len(chosen) == 1 {
		w.TaskCount = int64(len(reports[chosen[0]].Tasks))
		return
	}
	var tasks []uint64
	for _, i := range chosen {
		tasks = append(tasks, reports[i].Tasks...)
	}
	slices.Sort(tasks)
	w.TaskCount = int64(len(slices.Compact(tasks)))
}

// joinOutputs sums the merged output and compares it with the input. The
// average divides by the number of datasets that the request names, or else of
// those seen. Datasets that the request names twice count once. For a request
// with an empty list, by which the old page divided, the number of those seen
// is used. Progress is unknown, not 0, while no agent has reported.
func (w *Workflow) joinOutputs(reports []AgentReport, chosen []int) {
	w.OutputEvents, w.OutputLumis, w.OutputBytes = 0, 0, 0
	var names []string
	for _, i := range chosen {
		for _, o := range reports[i].Outputs {
			w.OutputEvents = AddUp(w.OutputEvents, o.Events)
			w.OutputLumis = AddUp(w.OutputLumis, o.Lumis)
			w.OutputBytes = AddUp(w.OutputBytes, o.Bytes)
			names = append(names, o.Dataset)
		}
	}
	slices.Sort(names)
	w.OutputDatasetCount = int64(len(slices.Compact(names)))
	divisor := w.AveragedDatasets()
	w.AvgOutputEvents = average(w.OutputEvents, divisor)
	w.AvgOutputLumis = average(w.OutputLumis, divisor)
	w.QueueInjection, w.EventProgress, w.LumiProgress = -1, -1, -1
	if w.HasJobInfo {
		w.QueueInjection = Percent(float64(w.JobsInWMBS), float64(w.EstimatedJobs))
		// From the sums: a share of rounded averages is wrong in its last digits.
		w.EventProgress = Percent(float64(w.OutputEvents), float64(w.InputEvents)*float64(divisor))
		w.LumiProgress = Percent(float64(w.OutputLumis), float64(w.InputLumis)*float64(divisor))
	}
}

// AveragedDatasets returns the number of datasets that the averages of the
// output divide by: those that the request names, else those seen; 0 without
// any.
func (w *Workflow) AveragedDatasets() int64 {
	return cmp.Or(int64(len(w.OutputDatasets)), w.OutputDatasetCount)
}

// believable are the bounds of an estimate: the time in a status with open
// jobs before there is one, and the factor by which the share of jobs that have
// ended may differ from that of events.
const (
	believableAfter  = 6 * 3600 // s
	believableFactor = 3
)

// estimate sets SecondsLeft from the average rate since the workflow entered its
// status, by the formula of the old page, with c = Success + Failure:
//
//	R = c / (TotalJobs - Canceled), Q = JobsInWMBS / EstimatedJobs,
//	d = now - StatusTime, left = d / (R x Q) - d
//
// now is LastAgentUpdate, the time of the counts, so that the record does not
// change every second. If agents have taken more jobs than expected, the result
// is at least 0. It is -1 where nobody would believe it: when the workflow does
// not run, before the first job has ended, when the expected jobs or the start
// are unknown, when the counts are older than the status, in the first hours of
// a status with open jobs, and when jobs and events disagree.
func (w *Workflow) estimate() {
	w.SecondsLeft = -1
	switch w.Status {
	case "running", "running-open", "running-closed", "force-complete":
	default:
		return // finished, not begun, or of T0, which has no expected jobs
	}
	ended, created := float64(w.Success+w.Failure), w.TotalJobs-w.Canceled
	q := float64(w.JobsInWMBS) / float64(w.EstimatedJobs)
	d := float64(w.LastAgentUpdate - w.StatusTime)
	share := ended / float64(created) * q
	if w.EstimatedJobs <= 0 || w.StatusTime <= 0 || d <= 0 || created <= 0 || !(share > 0) {
		return
	}
	if d < believableAfter && created > w.Success+w.Failure || w.eventsDisagree(share) {
		return
	}
	if left := math.Round(d/share - d); left < 1<<53 {
		w.SecondsLeft = max(int64(left), 0)
	}
}

// eventsDisagree reports whether the share of events that are done contradicts
// the share of the expected jobs that have ended. A share above 1 is taken as 1.
func (w *Workflow) eventsDisagree(jobs float64) bool {
	if w.EventProgress < 0 {
		return false
	}
	const percent = 100
	jobs, events := min(jobs, 1), min(w.EventProgress/percent, 1)
	return jobs > believableFactor*events || events > believableFactor*jobs
}
