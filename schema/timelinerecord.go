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

// SiteChange is one change of a site's state.
type SiteChange struct {
	Time    int64  `unit:"Unix s" from:"clock of the cache server" doc:"when it was noticed, at most five minutes later"`
	Site    string `from:"Site.Site" doc:"the site"`
	From    string `from:"Site.State" doc:"state before: Normal, Draining, Down, Aborted, or unknown if no live agent reports one"`
	To      string `from:"Site.State" doc:"state since then"`
	Seconds int64  `unit:"s" from:"Time of the change before" doc:"length of the state before; -1 if it began before states were followed"`
}

// FailureChange is how many failed jobs a workflow, campaign, site, release or
// agent gained between two points.
type FailureChange struct {
	Name    string `from:"by of the request" doc:"the workflow, campaign, site, release or agent"`
	By      string `from:"by of the request" doc:"workflow, campaign, site, release or agent"`
	From    int64  `unit:"Unix s" from:"clock of the cache server" doc:"the last point at or before since, else the first one"`
	To      int64  `unit:"Unix s" from:"clock of the cache server" doc:"the newest point"`
	Failure int64  `unit:"jobs" from:"Failure" doc:"failed jobs at To"`
	Gained  int64  `unit:"jobs" from:"Failure at the points" doc:"failed jobs gained: of a workflow the difference; of others the sum of the increases from point to point, so that workflows that leave do not hide it"`
}

// AlertChange is how many workflows came under one rule, and left it, between two
// points.
type AlertChange struct {
	Rule      string   `from:"Workflow.Alerts" doc:"the rule"`
	From      int64    `unit:"Unix s" from:"clock of the cache server" doc:"the last point at or before since, else the first one"`
	To        int64    `unit:"Unix s" from:"clock of the cache server" doc:"the newest point"`
	Holds     int64    `unit:"workflows" from:"Workflow.Alerts at To" doc:"workflows under the rule"`
	Began     int64    `unit:"workflows" from:"Workflow.Alerts" doc:"workflows under it at To and not at From"`
	Ended     int64    `unit:"workflows" from:"Workflow.Alerts" doc:"workflows under it at From and not at To: it ended, or they left the lists"`
	Workflows []string `from:"Workflow.Workflow" doc:"those of Began, at most 50, by name"`
}
