package gen

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// Doc is one raw document.
type Doc struct {
	DB   string
	ID   string
	JSON []byte // with _id, and with _rev where the writer invents it
}

// agentWriter writes the agent_request documents of one workflow.
type agentWriter struct {
	w     *World
	sk    *Sketch
	st    *State
	tasks []task
	j     jsonout.Buf

	cells []Counts // by site, of the task being written
	sites []Counts // by site, of the document
	perf  []int64  // by site: jobs whose reports name it
	total Counts
}

// share splits whole over the agents: later agents get less. The shares of all
// agents add up to whole.
func share(whole, k, n int64) int64 {
	weight := func(k int64) int64 { return k*(2*n+1) - k*k } // sum of 2n-2i over i < k
	return whole*weight(k+1)/weight(n) - whole*weight(k)/weight(n)
}

// agentReports returns the agent_request documents of a workflow, one per
// agent.
func (w *World) agentReports(sk *Sketch, st *State) []Doc {
	if len(st.Agents) == 0 {
		return nil
	}
	a := newAgentWriter(w, sk, st)
	docs := make([]Doc, len(st.Agents))
	for k := range st.Agents {
		docs[k] = a.doc(k)
	}
	return docs
}

func newAgentWriter(w *World, sk *Sketch, st *State) *agentWriter {
	n := len(w.sites)
	return &agentWriter{
		w: w, sk: sk, st: st, tasks: sk.tasks(w.opts.Lean),
		cells: make([]Counts, n), sites: make([]Counts, n), perf: make([]int64, n),
	}
}

func (a *agentWriter) doc(k int) Doc {
	ag := a.st.Agents[k]
	h := a.w.hosts[ag.Host]
	id := h.name + "-" + a.sk.Name
	clear(a.sites)
	a.total = Counts{}
	j := &a.j
	j.Reset()
	j.Open('{')
	j.Str("_id", id)
	j.Str("_rev", Rev(id, ag.Revs))
	j.Str("type", "agent_request")
	j.Str("workflow", a.sk.Name)
	j.Str("agent_url", h.name)
	j.Str("agent", "WMAgent")
	j.Str("agent_team", h.team)
	j.Str("agent_version", h.version)
	j.Int("timestamp", ag.Time)
	j.Bool("skipped", a.skips(k))
	j.Object("tasks")
	if !a.st.Cleaned {
		for t := range a.tasks {
			a.task(k, t)
		}
	}
	j.Close('}')
	j.Object("sites")
	for s := range a.sites {
		if a.sites[s] != (Counts{}) {
			j.Object(a.w.sites[s].name)
			a.sites[s].write(j)
			j.Close('}')
		}
	}
	j.Close('}')
	j.Object("status")
	if !a.st.Cleaned {
		a.total.write(j)
		inWMBS, inQueue := a.pulled(k)
		j.NonZero("inWMBS", inWMBS)
		j.NonZero("inQueue", inQueue)
	}
	j.Close('}')
	j.Close('}')
	return Doc{design.WMStatsDB, id, bytes.Clone(j.B)}
}

// Rev is the revision that an agent invents for the n-th write of a document.
func Rev(id string, n int32) string {
	hash := uint64(n)
	for i := range len(id) {
		hash = (hash ^ uint64(id[i])) * 0x100000001b3
	}
	return strconv.Itoa(int(n)) + "-" + strconv.FormatUint(mix(hash)%10_000_000_000, 10)
}

// pulled returns how many of the estimated jobs an agent has taken, and how
// many wait in its own queue.
func (a *agentWriter) pulled(k int) (inWMBS, inQueue int64) {
	mine := share(int64(a.sk.Jobs), int64(k), int64(len(a.st.Agents)))
	if a.st.Status() != RunningOpen {
		return mine, 0
	}
	inWMBS = mine * createdShare(a.lead(true), int64(a.st.Agents[k].Done)) / Ended
	return inWMBS, (mine - inWMBS) / 2
}

// lead is the share of jobs that agents create before the first one ends. Once
// nothing is left to pull from the global queue, it is all jobs of the first
// task; later tasks wait for their input.
func (a *agentWriter) lead(top bool) int64 {
	luck := int64(mix(uint64(a.sk.Index)^a.w.opts.Seed<<32) % 1000)
	switch {
	case !top:
		return 20_000 + 50*luck
	case a.st.Passed(RunningClosed):
		return Ended
	}
	return 20_000 + 310*luck
}

// task writes one task and adds its counters to the document's.
func (a *agentWriter) task(k, t int) {
	tk, ag, j := &a.tasks[t], &a.st.Agents[k], &a.j
	done := taskDone(int64(ag.Done), tk.start)
	if a.fixed() && !tk.top {
		done = 0
	}
	mine := share(int64(a.sk.Jobs), int64(k), int64(len(a.st.Agents)))
	jobs := mine
	if !tk.top {
		jobs = (mine*int64(tk.ratio) + 999) / 1000
	}
	j.Object(tk.path)
	j.Str("jobtype", tk.jobType)
	a.subscription(ag, done, jobs)
	if done > 0 {
		status := a.spread(k, t, jobs, done)
		if status != (Counts{}) {
			a.taskSites(k, tk, jobs)
			j.Object("status")
			status.write(j)
			j.Close('}')
			a.total.add(&status)
		}
		if a.skips(k) && tk.top {
			j.Object("skipped")
			j.Object(a.w.sites[a.sk.Sites[0]].name)
			j.Int("skippedFile", 1+int64(ag.Done)/300_000)
			j.Close('}')
			j.Close('}')
		}
	}
	j.Close('}')
}

// skips reports whether jobs of this agent skipped input files.
func (a *agentWriter) skips(k int) bool {
	return a.sk.Files > 0 && !a.st.Cleaned && mix(uint64(a.sk.Index)*8+uint64(k))%50 == 0
}

func (a *agentWriter) subscription(ag *AgentState, done, jobs int64) {
	total := 1 + jobs/400
	finished := total * done / Ended
	j := &a.j
	j.Object("subscription_status")
	j.Int("finished", finished)
	j.Int("open", total-finished)
	j.Int("total", total)
	// The time follows from the state alone: a rewrite without progress is the
	// same document.
	from := a.st.TimeOf(RunningOpen)
	j.Int("updated", from+60+int64(ag.Done)*3600*24/Ended)
	j.Close('}')
}

// spread fills cells with the task's jobs by site and returns the sum of the
// task, including jobs without a site.
func (a *agentWriter) spread(k, t int, jobs, done int64) (status Counts) {
	sum := int64(0)
	for _, s := range a.sk.Sites {
		sum += a.weight(k, s)
	}
	clear(a.cells)
	clear(a.perf)
	if a.fixed() {
		return a.place(k)
	}
	before, lead := int64(0), a.lead(a.tasks[t].top)
	for _, s := range a.sk.Sites {
		after := before + a.weight(k, s)
		c := cell{jobs: jobs*after/sum - jobs*before/sum, done: done, lead: lead, killed: a.st.killed()}
		before = after
		if c.jobs == 0 {
			continue
		}
		c.luck = mix(mix(uint64(a.sk.Index)<<20^a.w.opts.Seed) ^ uint64(t<<12|k<<8|s))
		c.fail = a.failPermille(t, s)
		c.createUp = a.sk.createUp()
		placed, unplaced := c.counts()
		a.cells[s] = placed
		a.sites[s].add(&placed)
		status.add(&placed)
		status.add(&unplaced)
		reported := s
		if a.w.sites[s].storage != "" {
			reported = siteHLT - 1
		}
		a.perf[reported] += placed.Success
	}
	return status
}

// fixed reports whether a scenario decides the counts: all are of the first task.
func (a *agentWriter) fixed() bool { return a.sk.actor != nil && a.sk.actor.work != nil }

// place fills cells with what the scenario decides for agent k, and returns the
// sum.
func (a *agentWriter) place(k int) (status Counts) {
	for _, p := range a.sk.actor.work {
		if a.w.cast.hosts+p.host != int(a.st.Agents[k].Host) {
			continue
		}
		s, c := a.w.cast.sites+p.site, p.counts
		status.add(&c)
		c.QueuedFirst = 0 // these jobs have no site yet
		a.cells[s].add(&c)
		a.sites[s].add(&c)
		a.perf[s] += c.Success
	}
	return status
}

// weight is the share of site s in the jobs of agent k: the first agent uses
// all sites, the others about half.
func (a *agentWriter) weight(k, s int) int64 {
	if k > 0 && s != a.sk.Sites[0] && mix(uint64(a.sk.Index*97+k*13+s))%2 == 0 {
		return 0
	}
	return int64(a.w.sites[s].weight)
}

// failPermille is the failure share of task t at site s: a bad site fails for
// everybody; merging and cleaning fail less.
func (a *agentWriter) failPermille(t, s int) int64 {
	rate := int64(max(a.sk.FailPermille, a.w.badSites[s].permille))
	if !a.tasks[t].top && a.tasks[t].dataset == "" {
		rate /= 3
	}
	return rate
}

// taskSites writes the sites of a task: jobs under the processing name, data
// from job reports under the storage name.
func (a *agentWriter) taskSites(k int, tk *task, jobs int64) {
	j := &a.j
	j.Object("sites")
	for s := range a.cells {
		c := &a.cells[s]
		if *c == (Counts{}) && a.perf[s] == 0 {
			continue
		}
		j.Object(a.w.sites[s].name)
		c.write(j)
		if a.perf[s] > 0 && !a.w.opts.Lean {
			a.performance(tk, s)
		}
		if a.perf[s] > 0 {
			a.output(k, tk, s, jobs)
		}
		j.Close('}')
	}
	j.Close('}')
}

func (a *agentWriter) performance(tk *task, s int) {
	n := a.perf[s]
	perJob := int64(a.sk.EventsPerJob)*2 + int64(mix(uint64(a.sk.Index*131+s))%900)
	if !tk.top {
		perJob = 40 + perJob/60
	}
	j := &a.j
	j.Int("wrappedTotalJobTime", n*perJob)
	j.Object("cmsRunCPUPerformance")
	j.Tenths("totalJobCPU", n*perJob*9)
	j.Tenths("totalJobTime", n*perJob*97/10)
	j.Tenths("totalEventCPU", n*perJob*88/10)
	j.Close('}')
	events := int64(0)
	if tk.dataset != "" || a.sk.Files > 0 {
		events = n * int64(a.sk.EventsPerJob)
	}
	j.Int("inputEvents", events)
}

// output writes the merged output of a task at one site: the workflow's events
// in proportion to the merge jobs that succeeded there.
func (a *agentWriter) output(k int, tk *task, s int, jobs int64) {
	j := &a.j
	j.Object("dataset")
	if tk.dataset != "" && jobs > 0 {
		mine := share(int64(a.sk.Jobs), int64(k), int64(len(a.st.Agents)))
		events := mine * int64(a.sk.EventsPerJob) / jobs * a.perf[s]
		j.Object(tk.dataset)
		j.Int("events", events)
		j.Int("totalLumis", max(1, mine*int64(a.sk.LumisPerJob)/jobs*a.perf[s]))
		j.Int("size", events*sizeOf(tk.dataset))
		j.Close('}')
	}
	j.Close('}')
}

// sizeOf is the size of one event in bytes by data tier.
func sizeOf(dataset string) int64 {
	tier := dataset[strings.LastIndexByte(dataset, '/')+1:]
	switch tier {
	case "NANOAODSIM", "NANOAOD":
		return 3_000
	case "MINIAODSIM", "MINIAOD":
		return 55_000
	case "AODSIM", "AOD":
		return 420_000
	case "LHE":
		return 9_000
	}
	return 1_100_000
}
