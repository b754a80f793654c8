package raw

import (
	"cmp"

	"github.com/dmwm/wmstats/schema"
)

type localQueue struct {
	States keyed[queueState] `json:"workByStatus"`
}

// queueState is the content of a work queue in one state; an empty state is {}.
type queueState struct {
	Jobs     count `json:"sum_jobs"`
	Elements count `json:"num_elem"`
	MaxJobs  count `json:"max_jobs_elem"`
}

// jobStates returns the records of jobs by state. Entries of a state that
// occurs twice are added up.
func (a *AgentInfoDoc) jobStates() []schema.AgentJobState {
	out := []schema.AgentJobState{}
	for _, counted := range []struct {
		source string
		states keyed[count]
	}{
		{schema.SourceWMBS, a.WMBS.ByState}, {schema.SourceActive, a.WMBS.Active}, {schema.SourceCompleted, a.WMBS.Completed},
		{schema.SourceCreatedType, a.WMBS.CreatedTypes}, {schema.SourceExecutingType, a.WMBS.ExecutingTypes},
	} {
		for _, s := range counted.states {
			out = append(out, schema.AgentJobState{
				Agent: a.Name, Source: counted.source, State: s.key, Jobs: int64(s.value), Elements: -1, MaxJobs: -1,
			})
		}
	}
	for _, queue := range []struct {
		source string
		states keyed[queueState]
	}{{schema.SourceLocalQueue, a.LocalQueue.States}, {schema.SourceGlobalQueue, a.GlobalQueue}} {
		for _, s := range queue.states {
			out = append(out, schema.AgentJobState{
				Agent: a.Name, Source: queue.source, State: s.key,
				Jobs: int64(s.value.Jobs), Elements: int64(s.value.Elements), MaxJobs: int64(s.value.MaxJobs),
			})
		}
	}
	return merge(out,
		func(x, y *schema.AgentJobState) int {
			return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.State, y.State))
		},
		func(x, y *schema.AgentJobState) {
			x.Jobs, x.Elements = schema.AddUp(x.Jobs, y.Jobs), schema.AddKnown(x.Elements, y.Elements)
			x.MaxJobs = max(x.MaxJobs, y.MaxJobs)
		})
}

// queueSites returns the records of work that may run at each site.
func (a *AgentInfoDoc) queueSites() []schema.QueueSite {
	out := []schema.QueueSite{}
	for _, state := range a.Possible {
		for _, at := range state.value {
			out = append(out, schema.QueueSite{
				Agent: a.Name, State: state.key, Site: siteName(at.key), UniqueJobs: -1, UniqueElements: -1,
				PossibleJobs: int64(at.value.Jobs), PossibleElements: int64(at.value.Elements),
			})
		}
	}
	for _, state := range a.Unique {
		for _, at := range state.value {
			out = append(out, schema.QueueSite{
				Agent: a.Name, State: state.key, Site: siteName(at.key), PossibleJobs: -1, PossibleElements: -1,
				UniqueJobs: int64(at.value.Jobs), UniqueElements: int64(at.value.Elements),
			})
		}
	}
	return merge(out,
		func(x, y *schema.QueueSite) int {
			return cmp.Or(cmp.Compare(x.State, y.State), cmp.Compare(x.Site, y.Site))
		},
		func(x, y *schema.QueueSite) {
			x.PossibleJobs, x.PossibleElements = schema.AddKnown(x.PossibleJobs, y.PossibleJobs), schema.AddKnown(x.PossibleElements, y.PossibleElements)
			x.UniqueJobs, x.UniqueElements = schema.AddKnown(x.UniqueJobs, y.UniqueJobs), schema.AddKnown(x.UniqueElements, y.UniqueElements)
		})
}
