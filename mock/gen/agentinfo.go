package gen

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// Trouble is the set of problems of an agent; several may occur at once.
type Trouble uint8

// Kinds of trouble, as bits.
const (
	Draining Trouble = 1 << iota
	DiskFull
	ComponentDown
	CouchBusy
	DataStuck
	ProxyEnding
)

// HostState is the condition of one agent.
type HostState struct {
	Trouble Trouble
	Since   int64 // when the trouble began, Unix s
	Time    int64 // timestamp of the last agent_info, Unix s
	Data    int64 // last upload of job counts, Unix s
	Running int   // jobs running
	Round   int   // counts the documents written: values that no test checks vary with it
}

// InitialHosts returns the condition of all agents: of ten, one drains, one has
// a full disk, and at most one is down.
func (w *World) InitialHosts() []HostState {
	d := w.dice(forInfo, -1)
	out := make([]HostState, w.cast.hosts)
	for h := range out {
		out[h] = HostState{Time: w.opts.Now - w.Phase(h)%300, Data: w.opts.Now - w.Phase(h), Running: w.hosts[h].running, Round: h}
	}
	first := d.n(len(out))
	for n, t := range []Trouble{Draining, DiskFull, ComponentDown} {
		if t == ComponentDown && d.chance(400) {
			continue
		}
		h := &out[(first+n*4)%len(out)]
		h.Trouble, h.Since = t, w.opts.Now-int64(d.between(3600, 90000))
	}
	for h := w.cast.hosts; h < len(w.hosts); h++ {
		st, _ := w.Scripted(h, w.opts.Now)
		st.Time, st.Data = w.opts.Now-w.Phase(h)%300, w.opts.Now-w.Phase(h)
		out = append(out, st)
	}
	return out
}

// Infos returns the agent_info documents of all agents and services as they
// are at the world's present.
func (w *World) Infos() []Doc {
	var docs []Doc
	for h, st := range w.InitialHosts() {
		docs = append(docs, w.Info(h, st))
	}
	census := NewCensus()
	for i := range w.opts.Workflows {
		w.CountIn(census, i, w.status(i))
	}
	for _, i := range w.Actors() {
		st := w.Initial(i)
		w.CountIn(census, i, st.Status())
	}
	return append(docs, w.Services(census, w.opts.Now-40)...)
}

func componentNames() []string {
	return []string{
		"AgentStatusWatcher", "AnalyticsDataCollector", "ArchiveDataReporter", "DBS3Upload", "ErrorHandler", "JobAccountant",
		"JobArchiver", "JobCreator", "JobStatusLite", "JobSubmitter", "JobTracker", "JobUpdater", "RetryManager",
		"RucioInjector", "TaskArchiver", "WorkflowUpdater", "WorkQueueManager",
	}
}

// Info returns the agent_info document of agent h in a condition.
func (w *World) Info(h int, st HostState) Doc {
	host := w.hosts[h]
	d := w.dice(forInfo, h<<20+st.Round+1)
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", host.name)
	j.Str("type", "agent_info")
	j.Str("agent_url", host.name)
	j.Str("agent", "WMAgent")
	j.Str("agent_team", host.team)
	j.Str("agent_version", host.version)
	j.Int("timestamp", st.Time)
	j.Str("status", st.status())
	infoComponents(j, st)
	infoDisks(j, st)
	infoDrain(j, &d, st)
	couch := 0
	if st.Trouble&CouchBusy != 0 {
		couch = 50 + d.n(40)
	}
	j.Int("couch_process_warning", int64(couch))
	if st.Trouble&ProxyEnding != 0 {
		j.Str("proxy_warning", "Agent proxy is about to expire in 4 days")
	}
	// The update handler takes it from a query string, so it is text.
	j.Str("data_last_update", fmt.Sprint(st.Data))
	if st.Trouble&DataStuck != 0 {
		j.Str("data_error", "ORA-03113: end-of-file on communication channel")
	} else {
		j.Str("data_error", "ok")
	}
	w.wmbsInfo(j, &d, h, st)
	w.queueInfo(j, &d, h)
	j.Close('}')
	return Doc{design.WMStatsDB, host.name, j.B}
}

// status follows the rules of the agent's own status watcher.
func (st HostState) status() string {
	switch {
	case st.Trouble&CouchBusy != 0:
		return "error"
	case st.Trouble&ComponentDown != 0:
		return "down"
	case st.Trouble&(Draining|DiskFull|ProxyEnding) != 0:
		return "warning"
	}
	return "ok"
}

func infoComponents(j *jsonout.Buf, st HostState) {
	down := st.Trouble&ComponentDown != 0
	j.List("down_components")
	if down {
		j.Value("JobSubmitter")
		j.Value("RucioInjector")
	}
	j.Close(']')
	j.List("down_component_detail")
	if down {
		j.Open('{')
		j.Str("name", "JobSubmitter")
		j.Int("pid", 41234)
		j.Str("worker_name", "JobSubmitterPoller")
		j.Str("state", "Timeout")
		j.Int("last_updated", st.Since)
		j.Int("update_threshold", 7200)
		j.Int("poll_interval", 120)
		j.Tenths("cycle_time", 551)
		j.Null("outcome")
		j.Null("last_error")
		j.Str("error_message", fmt.Sprintf("Last worker thread heartbeat was %d min ago", max(0, st.Time-st.Since)/60))
		j.Close('}')
		j.Value("RucioInjector") // only the name when the process is missing
	}
	j.Close(']')
	j.Object("components")
	for n, name := range componentNames() {
		j.List(name)
		j.Open('{')
		if down && name == "RucioInjector" {
			j.Str("error", "no process found")
		} else {
			j.Str("process", "python3")
			j.Str("pid", fmt.Sprint(41000+17*n))
			j.Str("status", "sleeping")
			j.Str("type", "process")
		}
		j.Close('}')
		j.Close(']')
	}
	j.Close('}')
	j.List("workers")
	for n, name := range componentNames() {
		j.Open('{')
		j.Str("name", name+"Poller")
		state, at := "Running", st.Time-int64(n*7)
		if down && name == "JobSubmitter" {
			state, at = "Timeout", st.Since
		}
		j.Str("state", state)
		j.Int("last_updated", at)
		j.Int("poll_interval", int64(120+60*(n%5)))
		j.Tenths("cycle_time", int64(20+37*n))
		j.Close('}')
	}
	j.Close(']')
}

func infoDisks(j *jsonout.Buf, st HostState) {
	j.List("disk_warning")
	if st.Trouble&DiskFull != 0 {
		j.Open('{')
		j.Str("filesystem", "/dev/vdb")
		j.Str("mounted", "/data1")
		j.Str("percent", fmt.Sprintf("%d%%", 86+st.Round%13))
		j.Close('}')
	}
	j.Close(']')
}

func infoDrain(j *jsonout.Buf, d *dice, st HostState) {
	draining := st.Trouble&Draining != 0
	j.Bool("drain_mode", draining)
	if !draining {
		return
	}
	done := st.Running < 200
	j.Object("drain_stats")
	j.Bool("workflows_completed", done)
	if done {
		j.Object("upload_status")
		j.Int("dbs_open_blocks", int64(d.n(30)))
		j.Int("dbs_notuploaded", int64(d.n(900)))
		j.Int("phedex_notuploaded", int64(d.n(200)))
		j.Close('}')
		j.Object("condor_status")
		j.Int("running", int64(st.Running))
		j.Null("idle")
		j.Close('}')
		for _, k := range []string{"local_wq_status", "local_wqinbox_status", "global_wq_status"} {
			j.Object(k)
			j.Int("Running", int64(d.n(4)))
			j.Close('}')
		}
	}
	j.Close('}')
}

func (w *World) wmbsInfo(j *jsonout.Buf, d *dice, h int, st HostState) {
	j.Object("WMBS_INFO")
	j.Object("thresholds")
	sites := w.sitesOf(h)
	for _, s := range sites {
		j.Object(s.name)
		state := one(d, []string{"Normal", "Normal", "Normal", "Normal", "Normal", "Normal", "Draining", "Down"})
		if h >= w.cast.hosts {
			state = w.castState(s.name)
		}
		j.Str("state", state)
		j.Int("pending_slots", int64(s.slots/5+10))
		j.Int("running_slots", int64(s.slots))
		j.Close('}')
	}
	j.Close('}')
	j.Object("thresholdsGQ2LQ")
	for _, s := range sites {
		j.Tenths(s.name, int64(s.slots)*d64(d, 5))
	}
	j.Close('}')
	j.Object("sitePendCountByPrio")
	for _, s := range sites {
		j.Object(s.name)
		if h >= w.cast.hosts {
			w.castWaiting(j, h, s.name)
		} else if d.chance(300) {
			j.Int("0", 0)
		} else {
			for _, p := range []string{"110000", "85000", "80000", "63000"} {
				if d.chance(600) {
					j.Int(p, int64(d.n(s.slots/8+2)))
				}
			}
		}
		j.Close('}')
	}
	j.Close('}')
	jobStates(j, d, st)
	j.Int("total_query_time", int64(d.between(3, 40)))
	j.Close('}')
}

func d64(d *dice, n int) int64 { return int64(d.n(n)) }

func jobStates(j *jsonout.Buf, d *dice, st HostState) {
	idle := st.Running * d.between(20, 70) / 100
	j.Object("wmbsCountByState")
	for _, s := range []string{"none", "new", "complete", "success", "createfailed", "submitfailed", "jobfailed", "createcooloff", "submitcooloff", "createpaused", "submitpaused", "retrydone", "exhausted", "killed"} {
		j.Int(s, int64(d.n(40)))
	}
	j.Int("created", int64(d.n(9000)))
	j.Int("executing", int64(st.Running+idle))
	j.Int("jobcooloff", int64(d.n(800)))
	j.Int("jobpaused", int64(d.n(60)))
	j.Int("cleanout", int64(800_000+d.n(900_000)))
	j.Close('}')
	types := []string{"Production", "Processing", "Merge", "LogCollect", "Cleanup", "Harvesting", "Skim"}
	for _, field := range []string{"wmbsCreatedTypeCount", "wmbsExecutingTypeCount"} {
		j.Object(field)
		rest := st.Running + idle
		for _, t := range types {
			j.Int(t, int64(rest/2))
			rest -= rest / 2
		}
		j.Close('}')
	}
	j.Object("activeRunJobByStatus")
	j.Int("New", int64(d.n(50)))
	j.Int("Idle", int64(idle))
	j.Int("Running", int64(st.Running))
	for _, s := range []string{"Held", "Removed", "TransferOutput", "Suspended", "Timeout", "Unknown"} {
		j.Int(s, int64(d.n(12)))
	}
	j.Close('}')
	j.Object("completeRunJobByStatus")
	j.Int("Completed", int64(d.n(600)))
	j.Int("Removed", int64(d.n(20)))
	j.Close('}')
}

// queueInfo writes LocalWQ_INFO.
func (w *World) queueInfo(j *jsonout.Buf, d *dice, h int) {
	j.Object("LocalWQ_INFO")
	w.workQueue(j, d, w.sitesOf(h), nil, []string{"uniqueJobsPerSite", "possibleJobsPerSite"})
	j.Int("total_query_time", int64(d.between(1, 9)))
	j.Close('}')
}

// workQueue writes the figures of a work queue, local or global. possible are
// the jobs of scenarios that may run at sites and that no agent has taken.
func (w *World) workQueue(j *jsonout.Buf, d *dice, sites []site, possible map[string]int, perSite []string) {
	states := []string{"Available", "Negotiating", "Acquired", "Running", "Done", "Failed", "CancelRequested", "Canceled"}
	j.Object("workByStatus")
	for k, s := range states {
		j.Object(s)
		if k < 4 {
			work(j, d)
			j.Int("max_jobs_elem", int64(d.between(100, 9000)))
		}
		j.Close('}')
	}
	j.Close('}')
	j.Object("workByStatusAndPriority")
	for _, s := range states[:4] {
		j.List(s)
		for _, p := range []int64{110000, 85000, 80000, 63000} {
			j.Open('{')
			j.Int("priority", p)
			work(j, d)
			j.Int("max_jobs_elem", int64(d.between(100, 9000)))
			j.Close('}')
		}
		j.Close(']')
	}
	j.Close('}')
	for _, field := range perSite {
		j.Object(field)
		for _, s := range states[:3] {
			j.Object(s)
			for _, site := range sites {
				if d.chance(600) {
					j.Object(site.name)
					work(j, d)
					j.Close('}')
				}
			}
			if s == states[0] && field == "possibleJobsPerSite" {
				for _, site := range slices.Sorted(maps.Keys(possible)) {
					j.Object(site)
					j.Int("sum_jobs", int64(possible[site]))
					j.Int("num_elem", 1)
					j.Close('}')
				}
			}
			j.Object("NoPossibleSite")
			work(j, d)
			j.Close('}')
			j.Close('}')
		}
		j.Close('}')
	}
}

func work(j *jsonout.Buf, d *dice) {
	n := d.n(300)
	j.Int("sum_jobs", int64(n*d.between(5, 400)))
	j.Int("num_elem", int64(n))
}
