package raw

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Record returns the request's side of its workflow record. The agents' side is
// that of a workflow without agents; Join fills it. Texts are copies, so the
// record does not keep the document in memory.
func (r *ReqMgrDoc) Record() (w schema.Workflow) {
	r.FillRecord(&w)
	return w
}

// FillRecord writes the record into w and overwrites whatever w held.
func (r *ReqMgrDoc) FillRecord(w *schema.Workflow) {
	steps := r.chain()
	first := func(field func(*StepDoc) string) string {
		for i := range steps {
			if text := field(&steps[i]); text != "" {
				return text
			}
		}
		return ""
	}
	top := &r.Top
	*w = schema.Workflow{
		Workflow: r.Name, Type: r.RequestType, SubType: r.SubRequestType,
		Priority: r.RequestPriority, InitialPriority: r.firstPriority(),
		Campaign: cmp.Or(top.Campaign, first(func(s *StepDoc) string { return s.Campaign })),
		Release:  cmp.Or(top.Release, first(func(s *StepDoc) string { return s.Release })),
		Team:     r.TeamName, Requestor: r.Requestor, Group: r.Group,
		PrepID:    cmp.Or(top.PrepID, first(func(s *StepDoc) string { return s.PrepID })),
		ChainKind: r.chainKind(), ChainLength: max(r.TaskChain, r.StepChain, 0),
		OutputDatasets: r.asDistinct(r.OutputDatasets, dataset), SiteWhitelist: r.asDistinct(r.SiteWhitelist, nil),
		SiteBlacklist:   r.asDistinct(r.SiteBlacklist, nil),
		OriginalRequest: r.OriginalRequest, InitialTask: r.InitialTask, Run: r.Run,
		EstimatedJobs: r.EstimatedJobs, InputEvents: r.InputEvents, InputLumis: r.InputLumis,
		InputFiles: r.InputFiles, RequestedEvents: top.RequestedEvents,
		Multicore: top.Multicore, Memory: top.Memory,
		TimePerEvent: r.TimePerEvent, SizePerEvent: r.SizePerEvent,
		Alerts: []string{},
	}
	teams := append([]string{r.TeamName}, r.Teams...)
	w.Teams = r.distinct(teams, nil)
	if w.Team == "" && len(w.Teams) > 0 {
		w.Team = w.Teams[0]
	}
	slices.Sort(w.Teams)
	for i := range steps {
		if w.RequestedEvents < 0 {
			w.RequestedEvents = steps[i].RequestedEvents
		}
		if top.Multicore < 0 {
			w.Multicore = max(w.Multicore, steps[i].Multicore)
		}
		if top.Memory < 0 {
			w.Memory = max(w.Memory, steps[i].Memory)
		}
	}
	r.fillStatus(w)
	r.fillSteps(w, top, steps)
	schema.Join(w, nil)
}

// fillStatus takes the status from RequestStatus: status and transitions are
// separate fields of the document, and only the former decides in ReqMgr. The
// list of transitions may be out of order, so their times count and not their
// positions; a transition without a time comes after those before it.
func (r *ReqMgrDoc) fillStatus(w *schema.Workflow) {
	w.Status = r.RequestStatus
	if w.Status == "" {
		newest := int64(0)
		for _, t := range r.Transitions {
			if t.Status != "" && (t.Time == 0 || t.Time >= newest) {
				w.Status, newest = t.Status, max(t.Time, newest)
			}
		}
	}
	for _, t := range r.Transitions {
		if t.Status == w.Status {
			w.StatusTime = max(w.StatusTime, t.Time)
		}
		if t.Time > 0 && (w.CreateTime == 0 || t.Time < w.CreateTime) {
			w.CreateTime = t.Time
		}
	}
	w.CreateTime = cmp.Or(w.CreateTime, r.RequestDate)
	_, w.StatusKnown = schema.StatusOf(w.Status)
}

// firstPriority returns the priority at creation. Documents before 2016 do not
// state it, but their histories may. -1 is unknown.
func (r *ReqMgrDoc) firstPriority() int64 {
	if r.InitialPriority >= 0 {
		return r.InitialPriority
	}
	first, at := int64(-1), int64(math.MaxInt64)
	for _, p := range r.Priorities {
		// An entry without a time counts only if no entry has one.
		if time := cmp.Or(p.Time, math.MaxInt64-1); p.Priority >= 0 && time < at {
			first, at = p.Priority, time
		}
	}
	return first
}

// fillSteps collects the values that the top level and the steps of a chain
// name.
func (r *ReqMgrDoc) fillSteps(w *schema.Workflow, top *StepDoc, steps []StepDoc) {
	var room [8][fewTexts]string // usually enough; then only the results are allocated
	campaigns, releases, prepIDs := room[0][:0], room[1][:0], room[2][:0]
	archs, eras, tags := room[3][:0], room[4][:0], room[5][:0]
	inputs, pileups := room[6][:0], room[7][:0]
	s := top
	for i := range 1 + len(steps) {
		if i > 0 {
			s = &steps[i-1]
		}
		campaigns = append(campaigns, s.Campaign)
		releases = append(releases, s.Release)
		prepIDs = append(prepIDs, s.PrepID)
		inputs = append(inputs, s.InputDatasets...)
		pileups = append(append(pileups, s.MCPileups...), s.DataPileups...)
		archs = append(archs, s.ScramArchs...)
		eras = append(eras, s.Eras...)
		tags = append(tags, s.GlobalTags...)
	}
	w.Campaigns, w.Releases, w.PrepIDs = r.distinct(campaigns, nil), r.distinct(releases, nil), r.distinct(prepIDs, nil)
	slices.Sort(w.Campaigns)
	slices.Sort(w.Releases)
	slices.Sort(w.PrepIDs)
	w.InputDatasets, w.Pileups = r.distinct(inputs, dataset), r.distinct(pileups, dataset)
	w.ScramArchs, w.AcquisitionEras, w.GlobalTags = r.distinct(archs, nil), r.distinct(eras, nil), r.distinct(tags, nil)
}

// dataset keeps the names of datasets: requests without one may say "None".
func dataset(name string) bool { return name != "None" }

// fewTexts is the length up to which a linear search is faster than a map.
const fewTexts = 16

// distinct returns the texts that are not empty and that keep accepts, each
// once, in their order. The result is never nil and never the list itself.
func distinct(list []string, keep func(string) bool) []string {
	return distinctIn(nil, list, keep)
}

// distinct is the function of that name in the document's memory, if it has
// any.
func (r *ReqMgrDoc) distinct(list []string, keep func(string) bool) []string {
	return distinctIn(r.lists, list, keep)
}

func distinctIn(lists *[]string, list []string, keep func(string) bool) []string {
	var room [fewTexts]string
	out := room[:0]
	var seen map[string]bool
	if len(list) > fewTexts {
		seen = make(map[string]bool, len(list))
	}
	for _, text := range list {
		if text == "" || seen[text] || seen == nil && slices.Contains(out, text) || keep != nil && !keep(text) {
			continue
		}
		if out = append(out, text); seen != nil {
			seen[text] = true
		}
	}
	if lists == nil {
		return append(make([]string, 0, len(out)), out...)
	}
	return lend(lists, out)
}

// asDistinct is distinct, but returns the list itself if that is obviously the
// result.
func (r *ReqMgrDoc) asDistinct(list []string, keep func(string) bool) []string {
	if !isDistinct(list, keep) {
		return r.distinct(list, keep)
	}
	if list == nil {
		return []string{}
	}
	return slices.Clip(list)
}

// asDistinct is the same for other lists.
func asDistinct(list []string, keep func(string) bool) []string {
	return (&ReqMgrDoc{}).asDistinct(list, keep)
}

func isDistinct(list []string, keep func(string) bool) bool {
	last := ""
	for i, text := range list {
		if text == "" || keep != nil && !keep(text) || text <= last && (i >= fewTexts || slices.Contains(list[:i], text)) {
			return false
		}
		last = max(last, text)
	}
	return true
}

func (r *ReqMgrDoc) chainKind() string {
	switch {
	case r.StepChain >= 0:
		return "Step"
	case r.TaskChain >= 0:
		return "Task"
	}
	return ""
}

// chain returns the steps of the chain by Index: of the kind that the document
// names, else of the kind that it contains.
func (r *ReqMgrDoc) chain() []StepDoc {
	switch {
	case r.StepChain >= 0, r.TaskChain < 0 && len(r.tasks) == 0:
		return r.steps
	default:
		return r.tasks
	}
}

// chainSteps returns the records of the chain. Release, architecture and
// campaign of a step that names none are those of the request.
func (r *ReqMgrDoc) chainSteps() []schema.ChainStep {
	steps := r.chain()
	out := make([]schema.ChainStep, 0, len(steps))
	archs := distinct(r.Top.ScramArchs, nil)
	for _, s := range steps {
		own := distinct(s.ScramArchs, nil)
		if len(own) == 0 {
			own = archs
		}
		out = append(out, schema.ChainStep{
			Workflow: r.Name, Index: s.Index, Name: s.Name, InputName: s.InputName,
			Release:      cmp.Or(s.Release, r.Top.Release),
			ScramArch:    strings.Join(own, ","),
			GlobalTag:    strings.Join(distinct(s.GlobalTags, nil), ","),
			Campaign:     cmp.Or(s.Campaign, r.Top.Campaign),
			PrepID:       s.PrepID,
			InputDataset: strings.Join(distinct(s.InputDatasets, dataset), ","),
			Pileups:      distinct(slices.Concat(s.MCPileups, s.DataPileups), dataset),
			Memory:       s.Memory, Multicore: s.Multicore, KeepOutput: s.KeepOutput,
		})
	}
	return out
}

// history returns the status and priority changes as written.
func (r *ReqMgrDoc) history() ([]schema.StatusChange, []schema.PriorityChange) {
	transitions, priorities := []schema.StatusChange{}, []schema.PriorityChange{}
	for _, t := range r.Transitions {
		t.Workflow = r.Name
		transitions = append(transitions, t)
	}
	for _, p := range r.Priorities {
		p.Workflow = r.Name
		priorities = append(priorities, p)
	}
	return transitions, priorities
}
