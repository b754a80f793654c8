package gen

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// exit is a way for a job to fail. Failures of the scheduler leave no step of
// the job itself.
type exit struct {
	code             int
	step, kind, text string
}

// unsent reports that the job was never sent to a site.
func (e exit) unsent() bool { return e.step == "JobSubmit" || e.step == "JobCreate" }

func exitCodes() []exit {
	return []exit{
		{8021, "cmsRun1", "FileReadError", "An exception of category 'FileReadError' occurred while\n   [0] Processing  Event run: 1 lumi: 4411 event: 881 stream: 2\n   [1] Running path 'AODSIMoutput_step'\nException Message:\nbad file"},
		{50660, "PerformanceError", "PerformanceKill", "Job has exceeded maxRSS: 15900 MB"},
		{99303, "NoJobReport", "NoJobReport", "Failed to find a job report in the agent"},
		{71304, "JobKilled", "SiteRemoved", "The job can run only at sites that are in drain or down"},
		{8001, "cmsRun1", "CMSExeption", "An exception of category 'Configuration' occurred"},
		{60307, "stageOut1", "StageOutFailure", "gfal-copy failed: [Errno 110] Connection timed out"},
		{8028, "cmsRun1", "FileOpenError", "Failed to open the file 'root://xrootd-cms.infn.it//store/mc/x.root'; fallback failed as well"},
		{134, "cmsRun1", "Fatal Exception", "Job aborted by signal 6"},
		{137, "cmsRun1", "Fatal Exception", "Job killed by signal 9"},
		{50664, "PerformanceError", "PerformanceKill", "Job has exceeded its wall time"},
		{8020, "cmsRun1", "FileOpenError", "Input file could not be opened"},
		{71104, "JobSubmit", "SubmitFailed", "No site is left in the white list"},
		{8002, "cmsRun1", "StdException", "std::exception: vector::_M_range_check"},
		{99400, "logArch1", "LogArchiveFailure", "Log archive could not be copied"},
		{139, "cmsRun1", "Fatal Exception", "Segmentation violation"},
		{60403, "stageOut1", "StageOutTimeout", "Stage-out took more than 14400 s"},
		{8006, "cmsRun1", "ProductNotFound", "getByLabel: Found zero products"},
		{99109, "cmsRun1", "ExceptionDuringExecution", "Uncaught exception in the wrapper"},
		{71102, "JobSubmit", "SubmitFailed", "The job exceeds the limits of all its sites"},
	}
}

// siteExits are failures that a site causes for all jobs; the text includes its
// name.
func siteExits() []exit {
	return []exit{
		{8028, "cmsRun1", "FileOpenError", "Failed to open the file at the storage of %s: [ERROR] Server responded with an error: [3011] No servers are available; fallback failed as well"},
		{60307, "stageOut1", "StageOutFailure", "gfal-copy to the storage of %s failed: [Errno 28] No space left on device"},
		{99303, "NoJobReport", "NoJobReport", "Failed to find a job report: the batch system of %s has lost the job"},
		{50660, "PerformanceError", "PerformanceKill", "Job was killed by the batch system of %s: its node has too little memory"},
		{8020, "cmsRun1", "FileOpenError", "Input file could not be opened at %s: the certificate of the storage has expired"},
		{60403, "stageOut1", "StageOutTimeout", "Stage-out to %s took more than 14400 s"},
	}
}

// jobDocs returns the job summaries that workflow sk has initially.
func (w *World) jobDocs(sk *Sketch, st *State) []Doc {
	if sk.actor != nil {
		docs := make([]Doc, sk.actor.failed.n)
		for n := range docs {
			docs[n] = w.jobDoc(sk, st, n)
		}
		return docs
	}
	if w.opts.JobSummaries < 0 || len(st.Agents) == 0 || st.Cleaned || sk.FailPermille < 5 {
		return nil
	}
	docs := make([]Doc, w.reports(sk, st))
	for n := range docs {
		docs[n] = w.jobDoc(sk, st, n)
	}
	return docs
}

// reports returns the number of job summaries of a workflow: in proportion to the
// logarithm of its failed jobs, at least 1, and JobSummaries at 1000 of them. Only
// a small part of many failures is reported, as in the running system.
func (w *World) reports(sk *Sketch, st *State) int {
	const thousand = 1000
	var done int
	for _, ag := range st.Agents {
		done += int(ag.Done)
	}
	failed := sk.Jobs * done / len(st.Agents) / Ended * sk.FailPermille / thousand
	return max(1, int(math.Round(float64(w.opts.JobSummaries)*math.Log(float64(1+failed))/math.Log(thousand))))
}

// failingSite draws where a job of a workflow failed: at a site as often as
// jobs fail there.
func (w *World) failingSite(d *dice, sk *Sketch) int {
	failures := make([]int, len(sk.Sites))
	for k, s := range sk.Sites {
		failures[k] = 1 + w.sites[s].weight*max(sk.FailPermille, w.badSites[s].permille)
	}
	return sk.Sites[newWeights(failures...).draw(d)]
}

// exitOf draws how a job failed: at a bad site mostly in the way of the site,
// elsewhere mostly in the way of the workflow.
func (w *World) exitOf(d *dice, sk *Sketch, s int) exit {
	if sk.createUp() {
		return exit{10040, "JobCreate", "CreateFailed", "The configuration of the step could not be made"}
	}
	if w.badSites[s].permille > 0 && d.chance(850) {
		return w.badSites[s].exit
	}
	if d.chance(600) {
		own := w.dice(forExits, sk.Index)
		return exitCodes()[w.exitWeights.draw(&own)]
	}
	return exitCodes()[w.exitWeights.draw(d)]
}

// jobState draws the state of a failed job by its exit. Jobs wait for a retry
// only while the workflow continues.
func jobState(d *dice, st *State, e exit) string {
	phase := "job"
	switch e.step {
	case "JobCreate":
		phase = "create"
	case "JobSubmit":
		phase = "submit"
	}
	kinds := []string{"failed", "failed", "failed", "exhausted"}
	if st.Status().Running() {
		kinds = []string{"failed", "failed", "failed", "cooloff", "cooloff", "paused", "exhausted"}
	}
	kind := one(d, kinds)
	if kind == "exhausted" {
		return kind
	}
	return phase + kind
}

// logsAt begins the addresses of logs of jobs.
const logsAt = "https://eoscmsweb.cern.ch/eos/cms/store/logs/prod/recent/PRODUCTION/"

// topTask returns the task whose jobs the estimate of a workflow counts.
func topTask(tasks []task) task {
	return tasks[max(0, slices.IndexFunc(tasks, func(t task) bool { return t.top }))]
}

// jobDoc returns the n-th job summary of a workflow that has agents. One in
// twelve is of a job that succeeded after a failure.
func (w *World) jobDoc(sk *Sketch, st *State, n int) Doc {
	d := w.dice(forJobs, int(mix(uint64(sk.Index))>>2)+n+1)
	ag := st.Agents[d.n(len(st.Agents))]
	tasks := sk.tasks(w.opts.Lean)
	tk := tasks[d.n(len(tasks))]
	at := w.failingSite(&d, sk)
	s, e := w.sites[at], w.exitOf(&d, sk, at)
	state := jobState(&d, st, e)
	if !e.unsent() && d.chance(83) {
		state, e = "success", exit{0, "cmsRun1", "", ""}
	}
	if sk.actor != nil {
		tk, s, e, state = topTask(tasks), w.sites[w.cast.sites+sk.actor.failed.site], sk.actor.failed.exit, "jobfailed"
	}
	id := fmt.Sprintf("%08x-%04x-%04x-%04x-%012x-%d", d.src.Uint64()>>32, d.n(1<<16), 0x4000|d.n(1<<12), 0x8000|d.n(1<<14), d.src.Uint64()>>16, d.n(900))
	t := min(ag.Time, st.TimeOf(RunningOpen)+int64(d.n(200_000)))
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", id)
	j.Str("type", "jobsummary")
	j.Int("wmbsid", int64(d.n(9_000_000)))
	j.Int("retrycount", int64(d.n(4)))
	j.Str("workflow", sk.Name)
	j.Str("task", tk.path)
	j.Str("jobtype", tk.jobType)
	j.Str("state", state)
	jobPlace(j, s, e)
	jobErrors(j, &d, e)
	jobFiles(j, &d, sk, s)
	host := w.hosts[ag.Host].name
	j.Str("acdc_url", "https://cmsweb.cern.ch/couchdb/acdcserver")
	j.Str("agent_name", host)
	j.Object("worker_node_info")
	j.Str("HostName", fmt.Sprintf("wn%04d.%s", d.n(2000), strings.ToLower(strings.ReplaceAll(s.name, "_", "-"))))
	j.Close('}')
	if d.chance(300) {
		j.Null("eos_log_url")
	} else {
		j.Str("eos_log_url", logsAt+sk.Name+"/"+id+".tar.gz")
	}
	j.Object("logArchiveLFN")
	j.Bool("/store/unmerged/logs/prod/"+id+"-logArchive.tar.gz", true)
	j.Close('}')
	jobHistory(j, s.name, state, t)
	j.Int("timestamp", t)
	j.Close('}')
	return Doc{design.WMStatsDB, id, j.B}
}

// jobPlace writes where the job ran: nowhere if it was never submitted.
func jobPlace(j *jsonout.Buf, s site, e exit) {
	if e.unsent() {
		j.Null("site")
		j.Null("cms_location")
	} else {
		j.Str("site", s.name)
		reported := s.name
		if s.storage != "" {
			reported = s.storage
		}
		j.Str("cms_location", reported)
	}
	j.Int("exitcode", int64(e.code))
}

func jobErrors(j *jsonout.Buf, d *dice, e exit) {
	j.Object("errors")
	if e.unsent() {
		j.List(e.step)
		jobError(j, e, e.text)
		j.Close(']')
		j.Close('}')
		return
	}
	steps := []string{"cmsRun1", "stageOut1", "logArch1"}
	if e.step != "cmsRun1" && e.step != "stageOut1" && e.step != "logArch1" {
		steps = append(steps, e.step)
	}
	for _, step := range steps {
		j.List(step)
		if step == e.step && e.code != 0 {
			trace := strings.Repeat("\n#"+fmt.Sprint(d.n(9))+"  0x00002b in edm::EventProcessor::processLumis () from libFWCoreFramework.so", 1+d.n(12))
			jobError(j, e, e.text+trace)
		}
		j.Close(']')
	}
	j.Close('}')
}

func jobError(j *jsonout.Buf, e exit, details string) {
	j.Open('{')
	j.Str("type", e.kind)
	j.Str("details", details)
	j.Int("exitCode", int64(e.code))
	j.Close('}')
}

func jobFiles(j *jsonout.Buf, d *dice, sk *Sketch, s site) {
	run := 1
	if sk.data {
		run = d.between(355000, 392000)
	}
	j.List("lumis")
	j.Open('{')
	j.List(fmt.Sprint(run))
	first := d.n(4000)
	for n := range 1 + d.n(8) {
		j.Number(int64(first + n))
	}
	j.Close(']')
	j.Close('}')
	j.Close(']')
	j.List("inputfiles")
	if sk.Files > 0 {
		for range 1 + d.n(3) {
			j.Open('{')
			j.Str("lfn", fmt.Sprintf("/store/data/%s/RAW/v1/000/%016x.root", sk.Campaign, d.src.Uint64()))
			j.Str("input_type", "primaryFiles")
			j.Close('}')
		}
	}
	j.Close(']')
	j.List("output")
	j.Open('{')
	j.Str("type", "logArchive")
	j.Str("lfn", fmt.Sprintf("/store/unmerged/logs/prod/%016x-logArchive.tar.gz", d.src.Uint64()))
	if d.chance(500) {
		j.Strings("location", []string{s.name})
	} else {
		j.Str("location", s.name)
	}
	j.Object("checksums")
	j.Str("adler32", fmt.Sprintf("%08x", d.n(1<<32)))
	j.Close('}')
	j.Int("size", 0)
	j.Close('}')
	j.Close(']')
	j.Null("outputdataset")
}

func jobHistory(j *jsonout.Buf, place, state string, t int64) {
	j.List("state_history")
	states := []string{"created", "executing", "complete", "jobfailed", state}
	for k := 1; k < len(states); k++ {
		if states[k] == states[k-1] {
			continue
		}
		j.Open('{')
		j.Str("oldstate", states[k-1])
		j.Str("newstate", states[k])
		j.Str("location", place)
		j.Int("timestamp", t-int64(len(states)-k)*1800)
		j.Close('}')
	}
	j.Close(']')
}

// logDocs returns the log entries of a workflow: most have none.
func (w *World) logDocs(sk *Sketch, st *State) []Doc {
	d := w.dice(forLogs, sk.Index)
	if !d.chance(40) {
		return nil
	}
	reporter, thread, kind, text := "reqmgr2", "StatusChangeTasks", "info", "moved to "+st.Status().String()
	if len(st.Agents) > 0 {
		reporter = w.hosts[st.Agents[0].Host].name
		thread, kind, text = "WorkQueueManagerLocationPoller", "agent-error", "Failed to find a location for block of "+sk.Steps[0].InputDataset
		if d.chance(500) {
			thread, kind, text = "JobCreatorPoller", "agent-warning", "No space left for new jobs, work is put back"
		}
	}
	return []Doc{logDoc(sk.Name, reporter, thread, kind, text, st.Transitions[len(st.Transitions)-1].Time, d.n(1000))}
}

func logDoc(request, reporter, thread, kind, text string, t int64, ms int) Doc {
	sum := md5.Sum([]byte(strings.Join([]string{request, reporter, thread, kind}, "--")))
	id := hex.EncodeToString(sum[:])
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", id)
	j.Str("request", request)
	j.Str("identifier", reporter)
	j.Str("thr", thread)
	j.Str("type", kind)
	j.List("messages")
	j.Open('{')
	j.Raw("ts", fmt.Sprintf("%d.%03d", t, ms))
	j.Str("msg", text)
	j.Close('}')
	j.Close(']')
	j.Close('}')
	return Doc{design.LogDB, id, j.B}
}
