package schema

import "cmp"

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

type localQueue struct {
	States keyed[queueState] `json:"workByStatus"`
}

// queueState is what a work queue has in one state; a state without any is {}.
type queueState struct {
	Jobs     count `json:"sum_jobs"`
	Elements count `json:"num_elem"`
	MaxJobs  count `json:"max_jobs_elem"`
}

// jobStates are the records of jobs by state. A state that comes twice counts
// as one.
func (a *AgentInfoDoc) jobStates() []AgentJobState {
	out := []AgentJobState{}
	for _, counted := range []struct {
		source string
		states keyed[count]
	}{
		{SourceWMBS, a.WMBS.ByState}, {SourceActive, a.WMBS.Active}, {SourceCompleted, a.WMBS.Completed},
		{SourceCreatedType, a.WMBS.CreatedTypes}, {SourceExecutingType, a.WMBS.ExecutingTypes},
	} {
		for _, s := range counted.states {
			out = append(out, AgentJobState{
				Agent: a.Name, Source: counted.source, State: s.key, Jobs: int64(s.value), Elements: -1, MaxJobs: -1,
			})
		}
	}
	for _, queue := range []struct {
		source string
		states keyed[queueState]
	}{{SourceLocalQueue, a.LocalQueue.States}, {SourceGlobalQueue, a.GlobalQueue}} {
		for _, s := range queue.states {
			out = append(out, AgentJobState{
				Agent: a.Name, Source: queue.source, State: s.key,
				Jobs: int64(s.value.Jobs), Elements: int64(s.value.Elements), MaxJobs: int64(s.value.MaxJobs),
			})
		}
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
