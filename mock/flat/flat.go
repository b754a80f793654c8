// Package flat generates Workflow records of the static schema directly,
// without raw documents: for benchmarks of stores and pages, and as mock data
// in static form. Names, distributions and the course of the counters are those
// of mock/gen; sums and ratios are those of the schema itself. There are no
// edge cases here: a record always has the right types.
package flat

import (
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// Source generates records. It is immutable and safe for concurrent use.
type Source struct {
	world  *gen.World
	limits schema.Limits
}

// Options say which records a Source generates. Each zero value has a meaning.
type Options struct {
	Seed      uint64
	Workflows int   // number of records; recoveries name a workflow below it
	Now       int64 // the present, Unix s; 0: gen.DefaultNow
}

// New returns a source without a limit on the number of records.
func New(seed uint64) *Source {
	s, err := NewSized(Options{Seed: seed, Workflows: 10_000_000})
	if err != nil {
		return &Source{} // not reached: the options are valid
	}
	return s
}

// NewSized returns a source for a world of a given size.
func NewSized(opts Options) (*Source, error) {
	w, err := gen.New(gen.Options{Seed: opts.Seed, Workflows: opts.Workflows, Now: opts.Now, NoEdges: true})
	if err != nil {
		return nil, fmt.Errorf("flat records: %w", err)
	}
	return &Source{world: w, limits: schema.DefaultLimits()}, nil
}

// Record returns record i, from 0. The same seed and i yield the same record.
func (s *Source) Record(i int) schema.Workflow {
	w, parts := s.Sides(i)
	schema.Join(&w, parts)
	alerts, _ := schema.Alerts(&w, nil, s.world.Options().Now, s.limits)
	w.SetAlerts(alerts)
	return w
}

// Sides returns what record i is joined from: the request's side, and the
// report of each agent, of which there are none in statuses without job
// information.
func (s *Source) Sides(i int) (schema.Workflow, []schema.AgentReport) {
	st := s.world.Initial(i)
	sk := s.world.Sketch(i, st.Created())
	w := s.request(sk, &st)
	if info, _ := schema.StatusOf(w.Status); info.JobInfo {
		return w, s.reports(sk, &st)
	}
	return w, nil
}

// request fills the request's side of a record.
func (s *Source) request(sk *gen.Sketch, st *gen.State) schema.Workflow {
	last := st.Transitions[len(st.Transitions)-1]
	w := schema.Workflow{
		Workflow: sk.Name, Type: sk.Kind.String(), SubType: sk.SubType, Status: last.Status.String(), StatusTime: last.Time,
		StatusKnown: true, CreateTime: st.Created(),
		Priority: int64(st.Priorities[len(st.Priorities)-1].Priority), InitialPriority: int64(st.Priorities[0].Priority),
		Campaign: sk.Campaign, Release: sk.Release, Requestor: sk.Requestor, Group: sk.Group, PrepID: sk.PrepID,
		OriginalRequest: sk.Original, InitialTask: sk.InitialTask,
		Run: -1, EstimatedJobs: -1, InputEvents: -1, InputLumis: -1, InputFiles: -1, RequestedEvents: -1,
		Multicore: int64(sk.Multicore), Memory: int64(sk.Memory),
		TimePerEvent: float64(5+sk.EventsPerJob%895) / 10, SizePerEvent: float64(500 + sk.LumisPerJob%1500),
		OutputDatasets: sk.OutputDatasets(), SiteWhitelist: []string{}, SiteBlacklist: []string{},
	}
	if sk.Kind == gen.TaskChain || sk.Kind == gen.StepChain {
		w.ChainKind, w.ChainLength = "Step", int64(len(sk.Steps))
		if sk.Tasked {
			w.ChainKind = "Task"
		}
	}
	steps(&w, sk)
	if st.Passed(gen.Assigned) {
		w.Team, w.SiteWhitelist = sk.Team, s.world.SiteNames(sk)
		w.Teams = set([]string{sk.Team})
	}
	events := int64(sk.Jobs) * int64(sk.EventsPerJob)
	if sk.Steps[0].InputDataset == "" {
		w.RequestedEvents = events
	}
	if st.Passed(gen.Acquired) {
		w.EstimatedJobs, w.InputEvents = int64(sk.Jobs), events
		w.InputLumis, w.InputFiles = int64(sk.Jobs)*int64(sk.LumisPerJob), int64(sk.Files)
	}
	return w
}

// steps fills the lists that come from the steps: sorted, without repetition.
func steps(w *schema.Workflow, sk *gen.Sketch) {
	campaigns, releases, prepIDs := []string{sk.Campaign}, []string{sk.Release}, []string{sk.PrepID}
	var inputs, pileups, archs, tags []string
	for _, s := range sk.Steps {
		campaigns, releases = append(campaigns, s.Campaign), append(releases, s.Release)
		prepIDs, archs, tags = append(prepIDs, s.PrepID), append(archs, s.ScramArch), append(tags, s.GlobalTag)
		inputs, pileups = append(inputs, s.InputDataset), append(pileups, s.Pileup)
	}
	w.Campaigns, w.Releases, w.PrepIDs = set(campaigns), set(releases), set(prepIDs)
	w.InputDatasets, w.Pileups, w.ScramArchs, w.GlobalTags = set(inputs), set(pileups), set(archs), set(tags)
	w.AcquisitionEras = w.Campaigns
	slices.Sort(w.OutputDatasets)
	w.OutputDatasets = slices.Compact(w.OutputDatasets)
}

// set sorts a list and drops repetitions and empty texts.
func set(list []string) []string {
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > 0 && list[0] == "" {
		list = list[1:]
	}
	if list == nil {
		return []string{}
	}
	return list
}

// reports returns what the agents of a workflow have done.
func (s *Source) reports(sk *gen.Sketch, st *gen.State) []schema.AgentReport {
	tasks := make([]uint64, s.world.TaskCount(sk))
	for t := range tasks {
		tasks[t] = uint64(sk.Index)<<8 + uint64(t)
	}
	parts, outputs := make([]schema.AgentReport, len(st.Agents)), sk.OutputDatasets()
	for k := range parts {
		r := s.world.Rough(sk, st, k)
		p := &parts[k]
		*p = schema.AgentReport{
			Workflow: sk.Name, Agent: r.Agent, Team: r.Team, AgentVersion: r.Version, Time: st.Agents[k].Time,
			Counts: counts(&r.Total), JobsInWMBS: r.InWMBS, JobsInQueue: r.InQueue, Skipped: r.Skipped, Tasks: tasks,
		}
		if r.Skipped {
			p.SkippedFiles = 1
		}
		p.Sites = make([]schema.SiteReport, 0, len(r.Sites))
		for c := range r.Sites {
			p.Sites = append(p.Sites, schema.SiteReport{Site: r.Sites[c].Site, Counts: counts(&r.Sites[c].Counts)})
		}
		if r.Events > 0 {
			p.Outputs = make([]schema.OutputReport, 0, len(outputs))
			for _, ds := range outputs {
				p.Outputs = append(p.Outputs, schema.OutputReport{Dataset: ds, Events: r.Events, Lumis: r.Lumis, Bytes: r.Events * gen.EventSize(ds)})
			}
		}
		slices.SortFunc(p.Outputs, func(a, b schema.OutputReport) int {
			switch {
			case a.Dataset < b.Dataset:
				return -1
			case a.Dataset > b.Dataset:
				return 1
			}
			return 0
		})
	}
	return parts
}

func counts(c *gen.Counts) schema.JobCounts {
	return schema.JobCounts{
		Success: c.Success, Canceled: c.Canceled, Transition: c.Transition,
		QueuedFirst: c.QueuedFirst, QueuedRetry: c.QueuedRetry,
		SubmittedFirst: c.SubmittedFirst, SubmittedRetry: c.SubmittedRetry, Pending: c.Pending, Running: c.Running,
		FailureCreate: c.FailureCreate, FailureSubmit: c.FailureSubmit, FailureException: c.FailureException,
		CooloffCreate: c.CooloffCreate, CooloffSubmit: c.CooloffSubmit, CooloffJob: c.CooloffJob,
		PausedCreate: c.PausedCreate, PausedSubmit: c.PausedSubmit, PausedJob: c.PausedJob,
	}
}
