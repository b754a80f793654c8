package schema

// TimelinePoint is one count at one time: workflows in a status or group of
// statuses, or jobs in a state.
type TimelinePoint struct {
	Time     int64  `unit:"Unix s" from:"clock of the cache server" doc:"when it was counted"`
	Campaign string `from:"campaign of the request" doc:"the campaign; empty: all"`
	Site     string `from:"site of the request" doc:"the site; empty: all"`
	Release  string `from:"release of the request" doc:"the CMSSW version; empty: all"`
	Agent    string `from:"agent of the request" doc:"the agent; empty: all"`
	By       string `from:"by of the request" doc:"status, group or state"`
	Name     string `from:"Workflow.Status, its group, or a part of TotalJobs" doc:"the status, or its group (Waiting, InTransfer, InQueue, RunningWorkflows, Done, Bad), (other) for unknown ones, or Queued, Pending, Running, Success, Failure, Cooloff, Paused, Canceled, Transition"`
	Count    int64  `from:"sums of the generation" doc:"workflows in the status or group, or jobs in the state"`
}
