package gen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is a request type.
type Kind uint8

// The request types that ReqMgr accepts.
const (
	TaskChain Kind = iota
	StepChain
	ReReco
	Resubmission
	DQMHarvest
	StoreResults
)

// String returns the name in documents.
func (k Kind) String() string {
	return [...]string{"TaskChain", "StepChain", "ReReco", "Resubmission", "DQMHarvest", "StoreResults"}[k]
}

// Step is one step of a chain, or the only step of another request.
type Step struct {
	Name, Input, Release, Campaign, PrepID, GlobalTag, ScramArch string
	InputDataset, Pileup                                         string
	Keep                                                         bool
	Outputs                                                      []Output
}

// Output is the output of one output module of a step.
type Output struct{ Module, Dataset string }

// Sketch holds everything about a workflow that does not change while it runs,
// except its tasks.
type Sketch struct {
	Index                                       int
	Name                                        string // <string>_<yymmdd>_<hhmmss>_<n>, distinct for each Index
	Kind                                        Kind
	SubType, Campaign, Release, Team, Requestor string
	Group, PrepID, Original, InitialTask        string
	RequestString                               string
	Steps                                       []Step
	Tasked                                      bool  // steps are tasks of their own (TaskChain), not parts of one (StepChain)
	Sites                                       []int // positions of the sites it runs at, ascending
	Jobs                                        int   // TotalEstimatedJobs
	EventsPerJob, LumisPerJob, Files            int
	FailPermille                                int // of ended jobs, at sites in order
	Multicore, Memory                           int
	data                                        bool
	original                                    int // Index of Original
	edge                                        edge
	actor                                       *actor // nil, or what a scenario decides
}

// head holds the facts about a workflow that are cheap to compute.
type head struct {
	kind     Kind
	relval   bool
	campaign int
}

func (w *World) head(i int) head {
	d := w.dice(forKind, i)
	h := head{kind: Kind(w.kindWeights.draw(&d)), relval: d.chance(40), campaign: w.campaignWeights.draw(&d)}
	if h.kind == Resubmission {
		j, ok := w.originalOf(i)
		if !ok {
			h.kind = TaskChain
			return h
		}
		o := w.head(j)
		h.relval, h.campaign = o.relval, o.campaign
	}
	if h.kind > StepChain && h.kind != Resubmission {
		h.relval = false
	}
	return h
}

// originalOf finds the workflow that Resubmission i recovers: any other one
// that is not itself a Resubmission.
func (w *World) originalOf(i int) (j int, ok bool) {
	if w.opts.Workflows == 0 {
		return 0, false
	}
	d := w.dice(forKind, -i-1)
	for range 16 {
		j = d.n(w.opts.Workflows)
		other := w.dice(forKind, j)
		if j != i && Kind(w.kindWeights.draw(&other)) != Resubmission {
			return j, true
		}
	}
	return 0, false
}

// Sketch returns the constant facts of workflow i, which was created at the
// given time.
func (w *World) Sketch(i int, created int64) *Sketch {
	if a := w.actor(i); a != nil {
		return w.sketchActor(i, a, created)
	}
	d := w.dice(forSketch, i)
	h := w.head(i)
	sk := &Sketch{Index: i, Kind: h.kind, Tasked: h.kind == TaskChain, edge: w.edgeOf(i)}
	if h.kind == Resubmission {
		w.sketchRecovery(sk)
	} else {
		c := w.campaigns[h.campaign]
		sk.Campaign, sk.data = c.name, c.data || h.kind == ReReco || h.kind == DQMHarvest
		sk.Release = w.releases[c.release]
		if d.chance(150) {
			sk.Release = w.releases[w.releaseWeights.draw(&d)]
		}
		sk.Team, sk.Requestor, sk.Group = "production", one(&d, []string{"pdmvserv", "cmsunified", "pdmvserv"}), one(&d, []string{"DATAOPS", "PPD", "ppd"})
		if h.relval {
			sk.Team, sk.SubType, sk.Requestor = "relval", "RelVal", "relval"
		}
		w.nameRequest(&d, sk)
		w.sketchSteps(&d, sk, c)
	}
	sk.Name = sk.Requestor + "_" + sk.RequestString + "_" + nameTail(i, created)
	w.sketchWork(&d, sk)
	sk.Sites = w.drawSites(i)
	return sk
}

// nameTail returns the end of a name. Minute, second and the last number encode
// i, so that no two workflows share a name, whatever the rest of the name is.
func nameTail(i int, created int64) string {
	low, high := i%10000, i/10000
	ms := int(mix(uint64(low))%3600) + 7*high
	b := time.Unix(created, 0).UTC().AppendFormat(make([]byte, 0, 24), "060102_15")
	for _, v := range []int{ms / 60 % 60, ms % 60} {
		b = append(b, '0'+byte(v/10), '0'+byte(v%10))
	}
	return string(strconv.AppendInt(append(b, '_'), int64(low), 10))
}

func (w *World) nameRequest(d *dice, sk *Sketch) {
	number := strconv.Itoa(100_000 + d.n(100_000))[1:]
	pwg := one(d, []string{"EXO", "HIG", "SUS", "TOP", "SMP", "B2G", "BPH", "BTV", "EGM", "JME", "MUO", "TAU", "TRK", "PPD", "HIN", "TSG"})
	switch {
	case sk.data:
		sk.PrepID = "ReReco-" + sk.Campaign + "-" + one(d, primaryData()) + "-" + number
		sk.RequestString = sk.Campaign + "_" + one(d, primaryData())
	case d.chance(80):
		sk.Requestor = one(d, requestors())
		sk.RequestString = sk.Kind.String() + "_" + one(d, []string{"Backfill", "PU_HG2410_Val", "Test_v3", "Tasks_Scale"})
		sk.PrepID = "TEST-" + pwg + "-" + sk.Campaign + "-" + number
	default:
		sk.PrepID = "task_" + pwg + "-" + sk.Campaign + "-" + number
		sk.RequestString = sk.PrepID + "__v" + strconv.Itoa(1+d.n(2)) + "_T"
	}
}

// requestors are the logins of people; no real one is among them.
func requestors() []string {
	return []string{"opsalpha", "opsbravo", "opscharlie", "opsdelta", "opsecho"}
}

func primaryData() []string {
	return []string{"MuonEG", "JetMET0", "JetMET1", "EGamma0", "Muon0", "Muon1", "Tau", "BTagMu", "ParkingDoubleMuonLowMass0", "ZeroBias", "MinimumBias", "DisplacedJet", "HIPhysicsRawPrime3", "ScoutingPFMonitor"}
}

// sketchRecovery turns sk into a recovery of a part of another workflow.
func (w *World) sketchRecovery(sk *Sketch) {
	sk.original, _ = w.originalOf(sk.Index)
	st := w.Initial(sk.original)
	o := w.Sketch(sk.original, st.Created())
	d := w.dice(forSketch, -sk.Index-1)
	tasks := o.tasks(w.opts.Lean)
	work := make([]task, 0, len(tasks))
	for _, t := range tasks {
		if t.jobType != "LogCollect" && t.jobType != "Cleanup" {
			work = append(work, t)
		}
	}
	sk.Original, sk.InitialTask = o.Name, one(&d, work).path
	sk.Campaign, sk.Release, sk.Team, sk.SubType, sk.Group = o.Campaign, o.Release, o.Team, o.SubType, o.Group
	sk.PrepID, sk.Steps, sk.Tasked, sk.data = o.PrepID, o.Steps, o.Tasked, o.data
	sk.Requestor = "cmsunified"
	sk.RequestString = fmt.Sprintf("ACDC%d_%s", d.n(3), strings.TrimPrefix(o.RequestString, "ACDC0_"))
}

// sketchWork draws the amount of work and the failure rate.
func (w *World) sketchWork(d *dice, sk *Sketch) {
	sk.Jobs = d.logNormal(300, 2.55, 500_000)
	if sk.Kind == Resubmission {
		sk.Jobs = 1 + sk.Jobs/20
	}
	sk.EventsPerJob = d.logNormal(1200, 0.8, 40000)
	sk.LumisPerJob = 1 + sk.EventsPerJob/d.between(60, 400)
	if sk.Steps[0].InputDataset != "" {
		sk.Files = 1 + sk.Jobs*d.between(2, 20)/10
	}
	switch p := d.n(100); {
	case p < 45:
		sk.FailPermille = d.n(4)
	case p < 70:
		sk.FailPermille = d.n(18)
	case p < 90:
		sk.FailPermille = d.between(25, 195)
	case p < 98:
		sk.FailPermille = d.between(205, 840)
	default:
		sk.FailPermille = d.between(870, 1000)
	}
	sk.Multicore = one(d, []int{8, 8, 8, 4, 1, 2})
	sk.Memory = 1000 + sk.Multicore*one(d, []int{1300, 1500, 1862, 2000})
}

// createUp reports that jobs fail at creation: the request is broken.
func (sk *Sketch) createUp() bool { return sk.FailPermille > 990 }

// drawSites selects where workflow i runs, big sites more often.
func (w *World) drawSites(i int) []int {
	d := w.dice(forSites, i)
	limit := 70
	if w.opts.Lean {
		limit = 4
	}
	want := d.logNormal(8, 1.05, limit)
	taken := make([]bool, len(w.sites))
	for n, tries := 0, 0; n < want; tries++ {
		s := w.siteWeights.draw(&d)
		if tries > 3*want { // only small sites are left: take them in order
			s = tries % w.cast.sites
		}
		if !taken[s] {
			taken[s] = true
			n++
		}
	}
	if w.edgeOf(i).name == "processing and storage names" {
		taken[siteHLT] = true
	}
	out := make([]int, 0, want+1)
	for s, ok := range taken {
		if ok {
			out = append(out, s)
		}
	}
	return out
}

// siteHLT is the position of T2_CH_CERN_HLT, whose output is reported by T2_CH_CERN.
const siteHLT = 14
