package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// start is the time at which test records were made.
const start = 1_760_000_000

// maker makes realistic changes; same seed, same changes.
type maker struct {
	rng      *rand.Rand
	statuses []schema.StatusInfo
}

func newMaker(seed uint64) *maker {
	return &maker{rng: rand.New(rand.NewPCG(seed, 7)), statuses: schema.Statuses()}
}

func pick[T any](m *maker, list ...T) T { return list[m.rng.IntN(len(list))] }

// zipf returns 0..n-1, small numbers more often.
func (m *maker) zipf(n int) int { return int(math.Pow(m.rng.Float64(), 3) * float64(n)) }

func (m *maker) campaign() string {
	if m.rng.IntN(30) == 0 {
		return ""
	}
	return fmt.Sprintf("Run3Summer%dwmLHEGS-%03d", 20+m.zipf(6), m.zipf(400))
}

func (m *maker) release() string {
	return fmt.Sprintf("CMSSW_%d_%d_%d", 10+m.zipf(5), m.zipf(4), m.zipf(20))
}

func (m *maker) site() string {
	return fmt.Sprintf("T%d_%s_Site%02d", 1+m.zipf(3), pick(m, "US", "DE", "CH", "IT"), m.zipf(20))
}

func (m *maker) sites(n int) []string {
	out := []string{}
	for range n {
		out = append(out, m.site())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (m *maker) datasets(n int, tier string) []string {
	out := []string{}
	for range n {
		out = append(out, fmt.Sprintf("/Primary%d_TuneCP5_13p6TeV-madgraphMLM-pythia8/%s-%d_v%d/%s", m.rng.IntN(1e6), "Run3Summer22", m.rng.IntN(900), 1+m.rng.IntN(3), tier))
	}
	return out
}

func nameOf(i int) string {
	return fmt.Sprintf("pdmvserv_task_%s-Run3Summer22wmLHEGS-%05d__v1_T_25%04d_%06d_%04d",
		[]string{"EXO", "HIG", "SUS", "TOP", "SMP"}[i%5], i/5, i%1231, i%86399, i%9973)
}

// request makes the request's side of a record.
func (m *maker) request(name string) *schema.Workflow {
	w := &schema.Workflow{Workflow: name}
	w.Type = pick(m, "TaskChain", "TaskChain", "StepChain", "ReReco", "Resubmission")
	w.SubType = pick(m, "", "", "", "RelVal")
	s := pick(m, m.statuses[:16]...)
	w.Status, w.StatusKnown = s.Status, true
	if m.rng.IntN(50) == 0 {
		w.Status, w.StatusKnown = "testing-approved", false
	}
	w.StatusTime = start - int64(math.Exp(m.rng.NormFloat64()*1.5+12))
	if m.rng.IntN(40) == 0 {
		w.StatusTime = 0
	}
	w.CreateTime = start - int64(m.rng.IntN(200*86400))
	w.Priority = pick[int64](m, 63000, 70000, 80000, 85000, 90000, 110000, int64(m.rng.IntN(1e6)))
	w.InitialPriority = w.Priority
	w.Campaign, w.Release = m.campaign(), m.release()
	w.Campaigns, w.Releases = []string{w.Campaign}, []string{w.Release}
	if m.rng.IntN(4) == 0 {
		w.Campaigns = append(w.Campaigns, m.campaign())
	}
	w.Team = pick(m, "production", "production", "relval", "")
	w.Requestor, w.Group = "user"+string(rune('a'+m.zipf(20))), pick(m, "ppd", "dataops")
	w.PrepID = fmt.Sprintf("%s-Run3Summer22-%05d", pick(m, "EXO", "HIG", "SUS"), m.rng.IntN(90000))
	w.PrepIDs = []string{w.PrepID}
	w.ChainKind, w.ChainLength = pick(m, "Task", "Step", ""), int64(m.zipf(9))
	w.InputDatasets, w.OutputDatasets = m.datasets(m.rng.IntN(2), "RAW"), m.datasets(m.rng.IntN(4), "NANOAODSIM")
	w.Pileups = []string{fmt.Sprintf("/Neutrino_E-10_gun/RunIISummer20ULPrePremix-%d/PREMIX", m.zipf(12))}
	w.SiteWhitelist, w.SiteBlacklist = m.sites(m.zipf(12)), []string{}
	w.ScramArchs = []string{pick(m, "slc7_amd64_gcc700", "el8_amd64_gcc10")}
	w.AcquisitionEras = []string{w.Campaign}
	w.GlobalTags = []string{fmt.Sprintf("130X_mcRun3_2022_realistic_v%d", m.zipf(9))}
	if w.Type == "Resubmission" {
		w.OriginalRequest = nameOf(m.rng.IntN(1000))
		w.InitialTask = "/" + w.OriginalRequest + "/DataProcessing"
	}
	w.EstimatedJobs, w.InputEvents, w.InputLumis = pick[int64](m, -1, 300, 20000), pick[int64](m, -1, 1e6), pick[int64](m, -1, 500)
	w.InputFiles, w.RequestedEvents = pick[int64](m, -1, 40), pick[int64](m, -1, 1e5, 3e7)
	w.Multicore, w.Memory = pick[int64](m, 1, 4, 8), pick[int64](m, 2000, 8000, 15900)
	w.TimePerEvent, w.SizePerEvent = m.rng.Float64()*100, 512.5
	schema.Join(w, nil)
	w.Alerts = []string{}
	return w
}

func (m *maker) counts(scale float64) (c schema.JobCounts) {
	n := func() int64 { return int64(m.rng.ExpFloat64() * scale) }
	c.Success, c.Running, c.Pending = n(), n()/3, n()/4
	c.SubmittedFirst = c.Running + c.Pending
	if m.rng.IntN(3) == 0 {
		c.FailureException, c.CooloffJob, c.PausedJob, c.QueuedFirst = n()/10, n()/20, n()/50, n()
	}
	return c
}

// part makes one agent's report on a workflow.
func (m *maker) part(workflow, agent string, time int64) *schema.AgentReport {
	p := &schema.AgentReport{
		Workflow: workflow, Agent: agent, Team: "production", AgentVersion: "2.3." + string(rune('0'+m.zipf(5))), Time: time,
		JobsInWMBS: int64(m.zipf(300)), Skipped: m.rng.IntN(20) == 0,
	}
	for _, site := range m.sites(1 + m.zipf(12)) {
		c := m.counts(200)
		p.Sites = append(p.Sites, schema.SiteReport{Site: site, Counts: c})
		p.Counts.Add(&c)
	}
	if m.rng.IntN(3) == 0 {
		p.Sites = append(p.Sites, schema.SiteReport{Site: "(unknown)", Counts: m.counts(3)})
		p.Counts.Add(&p.Sites[len(p.Sites)-1].Counts)
	}
	p.Counts.Add(&schema.JobCounts{QueuedFirst: int64(m.rng.IntN(2))})
	slices.SortFunc(p.Sites, func(a, b schema.SiteReport) int { return strings.Compare(a.Site, b.Site) })
	for _, d := range m.datasets(m.rng.IntN(3), "MINIAODSIM") {
		p.Outputs = append(p.Outputs, schema.OutputReport{Dataset: d, Events: int64(m.rng.IntN(1e6)), Lumis: int64(m.rng.IntN(1e3)), Bytes: m.rng.Int64N(1e13)})
	}
	for range m.zipf(15) {
		p.Tasks = append(p.Tasks, m.rng.Uint64())
	}
	slices.Sort(p.Tasks)
	return p
}

func (m *maker) requestChange(name string) join.Change {
	return join.Change{Kind: join.Request, ID: name, Hash: m.rng.Uint64() | 1, Workflow: m.request(name)}
}

func (m *maker) partChange(workflow string, agent int, time int64) join.Change {
	host := fmt.Sprintf("vocms%04d.cern.ch", agent)
	return join.Change{Kind: join.AgentReport, ID: host + "-" + workflow, Hash: m.rng.Uint64() | 1, Time: time, Report: m.part(workflow, host, time)}
}

func (m *maker) infoChange(agent int, time int64) join.Change {
	host := fmt.Sprintf("vocms%04d.cern.ch", agent)
	d := &schema.AgentDetail{Agent: schema.Agent{Agent: host, Kind: "agent", Team: "production", UpdateTime: time}}
	for _, site := range m.sites(5) {
		d.Sites = append(d.Sites, schema.AgentSite{Agent: host, Site: site, State: pick(m, "Normal", "Drain"), PendingSlots: 10, RunningSlots: 20, FreeForQueue: 1.5})
	}
	return join.Change{Kind: join.AgentInfo, ID: host, Hash: m.rng.Uint64() | 1, Time: time, Info: d}
}
