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

// AgentChange is one change of an agent's state.
type AgentChange struct {
	Time    int64  `unit:"Unix s" from:"clock of the cache server" doc:"when it was noticed, at most five minutes later"`
	Agent   string `from:"Agent.Agent" doc:"the agent"`
	Kind    string `from:"Agent" doc:"severity, drain, component or thread"`
	Name    string `from:"Agent.DownComponents, Agent.BadWorkers" doc:"the component or thread; empty for severity and drain"`
	From    string `from:"Agent" doc:"state before: a severity; no, yes or complete of a drain; ok or down of a component; ok, Error or Timeout of a thread"`
	To      string `from:"Agent" doc:"state since then"`
	Seconds int64  `unit:"s" from:"Time of the change before" doc:"length of the state before; -1 if it began before states were followed"`
}
