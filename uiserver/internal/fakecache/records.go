// Package fakecache is a cache server for the tests of the UI server: it
// answers the API from records that a test hands over, with the filters, the
// order and the pages that links of the dashboard ask for, and it can be told
// to be away, not ready, or stale. Its sums are made naively from the records.
// It is not an implementation of the API: formats, generations and limits are
// the cache server's own business.
package fakecache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Now is the present of the records: 2026-11-21 05:43:12 UTC.
const Now = 1795239792

// Hostile are names that must be shown as text, with their links intact.
func Hostile() []string {
	return []string{
		`<script>alert("x")</script>`,
		`a"b'c&d<i>e`,
		`slash/in%2Fthe name?x=1#y`,
		"\u202eright-to-left \u05d0\u05d1\u05d2",
		strings.Repeat("long_name_", 50),
		`{{template}} ${x} ` + "`tick`",
		`.hidden`,
	}
}

// Records are what a Server answers from.
type Records struct {
	Workflows []schema.Workflow
	Agents    []schema.AgentDetail
	Sites     []schema.Site
	Campaigns []schema.Campaign
	Releases  []schema.Release
}

// Generate makes n workflows and what belongs to them; same n, same records.
func Generate(n int) Records {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	g := &generator{Rand: r}
	var out Records
	for i := range n {
		out.Workflows = append(out.Workflows, g.workflow(i))
	}
	for i, name := range Hostile() {
		w := g.workflow(n + i)
		w.Workflow, w.PrepID, w.Requestor = name, name, name
		w.Status, w.Campaign = "running-open", name
		w.Campaigns, w.Team = []string{name}, name
		if i == 0 {
			w.Status, w.StatusKnown = name, false
		}
		out.Workflows = append(out.Workflows, w)
	}
	out.Agents = g.agents()
	out.group()
	return out
}

type generator struct{ *rand.Rand }

func (g *generator) of(list ...string) string { return list[g.IntN(len(list))] }

var (
	statuses = []string{
		"assignment-approved", "assignment-approved", "staging", "acquired", "acquired", "running-open", "running-open", "running-open",
		"running-closed", "running-closed", "running-closed", "completed", "completed", "announced", "announced", "assigned", "failed",
		"closed-out", "rejected", "new", "staged", "aborted-completed", "force-complete",
	}
	siteNames = []string{
		"T1_US_FNAL", "T1_DE_KIT", "T1_IT_CNAF", "T1_UK_RAL", "T2_CH_CERN", "T2_CH_CERN_HLT", "T2_US_Caltech", "T2_US_Nebraska",
		"T2_US_Wisconsin", "T2_DE_DESY", "T2_IT_Legnaro", "T2_FR_GRIF", "T2_ES_CIEMAT", "T2_BE_IIHE", "T3_US_NERSC", "(none)",
	}
	agentNames = []string{
		"vocms0250.cern.ch", "vocms0251.cern.ch", "vocms0255.cern.ch", "cmsgwms-submit4.fnal.gov", "cmsgwms-submit6.fnal.gov",
	}
	campaignNames = []string{
		"RunIISummer20UL18GEN", "Run3Summer22wmLHEGS", "Run3Summer23BPixMiniAODv4", "RunIISummer20UL17NanoAODv9", "Phase2Spring24DIGIRECOMiniAOD",
		"Run3Winter24Digi", "HIN-HINPbPbSpring23GS", "RunIISummer20UL16DIGIPremixAPV",
	}
	releaseNames = []string{"CMSSW_10_6_28_patch1", "CMSSW_12_4_14_patch3", "CMSSW_13_0_13", "CMSSW_14_0_11", "CMSSW_14_1_0_pre4"}
)

func (g *generator) counts(scale int) schema.JobCounts {
	c := schema.JobCounts{}
	n := func(m int) int64 { return int64(g.IntN(max(m, 1))) }
	c.Success, c.Running, c.Pending = n(scale*5), n(scale*2), n(scale)
	c.QueuedFirst, c.CooloffJob, c.Transition = n(scale), n(scale/8), n(scale/20)
	if g.IntN(3) > 0 {
		c.FailureException, c.FailureSubmit = n(scale/3), n(scale/30)
	}
	if g.IntN(8) == 0 {
		c.PausedJob, c.Canceled = n(scale/10), n(scale/4)
	}
	c.SubmittedFirst = c.Running + c.Pending
	return c
}

func (g *generator) workflow(i int) schema.Workflow {
	campaign, release := g.of(campaignNames...), g.of(releaseNames...)
	prep := fmt.Sprintf("%s-%s-%05d", g.of("SUS", "HIG", "EXO", "TOP", "B2G", "SMP"), campaign, 1+i%400)
	w := schema.Workflow{
		Workflow: fmt.Sprintf("pdmvserv_task_%s__v1_T_%06d_%06d_%d", prep, 261000+i%31, 100000+i%99999, 1000+i%9000),
		Type:     g.of("TaskChain", "TaskChain", "StepChain", "ReReco", "Resubmission"), Status: g.of(statuses...), StatusKnown: true,
		Priority: int64(g.IntN(12)) * 10000, InitialPriority: 90000, Campaign: campaign, Campaigns: []string{campaign},
		Release: release, Releases: []string{release}, Team: g.of("production", "production", "relval"), Requestor: "pdmvserv", Group: "DATAOPS",
		PrepID: prep, PrepIDs: []string{prep}, ChainKind: "Task", ChainLength: 3,
		InputDatasets:  []string{"/" + campaign + "/" + prep + "/GEN-SIM"},
		OutputDatasets: []string{"/Primary/" + campaign + "-v1/AODSIM", "/Primary/" + campaign + "-v1/MINIAODSIM", "/Primary/" + campaign + "-v1/NANOAODSIM"},
		Pileups:        []string{}, SiteWhitelist: siteNames[:8], SiteBlacklist: []string{}, ScramArchs: []string{"el8_amd64_gcc11"},
		AcquisitionEras: []string{campaign}, GlobalTags: []string{"130X_mcRun3_2023_realistic_v14"}, Alerts: []string{},
		StatusTime: Now - int64(g.ExpFloat64()*3*86400), EstimatedJobs: -1, InputEvents: -1, InputLumis: -1, InputFiles: -1, RequestedEvents: -1,
		AvgOutputEvents: -1, AvgOutputLumis: -1, QueueInjection: -1, EventProgress: -1, LumiProgress: -1, SecondsLeft: -1,
		Agents: []string{}, Sites: []string{}, Multicore: 8, Memory: 16000,
	}
	w.Teams = []string{w.Team}
	if i%17 == 3 { // of a step
		inner := campaignNames[(i+1)%len(campaignNames)]
		if w.Campaigns = []string{campaign, inner}; inner == campaign {
			w.Campaigns = w.Campaigns[:1]
		}
		slices.Sort(w.Campaigns)
	}
	w.CreateTime = w.StatusTime - int64(g.IntN(10*86400))
	w.Counters = schema.JobCounts{}.Derive()
	info, _ := schema.StatusOf(w.Status)
	if info.JobInfo {
		g.run(&w)
	}
	return w
}

// run gives a workflow jobs.
func (g *generator) run(w *schema.Workflow) {
	w.Counters = g.counts(1 << g.IntN(13)).Derive()
	w.HasJobInfo = true
	first := g.IntN(len(agentNames) - 1)
	w.Agents = agentNames[first : first+1+g.IntN(2)]
	from := g.IntN(len(siteNames) - 6)
	w.Sites = siteNames[from : from+2+g.IntN(5)]
	w.AgentCount, w.SiteCount, w.TaskCount = int64(len(w.Agents)), int64(len(w.Sites)), 9
	w.EstimatedJobs = w.TotalJobs + int64(g.IntN(500))
	w.JobsInWMBS, w.JobsInQueue = w.TotalJobs, int64(g.IntN(200))
	w.QueueInjection = schema.Percent(float64(w.JobsInWMBS), float64(w.EstimatedJobs))
	w.LastAgentUpdate, w.OldestAgentUpdate = Now-120, Now-700
	if g.IntN(4) > 0 {
		w.InputEvents, w.InputLumis = 1000000, 5000
		w.OutputEvents, w.OutputLumis, w.OutputBytes = int64(g.IntN(3000000)), int64(g.IntN(16000)), int64(g.IntN(1<<40))
		w.AvgOutputEvents, w.AvgOutputLumis = float64(w.OutputEvents)/3, float64(w.OutputLumis)/3
		w.EventProgress = schema.Percent(w.AvgOutputEvents, float64(w.InputEvents))
		w.LumiProgress = schema.Percent(w.AvgOutputLumis, float64(w.InputLumis))
		w.SecondsLeft = int64(g.IntN(400000))
	}
	if w.FailureRate > 30 {
		w.Alerts = append(w.Alerts, "site_error")
	}
	if w.Success == 0 && w.Failure > 0 {
		w.Alerts = append(w.Alerts, "config_error")
	}
}

func (g *generator) agents() []schema.AgentDetail {
	var out []schema.AgentDetail
	for i, name := range agentNames {
		a := schema.AgentDetail{Agent: schema.Agent{
			Agent: name, Kind: "agent", Team: "production", Version: "2.3.7.2", UpdateTime: Now - 140, DataUpdateTime: Now - 300,
			ReportedStatus: "ok", Severity: "ok", Reasons: []string{}, DrainWaits: []string{}, DownComponents: []string{},
			Workflows: int64(100 + i), WorkersTotal: 40, Counters: g.counts(4000).Derive(),
		}}
		switch i {
		case 1:
			a.Severity, a.Draining, a.DrainWaits = "drain", true, []string{"12 workflows", "310 running jobs"}
			a.Reasons = []string{"draining"}
		case 2:
			a.Severity, a.Reasons, a.DiskWarnings = "warning", []string{"disk /data1 is 91 % full", "proxy ends in 2 days"}, 1
			a.Disks = []schema.AgentDisk{{Agent: name, Mount: "/data1", Filesystem: "/dev/vdb", UsedPercent: 91}}
		case 3:
			a.Severity, a.DownComponents, a.UpdateTime = "error", []string{"JobSubmitter"}, Now-5400
			a.Reasons = []string{"no report for 1 h 30 min", `component JobSubmitter is down: <b>Traceback</b> "quoted"`}
			a.Components = []schema.AgentComponent{{Agent: name, Component: "JobSubmitter", Down: true, WorkerName: "JobSubmitterPoller", State: "Error", LastUpdate: Now - 6000, PID: 123456, Error: `Exception: <script>alert(1)</script>`}}
		}
		for _, site := range siteNames[:6] {
			a.Sites = append(a.Sites, schema.AgentSite{Agent: name, Site: site, State: "Normal", RunningSlots: 5000, PendingSlots: 2000, PendingJobs: int64(g.IntN(900)), FreeForQueue: 1200.5})
		}
		for k, site := range siteNames[:4] {
			for _, priority := range []int64{63000, 90000, 110000}[:1+k%3] {
				a.SitePriorities = append(a.SitePriorities, schema.AgentSitePriority{Agent: name, Site: site, Priority: priority, Jobs: int64(1 + g.IntN(900))})
			}
		}
		a.JobStates = []schema.AgentJobState{
			{Agent: name, Source: "wmbs", State: "executing", Jobs: 5120}, {Agent: name, Source: "created_type", State: "Production", Jobs: 300},
			{Agent: name, Source: "local_queue", State: "Running", Jobs: 900, Elements: 12, MaxJobs: 400},
		}
		out = append(out, a)
	}
	service := schema.Agent{Agent: "global_workqueue", Kind: "service", Version: "2.3.7", UpdateTime: Now - 60, Severity: "ok", Reasons: []string{}}
	service.Counters = schema.JobCounts{}.Derive()
	hostile := schema.Agent{Agent: Hostile()[0], Kind: "service", Severity: "unknown", Reasons: []string{Hostile()[1]}, Counters: service.Counters}
	return append(out, schema.AgentDetail{Agent: service}, schema.AgentDetail{Agent: hostile})
}

// group sums the workflows up by campaign, release and site.
func (r *Records) group() {
	campaigns, releases := map[string]*schema.Campaign{}, map[string]*schema.Release{}
	sites := map[string]*schema.Site{}
	for _, w := range r.Workflows {
		c := campaigns[w.Campaign]
		if c == nil {
			c = &schema.Campaign{Campaign: w.Campaign, Rollup: schema.Rollup{EventProgress: -1, LumiProgress: -1}}
			campaigns[w.Campaign] = c
		}
		addTo(&c.Rollup, &c.Counters, w)
		l := releases[w.Release]
		if l == nil {
			l = &schema.Release{Release: w.Release, Rollup: schema.Rollup{EventProgress: -1, LumiProgress: -1}}
			releases[w.Release] = l
		}
		addTo(&l.Rollup, &l.Counters, w)
		for _, name := range w.Campaigns {
			if name == w.Campaign {
				continue
			}
			if campaigns[name] == nil {
				campaigns[name] = &schema.Campaign{Campaign: name, Rollup: schema.Rollup{EventProgress: -1, LumiProgress: -1, MaxPriority: -1}, Counters: schema.JobCounts{}.Derive()}
			}
			campaigns[name].StepWorkflows++
		}
		for _, name := range w.Sites {
			s := sites[name]
			if s == nil {
				s = &schema.Site{Site: name, State: "Normal", StateAgents: agentNames[:1], Agents: 3, RunningSlots: 5000, PendingSlots: 2500}
				if parts := strings.Split(name, "_"); len(parts) > 2 {
					s.Tier, s.Country = parts[0], parts[1]
				}
				sites[name] = s
			}
			s.Workflows++
			counts := s.JobCounts
			counts.Add(&w.JobCounts)
			s.Counters = counts.Derive()
		}
	}
	for _, w := range r.Workflows { // in the order of the records, so that the same n gives the same bytes
		if c := campaigns[w.Campaign]; c != nil {
			r.Campaigns = append(r.Campaigns, *c)
			delete(campaigns, w.Campaign)
		}
		if l := releases[w.Release]; l != nil {
			r.Releases = append(r.Releases, *l)
			delete(releases, w.Release)
		}
	}
	for _, name := range siteNames {
		if s := sites[name]; s != nil {
			r.Sites = append(r.Sites, *s)
		}
	}
	hostile := schema.Site{Site: Hostile()[0], StateAgents: []string{}, RunningSlots: -1, PendingSlots: -1, FreeForQueue: -1, Counters: schema.JobCounts{}.Derive()}
	r.Sites = append(r.Sites, hostile)
}

// siteDetails are the sites with what two agents say of each.
func (r *Records) siteDetails() []schema.SiteDetail {
	out := make([]schema.SiteDetail, 0, len(r.Sites))
	for _, s := range r.Sites {
		d := schema.SiteDetail{Site: s, AgentStates: []schema.SiteAgent{}}
		for i, name := range agentNames[:2] {
			d.AgentStates = append(d.AgentStates, schema.SiteAgent{
				AgentSite:  schema.AgentSite{Agent: name, Site: s.Site, State: []string{"Normal", "Down"}[i], RunningSlots: 5000, PendingSlots: 2500, FreeForQueue: 3.5, PendingJobs: 12},
				UpdateTime: Now - int64(i)*90_000, Alive: i == 0,
			})
		}
		out = append(out, d)
	}
	return out
}

func addTo(r *schema.Rollup, c *schema.Counters, w schema.Workflow) {
	r.Workflows++
	r.MaxPriority = max(r.MaxPriority, w.Priority)
	if r.OldestStatusTime == 0 || w.StatusTime < r.OldestStatusTime {
		r.OldestStatusTime = w.StatusTime
	}
	if w.InputEvents > 0 {
		r.InputEvents += w.InputEvents
		r.OutputEvents += w.AvgOutputEvents
		r.EventProgress = schema.Percent(r.OutputEvents, float64(r.InputEvents))
	}
	if w.InputLumis > 0 {
		r.InputLumis += w.InputLumis
		r.OutputLumis += w.AvgOutputLumis
		r.LumiProgress = schema.Percent(r.OutputLumis, float64(r.InputLumis))
	}
	info, _ := schema.StatusOf(w.Status)
	switch info.Group {
	case "Waiting":
		r.Waiting++
	case "InTransfer":
		r.InTransfer++
	case "InQueue":
		r.InQueue++
	case "RunningWorkflows":
		r.RunningWorkflows++
	case "Done":
		r.Done++
	case "Bad":
		r.Bad++
	}
	counts := c.JobCounts
	counts.Add(&w.JobCounts)
	*c = counts.Derive()
}

// Widen gives records the numbers that production has: so many sites,
// campaigns, releases and agents, copied from those that are there under names
// of the usual length. Their workflows stay as they are.
func (r *Records) Widen(sites, campaigns, releases, agents int) {
	r.Sites = widened(r.Sites, sites, func(s *schema.Site, i int) { s.Site = fmt.Sprintf("T2_%02d_Laboratory%03d", i%60, i) })
	r.Campaigns = widened(r.Campaigns, campaigns, func(c *schema.Campaign, i int) { c.Campaign = fmt.Sprintf("RunIISummer20UL17NanoAOD%03d", i) })
	r.Releases = widened(r.Releases, releases, func(l *schema.Release, i int) { l.Release = fmt.Sprintf("CMSSW_13_0_%d_patch1", i) })
	r.Agents = widened(r.Agents, agents, func(a *schema.AgentDetail, i int) { a.Agent.Agent = fmt.Sprintf("cmsgwms-submit%03d.fnal.gov", i) })
}

// widened repeats the records that have a name of a usual form.
func widened[T any](all []T, n int, rename func(*T, int)) []T {
	known := len(all)
	for i := known; i < n; i++ {
		one := all[i%min(known, 5)]
		rename(&one, i)
		all = append(all, one)
	}
	return all
}
