package schema

// Rollup holds the fields, besides the counters, that Campaign and Release
// records share.
type Rollup struct {
	Workflows        int64   `unit:"workflows" from:"Workflow records that have it as their main one" doc:"workflows; all sums below cover them"`
	StepWorkflows    int64   `unit:"workflows" from:"Campaigns or Releases of the other Workflow records" doc:"workflows that have it only in a step; not included in any sum"`
	InputEvents      int64   `unit:"events" from:"sum of InputEvents where known" doc:"events to process; -1 if no workflow knows"`
	InputLumis       int64   `unit:"lumis" from:"sum of InputLumis where known" doc:"luminosity sections to process; -1 if no workflow knows"`
	OutputEvents     float64 `unit:"events" from:"sum of OutputEvents / number of datasets, where there are any" doc:"events done, per average output dataset"`
	OutputLumis      float64 `unit:"lumis" from:"sum of OutputLumis / number of datasets, where there are any" doc:"luminosity sections done, per average output dataset"`
	EventProgress    float64 `unit:"%" from:"100 x OutputEvents / InputEvents, before rounding" doc:"events done; -1 if unknown"`
	LumiProgress     float64 `unit:"%" from:"100 x OutputLumis / InputLumis, before rounding" doc:"lumis done; -1 if unknown"`
	MaxPriority      int64   `from:"largest Priority that is known" doc:"highest priority; -1 if unknown"`
	OldestStatusTime int64   `unit:"Unix s" from:"smallest StatusTime that is known" doc:"when the slowest workflow entered its status"`
	Waiting          int64   `unit:"workflows" from:"new, assignment-approved, assigned" doc:"waiting to be taken up"`
	InTransfer       int64   `unit:"workflows" from:"staging" doc:"input being placed"`
	InQueue          int64   `unit:"workflows" from:"staged, acquired" doc:"in the global queue"`
	RunningWorkflows int64   `unit:"workflows" from:"running-open, running-closed, force-complete" doc:"running"`
	Done             int64   `unit:"workflows" from:"completed, closed-out, announced, normal-archived" doc:"jobs done"`
	Bad              int64   `unit:"workflows" from:"failed, aborted, aborted-completed, rejected, their archived forms" doc:"failed, aborted or rejected"`
}

// Campaign sums the workflows whose main campaign it is, and counts those that
// have it only in a step.
type Campaign struct {
	Campaign string `from:"Workflow.Campaign" doc:"the campaign; (none) for workflows without one"`
	Rollup
	Counters
}

// SiteFailures is what agents count of the jobs of a campaign at one site.
type SiteFailures struct {
	Site        string  `from:"WorkflowSite.Site" doc:"the site; (unknown) and (none) for jobs without one"`
	Success     int64   `unit:"jobs" from:"sum of WorkflowSite records" doc:"jobs that succeeded"`
	Failure     int64   `unit:"jobs" from:"the same" doc:"jobs that failed for good"`
	FailureRate float64 `unit:"%" from:"100 x Failure / (Success + Failure)" doc:"share of these that failed"`
}

// Release sums the workflows whose main CMSSW version it is, and counts those
// that have it only in a step.
type Release struct {
	Release string `from:"Workflow.Release" doc:"the CMSSW version; (none) for workflows without one"`
	Rollup
	Counters
}

// Site sums what agents reported at one site, over all workflows.
type Site struct {
	Site         string   `from:"WorkflowSite.Site" doc:"the site; (unknown) and (none) for jobs without one"`
	Tier         string   `from:"first part of the name" doc:"T0, T1, T2, T3 or empty"`
	Country      string   `from:"second part of the name" doc:"two-letter country code or empty"`
	State        string   `order:"site state" from:"agent_info WMBS_INFO.thresholds.<site>.state: the worst that a live agent reports" doc:"Normal, Draining, Down or Aborted; empty if no live agent reports one"`
	StateAgents  []string `from:"agent_info" doc:"live agents that report State"`
	Workflows    int64    `unit:"workflows" from:"distinct workflows with jobs there" doc:"workflows"`
	Agents       int64    `unit:"agents" from:"distinct agents with jobs there" doc:"agents"`
	RunningSlots int64    `unit:"jobs" from:"sum of WMBS_INFO.thresholds.<site>.running_slots of live agents that send jobs there: for which the site is not draining, down or aborted" doc:"jobs that may be sent there to run; -1 if no live agent reports it"`
	PendingSlots int64    `unit:"jobs" from:"the same for pending_slots" doc:"jobs that may be sent there to wait; -1 if no live agent reports it"`
	FreeForQueue float64  `unit:"jobs" from:"sum of WMBS_INFO.thresholdsGQ2LQ.<site> of live agents" doc:"jobs that agents would take from the global queue; -1 if no live agent reports it"`

	StrayWorkflows int64 `unit:"workflows" from:"StrayWorkflow records" doc:"workflows with jobs there that should have none; not included in any sum"`
	StrayRunning   int64 `unit:"jobs" from:"StrayWorkflow records" doc:"running jobs of these; not included in Running"`
	StrayPending   int64 `unit:"jobs" from:"StrayWorkflow records" doc:"pending jobs of these; not included in Pending"`
	Counters
}

// SiteAgent is what one agent reports about one site, and when. An agent is not
// alive when it has been silent for longer than the rules allow: no sum
// includes what it reported.
type SiteAgent struct {
	AgentSite
	UpdateTime int64 `unit:"Unix s" from:"timestamp of agent_info" doc:"last report of the agent about itself"`
	Alive      bool  `from:"UpdateTime, AgentSilent of schema/alerts.go" doc:"the agent is not silent"`
}

// SiteDetail is one site with what each agent reports about it.
type SiteDetail struct {
	Site

	AgentStates []SiteAgent // by Agent
	QueueSites  []QueueSite // its work in the global queue, by State
}

// Agent is one WMAgent or central service: its health and, for an agent, the
// sums of what it reported.
type Agent struct {
	Agent          string   `from:"agent_url without port, else _id" doc:"host name, or name of the service"`
	Kind           string   `from:"form of the agent_info document" doc:"agent or service"`
	Team           string   `from:"agent_team" doc:"team"`
	Version        string   `from:"agent_version" doc:"WMAgent or WMCore version"`
	UpdateTime     int64    `unit:"Unix s" from:"timestamp of agent_info" doc:"last report about itself"`
	DataUpdateTime int64    `unit:"Unix s" from:"data_last_update, else the newest agent_request" doc:"last report about its workflows"`
	ReportedStatus string   `order:"reported status" from:"status" doc:"ok, warning, error, down or empty"`
	Severity       string   `order:"severity" from:"rules of schema/judge.go; error before warning before drain before ok" doc:"ok, drain, warning, error or unknown"`
	Reasons        []string `from:"all rules of schema/judge.go that hold" doc:"why"`
	Draining       bool     `from:"drain_mode" doc:"takes no new work"`
	DrainComplete  bool     `from:"drain_stats.workflows_completed" doc:"its workflows are complete"`
	DrainWaits     []string `from:"drain_stats" doc:"what a draining agent still waits for"`
	DownComponents []string `from:"down_components, then those that only down_component_detail names; without any, and status error or down, those with an error in components" doc:"components that are not running properly"`
	DiskWarnings   int64    `unit:"disks" from:"disk_warning" doc:"disks over their limit"`
	FullDisks      []string `from:"disk_warning: mounted, else filesystem" doc:"the disks over their limit"`
	CouchProcesses int64    `unit:"processes" from:"couch_process_warning" doc:"couchjs processes when there are too many, else 0"`
	ProxyWarning   string   `from:"proxy_warning" doc:"proxy or certificate that is about to expire"`
	DataError      string   `from:"data_error unless ok" doc:"error of the data collector"`
	Workflows      int64    `unit:"workflows" from:"WorkflowAgent records" doc:"workflows that it reports on"`
	WorkersTotal   int64    `unit:"threads" from:"workers" doc:"worker threads"`
	WorkersBad     int64    `unit:"threads" from:"workers in state Error or Timeout" doc:"worker threads in trouble"`
	BadWorkers     []string `from:"name and state of workers in state Error or Timeout" doc:"the worker threads in trouble"`
	StrayWorkflows int64    `unit:"workflows" from:"StrayWorkflow records" doc:"workflows with jobs that should have none; not included in any sum"`
	StrayRunning   int64    `unit:"jobs" from:"StrayWorkflow records" doc:"running jobs of these; not included in Running"`
	StrayPending   int64    `unit:"jobs" from:"StrayWorkflow records" doc:"pending jobs of these; not included in Pending"`
	Counters
}

// AgentComponent is one component of an agent, or one of its problems.
type AgentComponent struct {
	Agent         string  `from:"agent_url without port" doc:"the agent"`
	Component     string  `from:"key of components, down_components, down_component_detail.name" doc:"the component"`
	Down          bool    `from:"down_components" doc:"it is not running properly"`
	Process       string  `from:"components.*.process" doc:"process name"`
	PID           int64   `from:"components.*.pid" doc:"process id; -1 if absent"`
	ProcessStatus string  `from:"components.*.status" doc:"state of the process"`
	ThreadCount   int64   `unit:"threads" from:"components.* of type thread" doc:"threads"`
	WorkerName    string  `from:"down_component_detail.worker_name" doc:"the thread in trouble"`
	State         string  `from:"down_component_detail.state" doc:"its state"`
	LastUpdate    int64   `unit:"Unix s" from:"down_component_detail.last_updated" doc:"its last heartbeat"`
	PollInterval  float64 `unit:"s" from:"down_component_detail.poll_interval" doc:"its period; -1 if absent"`
	CycleTime     float64 `unit:"s" from:"down_component_detail.cycle_time" doc:"length of its last cycle; -1 if absent"`
	Error         string  `from:"down_component_detail.error_message, last_error, or the detail when it is text" doc:"text of the error"`
}

// AgentDisk is one disk over its limit.
type AgentDisk struct {
	Agent       string  `from:"agent_url without port" doc:"the agent"`
	Mount       string  `from:"disk_warning.mounted" doc:"mount point"`
	Filesystem  string  `from:"disk_warning.filesystem" doc:"device"`
	UsedPercent float64 `unit:"%" from:"disk_warning.percent, a text like 91%" doc:"used; -1 if absent"`
}

// AgentSite holds the limits of one agent at one site, and the jobs that wait
// there.
type AgentSite struct {
	Agent        string  `from:"agent_url without port" doc:"the agent"`
	Site         string  `from:"key of WMBS_INFO.thresholds" doc:"the site"`
	State        string  `from:"WMBS_INFO.thresholds.*.state" doc:"state of the site in the agent"`
	PendingSlots int64   `unit:"jobs" from:"WMBS_INFO.thresholds.*.pending_slots" doc:"jobs that may wait; -1 if the agent does not report it"`
	RunningSlots int64   `unit:"jobs" from:"WMBS_INFO.thresholds.*.running_slots" doc:"jobs that may run; -1 if the agent does not report it"`
	FreeForQueue float64 `unit:"jobs" from:"WMBS_INFO.thresholdsGQ2LQ.*" doc:"jobs it would take from the global queue; -1 if the agent does not report it"`
	PendingJobs  int64   `unit:"jobs" from:"sum of WMBS_INFO.sitePendCountByPrio.<site>" doc:"jobs that wait; -1 if the agent does not report it"`
}

// AgentSitePriority is the number of jobs of one agent that wait at one site
// with one priority.
type AgentSitePriority struct {
	Agent    string `from:"agent_url without port" doc:"the agent"`
	Site     string `from:"key of WMBS_INFO.sitePendCountByPrio" doc:"the site"`
	Priority int64  `from:"key of WMBS_INFO.sitePendCountByPrio.<site>" doc:"priority of the jobs"`
	Jobs     int64  `unit:"jobs" from:"WMBS_INFO.sitePendCountByPrio.<site>.<priority>, if not 0" doc:"jobs that wait"`
}

// AgentJobState is the number of jobs of one agent, or of the global queue, in
// one state or of one type, as one of its sources counts them.
type AgentJobState struct {
	Agent    string `from:"agent_url without port" doc:"the agent, or the service global_workqueue"`
	Source   string `from:"wmbsCountByState, activeRunJobByStatus, completeRunJobByStatus, wmbsCreatedTypeCount, wmbsExecutingTypeCount, LocalWQ_INFO.workByStatus, workByStatus" doc:"wmbs, active, completed, created_type, executing_type, local_queue or global_queue"`
	State    string `from:"key in Source" doc:"state of the jobs; type of the jobs in created_type and executing_type"`
	Jobs     int64  `unit:"jobs" from:"the value, or its sum_jobs" doc:"jobs"`
	Elements int64  `unit:"elements" from:"num_elem" doc:"elements of the queue; -1 without a queue"`
	MaxJobs  int64  `unit:"jobs" from:"max_jobs_elem" doc:"jobs of the largest element; -1 without a queue"`
}

// QueueSite is the work of the global queue in one state that may run at one
// site, and the part of it that may run nowhere else. An element of the queue is
// counted at each of its possible sites.
type QueueSite struct {
	Agent            string `from:"agent_url" doc:"the service global_workqueue"`
	State            string `from:"key of possibleJobsPerSite and uniqueJobsPerSite" doc:"state of the work in the queue: Available, Negotiating, Acquired, ..."`
	Site             string `from:"key of the state" doc:"the site, or (unknown) for work without a possible site"`
	PossibleJobs     int64  `unit:"jobs" from:"possibleJobsPerSite.<state>.<site>.sum_jobs" doc:"jobs that may run there; -1 if the queue does not list it"`
	PossibleElements int64  `unit:"elements" from:"possibleJobsPerSite.<state>.<site>.num_elem" doc:"elements of the queue with these jobs; -1 if the queue does not list it"`
	UniqueJobs       int64  `unit:"jobs" from:"uniqueJobsPerSite.<state>.<site>.sum_jobs" doc:"jobs that may run only there; -1 if the queue does not list it"`
	UniqueElements   int64  `unit:"elements" from:"uniqueJobsPerSite.<state>.<site>.num_elem" doc:"elements of the queue with these jobs; -1 if the queue does not list it"`
}

// AgentDetail is one agent with its components, disks, sites and jobs: the
// content of an agent_info document.
type AgentDetail struct {
	Agent

	Components []AgentComponent // by Component
	Disks      []AgentDisk      // by Mount
	Sites      []AgentSite      // by Site

	SitePriorities []AgentSitePriority // by Site, the highest Priority first
	JobStates      []AgentJobState     // by Source, State
	QueueSites     []QueueSite         // of the global queue, by State, Site

	AlertRecords []Alert // the worst first
}

// StrayWorkflow is a workflow for which agents report running or pending jobs
// although its status allows none, or its request is not in the lists: it is
// archived or unknown.
type StrayWorkflow struct {
	Workflow   string   `from:"workflow of agent_request documents" doc:"the workflow"`
	Status     string   `from:"Workflow.Status" doc:"status of the request; empty if the lists have no such request"`
	Agents     []string `param:"agent" from:"agent_url without port" doc:"agents that report such jobs"`
	Sites      []string `param:"site" from:"keys of sites with such jobs" doc:"sites that have them"`
	Running    int64    `unit:"jobs" from:"status.submitted.running of the newest report of each agent" doc:"running jobs"`
	Pending    int64    `unit:"jobs" from:"status.submitted.pending of the newest report of each agent" doc:"pending jobs"`
	Since      int64    `unit:"Unix s" from:"clock of the cache server" doc:"when the server first saw them; a checkpoint keeps it"`
	UpdateTime int64    `unit:"Unix s" from:"largest timestamp of these documents when their content last changed" doc:"time of the newest counts"`
}

// AttentionRecord is one workflow, agent or source under one rule of
// /attention, as a line of NDJSON or CSV.
type AttentionRecord struct {
	Rule      string   `from:"rules of /attention" doc:"the rule"`
	Title     string   `from:"rules of /attention" doc:"title of the rule"`
	Kind      string   `from:"the rule" doc:"Workflow, Agent or Source"`
	Name      string   `from:"Workflow.Workflow, Agent.Agent" doc:"the workflow, agent or source"`
	Status    string   `from:"Workflow.Status, Agent.Severity" doc:"status of the workflow, severity of the agent"`
	Priority  int64    `from:"Workflow.Priority" doc:"priority of the workflow; 0 for what has none"`
	Since     int64    `unit:"Unix s" from:"Workflow.StatusTime, Agent.Alerts, Agent.UpdateTime" doc:"start of the status; of an agent the start of its trouble, or its last report if that is unknown; last answer of the source; 0 if unknown"`
	Failure   int64    `unit:"jobs" from:"Failure" doc:"failed jobs"`
	Workflows int64    `unit:"workflows" from:"Workflow, Agent.Workflows" doc:"workflows that it holds back: 1 for a workflow; those of an agent in error; 0 for a warning"`
	Score     int64    `unit:"jobs" from:"Workflow.Score; TotalJobs - Canceled - Success of an agent in error" doc:"jobs that these hold back"`
	Cause     string   `from:"Alert.Cause" doc:"the likely cause, in words"`
	Who       string   `from:"Alert.Who" doc:"who can act; empty if no document says it"`
	Reasons   []string `from:"Alert.Reason" doc:"why the rule matches, in words"`
}

// StatusSummary sums the workflows in one status.
type StatusSummary struct {
	Status           string `from:"Workflow.Status" doc:"the status"`
	Order            int64  `from:"table of statuses" doc:"position in ReqMgr's life cycle, 1..19, or in Tier-0's; 99 for unknown statuses"`
	Workflows        int64  `unit:"workflows" from:"Workflow records" doc:"workflows"`
	RequestedEvents  int64  `unit:"events" from:"sum of RequestedEvents where known" doc:"events requested; -1 if no workflow knows"`
	MinPriority      int64  `from:"smallest Priority that is known" doc:"lowest priority; -1 if unknown"`
	MaxPriority      int64  `from:"largest Priority that is known" doc:"highest priority; -1 if unknown"`
	OldestStatusTime int64  `unit:"Unix s" from:"smallest StatusTime that is known" doc:"when the workflow that is in it longest entered it"`
}

// CacheInfo says how current and how complete the data of a cache server are.
type CacheInfo struct {
	Generation       string  `from:"process tag and number" doc:"name of the newest generation"`
	CacheTime        int64   `unit:"Unix s" from:"clock of the cache server" doc:"when the generation was published"`
	CheckTime        int64   `unit:"Unix s" from:"clock of the cache server" doc:"when the source last answered"`
	LoadSeconds      float64 `unit:"s" from:"clock of the cache server" doc:"length of the last full read"`
	Complete         bool    `from:"follower" doc:"a full read has finished and changes are followed"`
	Stale            bool    `from:"follower" doc:"the source does not answer"`
	StaleReason      string  `from:"follower" doc:"why"`
	Source           string  `from:"options, without user and password" doc:"where the documents come from"`
	Workflows        int64   `unit:"workflows" from:"store" doc:"workflows in the generation"`
	AgentReports     int64   `unit:"documents" from:"store" doc:"agent reports (agent_request documents) that belong to a workflow of the generation"`
	UnmatchedReports int64   `unit:"documents" from:"store" doc:"agent reports whose workflow has no request document"`
	Bytes            int64   `unit:"bytes" from:"store" doc:"encoded bytes of the list records"`
	BadDocuments     int64   `unit:"documents" from:"follower" doc:"documents since the start that could not be used"`
	OwedDocuments    int64   `unit:"documents" from:"follower" doc:"documents that exist, as far as is known, but have not arrived; they are requested again"`
	Flaws            int64   `unit:"fields" from:"follower" doc:"fields of the wrong form since the start, replaced by their defaults"`
}
