package schema

import (
	"cmp"
	"slices"
)

// Sources of AgentJobState.
const (
	SourceWMBS          = "wmbs"
	SourceActive        = "active"
	SourceCompleted     = "completed"
	SourceCreatedType   = "created_type"
	SourceExecutingType = "executing_type"
	SourceLocalQueue    = "local_queue"
	SourceGlobalQueue   = "global_queue"
)

// jobStateSource tells what a key of WMBS_INFO counts; empty: no jobs by state.
func jobStateSource(key string) string {
	switch key {
	case "wmbsCountByState":
		return SourceWMBS
	case "activeRunJobByStatus":
		return SourceActive
	case "completeRunJobByStatus":
		return SourceCompleted
	case "wmbsCreatedTypeCount":
		return SourceCreatedType
	case "wmbsExecutingTypeCount":
		return SourceExecutingType
	}
	return ""
}

// forget drops the records of a source: a key that comes twice replaces the
// first.
func (a *AgentInfoDoc) forget(source string) {
	a.JobStates = slices.DeleteFunc(a.JobStates, func(s AgentJobState) bool { return s.Source == source })
}

func (a *AgentInfoDoc) readJobStates(d *decoder, path, source string) {
	a.forget(source)
	d.each(path, func(state string) {
		a.JobStates = append(a.JobStates, AgentJobState{Source: source, State: state, Jobs: d.count(state), Elements: -1, MaxJobs: -1})
	})
}

func (a *AgentInfoDoc) readLocalQueue(d *decoder) {
	a.forget(SourceLocalQueue)
	d.object("LocalWQ_INFO", func(key []byte) bool {
		if string(key) != "workByStatus" {
			return false
		}
		a.readQueue(d, "workByStatus", SourceLocalQueue)
		return true
	})
}

// readQueue reads a work queue by the states of its elements; a state without
// any is {}.
func (a *AgentInfoDoc) readQueue(d *decoder, path, source string) {
	a.forget(source)
	d.each(path, func(state string) {
		s := AgentJobState{Source: source, State: state}
		d.object(state, func(key []byte) bool {
			switch string(key) {
			case "sum_jobs":
				s.Jobs = d.count("sum_jobs")
			case "num_elem":
				s.Elements = d.count("num_elem")
			case "max_jobs_elem":
				s.MaxJobs = d.count("max_jobs_elem")
			default:
				return false
			}
			return true
		})
		a.JobStates = append(a.JobStates, s)
	})
}

// priorities are the records of what waits, the highest priority of a site first.
func (a *AgentInfoDoc) priorities() []AgentSitePriority {
	out := make([]AgentSitePriority, 0, len(a.Priorities))
	for _, p := range a.Priorities {
		p.Agent, p.Site = a.Name, siteName(p.Site)
		out = append(out, p)
	}
	return merge(out,
		func(x, y *AgentSitePriority) int {
			return cmp.Or(cmp.Compare(x.Site, y.Site), cmp.Compare(y.Priority, x.Priority))
		},
		func(x, y *AgentSitePriority) { x.Jobs = addUp(x.Jobs, y.Jobs) })
}

// jobStates are the records of jobs by state. A state that comes twice counts
// as one.
func (a *AgentInfoDoc) jobStates() []AgentJobState {
	out := make([]AgentJobState, 0, len(a.JobStates))
	for _, s := range a.JobStates {
		s.Agent = a.Name
		out = append(out, s)
	}
	return merge(out,
		func(x, y *AgentJobState) int {
			return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.State, y.State))
		},
		func(x, y *AgentJobState) {
			x.Jobs, x.Elements = addUp(x.Jobs, y.Jobs), AddKnown(x.Elements, y.Elements)
			x.MaxJobs = max(x.MaxJobs, y.MaxJobs)
		})
}
