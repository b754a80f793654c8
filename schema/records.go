package schema

// Conventions of all records: times are Unix seconds, 0 is unknown; sizes are
// bytes; percentages run from 0 and may pass 100, -1 is "not defined"; counts
// of the source that may be absent use -1 for absent; an empty string is "not
// given"; lists are never nil.

// Workflow is one active request with the sums of all its agents' job counts:
// the record of /fetch.
type Workflow struct {
	Workflow    string `from:"RequestName, else _id, else workflow" doc:"name of the workflow"`
	Type        string `from:"RequestType" doc:"TaskChain, StepChain, ReReco, Resubmission, ..."`
	SubType     string `from:"SubRequestType" doc:"RelVal, HIRelVal or empty"`
	Status      string `from:"RequestStatus, else that of the newest RequestTransition" doc:"status of the request"`
	StatusTime  int64  `unit:"Unix s" from:"newest RequestTransition.UpdateTime of Status" doc:"when the status was entered; 0 if its history does not have it"`
	StatusKnown bool   `from:"table of statuses" doc:"the status is one of ReqMgr's 19, or of Tier-0's"`
	CreateTime  int64  `unit:"Unix s" from:"oldest RequestTransition.UpdateTime, else RequestDate as UTC" doc:"when the request was created"`

	Priority        int64    `from:"RequestPriority" doc:"0..999999, higher runs first; -1 if absent"`
	InitialPriority int64    `from:"InitialPriority, else the oldest PriorityTransition" doc:"priority at creation; -1 if unknown"`
	Campaign        string   `all:"Campaigns" from:"Campaign, else the first step's" doc:"production effort"`
	Campaigns       []string `from:"Campaign of the top level and of all steps, sorted" doc:"all campaigns that it belongs to"`
	Release         string   `all:"Releases" from:"CMSSWVersion, else the first step's" doc:"CMSSW version"`
	Releases        []string `from:"CMSSWVersion of the top level and of all steps, sorted" doc:"all CMSSW versions it uses"`
	Team            string   `all:"Teams" from:"Team, else Teams[0]" doc:"group of agents that may run it"`
	Teams           []string `from:"Team and Teams, sorted" doc:"all groups of agents that may run it"`
	Requestor       string   `from:"Requestor" doc:"user who created the request"`
	Group           string   `from:"Group" doc:"group of the requestor"`
	PrepID          string   `all:"PrepIDs" from:"PrepID, else the first step's" doc:"McM's own id"`
	PrepIDs         []string `from:"PrepID of the top level and of all steps, sorted" doc:"all McM ids"`
	ChainKind       string   `from:"presence of TaskChain or StepChain" doc:"Task, Step or empty"`
	ChainLength     int64    `from:"TaskChain or StepChain" doc:"number of steps in the chain"`

	InputDatasets   []string `param:"inputdataset" from:"InputDataset of the top level and of all steps" doc:"datasets it reads"`
	OutputDatasets  []string `param:"outputdataset" from:"OutputDatasets, each once" doc:"datasets that it should write"`
	Pileups         []string `param:"pileup" from:"MCPileup and DataPileup of the top level and of all steps" doc:"pileup datasets it reads"`
	SiteWhitelist   []string `from:"SiteWhitelist" doc:"sites it may use"`
	SiteBlacklist   []string `from:"SiteBlacklist" doc:"sites it may not use"`
	ScramArchs      []string `param:"scramarch" from:"ScramArch of the top level and of all steps" doc:"architectures"`
	AcquisitionEras []string `param:"acquisitionera" from:"AcquisitionEra of the top level and of all steps: text, list or object" doc:"acquisition eras"`
	GlobalTags      []string `param:"globaltag" from:"GlobalTag of the top level and of all steps" doc:"conditions"`
	OriginalRequest string   `from:"OriginalRequestName" doc:"workflow that a Resubmission recovers"`
	InitialTask     string   `from:"InitialTaskPath" doc:"task that a Resubmission starts from"`
	Run             int64    `from:"Run" doc:"run that a Tier-0 workflow processes; -1 for all others"`

	EstimatedJobs   int64   `unit:"jobs" from:"TotalEstimatedJobs" doc:"expected jobs; -1 until the global queue has split the work"`
	InputEvents     int64   `unit:"events" from:"TotalInputEvents" doc:"events to process; -1 if absent"`
	InputLumis      int64   `unit:"lumis" from:"TotalInputLumis" doc:"luminosity sections to process; -1 if absent"`
	InputFiles      int64   `unit:"files" from:"TotalInputFiles" doc:"files to read; -1 if absent"`
	RequestedEvents int64   `unit:"events" from:"RequestNumEvents, the first of a list, else the first step's" doc:"events requested; -1 if absent"`
	Multicore       int64   `unit:"cores" from:"Multicore, else the steps'; the largest if given by task" doc:"cores of a job; -1 if absent"`
	Memory          int64   `unit:"MB" from:"Memory, else the steps'; the largest if given by task" doc:"memory of a job; -1 if absent"`
	TimePerEvent    float64 `unit:"s" from:"TimePerEvent" doc:"expected time of one event; -1 if absent"`
	SizePerEvent    float64 `unit:"KB" from:"SizePerEvent" doc:"expected size of one event; -1 if absent"`

	Counters

	JobsInWMBS         int64   `unit:"jobs" from:"sum of status.inWMBS" doc:"jobs of work that agents have taken"`
	JobsInQueue        int64   `unit:"jobs" from:"sum of status.inQueue" doc:"jobs of work in the agents' own queues"`
	OutputEvents       int64   `unit:"events" from:"sum over outputs" doc:"events of merged output"`
	OutputLumis        int64   `unit:"lumis" from:"sum over outputs" doc:"luminosity sections of merged output"`
	OutputBytes        int64   `unit:"bytes" from:"sum over outputs" doc:"size of merged output"`
	OutputDatasetCount int64   `unit:"datasets" from:"distinct datasets of the outputs" doc:"datasets with merged output so far"`
	AvgOutputEvents    float64 `unit:"events" from:"OutputEvents / number of OutputDatasets, else OutputDatasetCount" doc:"events of an average output dataset; -1 without datasets"`
	AvgOutputLumis     float64 `unit:"lumis" from:"OutputLumis / number of OutputDatasets, else OutputDatasetCount" doc:"lumis of an average output dataset; -1 without datasets"`
	QueueInjection     float64 `unit:"%" from:"100 x JobsInWMBS / EstimatedJobs" doc:"share of the expected jobs that agents have taken; -1 if unknown"`
	EventProgress      float64 `unit:"%" from:"100 x OutputEvents / (number of datasets of AvgOutputEvents x InputEvents)" doc:"events done; -1 if unknown"`
	LumiProgress       float64 `unit:"%" from:"100 x OutputLumis / (number of datasets of AvgOutputLumis x InputLumis)" doc:"lumis done, may pass 100; -1 if unknown"`
	SecondsLeft        int64   `unit:"s" from:"formula of schema/join.go, estimate, as of LastAgentUpdate" doc:"estimated time to completion, at the average rate since it entered its status; -1 if it does not run, or if an estimate would not be believable"`

	HasJobInfo        bool     `from:"at least one agent_request document" doc:"an agent has reported on it"`
	Agents            []string `param:"agent" from:"agent_url without port" doc:"agents that have reported on it"`
	AgentCount        int64    `unit:"agents" from:"Agents" doc:"number of Agents"`
	Sites             []string `param:"site" from:"keys of sites" doc:"sites that have its jobs"`
	SiteCount         int64    `unit:"sites" from:"Sites" doc:"number of Sites"`
	TaskCount         int64    `unit:"tasks" from:"distinct keys of tasks" doc:"number of tasks"`
	Skipped           bool     `from:"skipped of any agent" doc:"a job skipped an input file"`
	SkippedFiles      int64    `unit:"files" from:"sum of tasks.*.skipped.*.skippedFile" doc:"input files skipped"`
	LastAgentUpdate   int64    `unit:"Unix s" from:"largest timestamp of its agents' documents when their content last changed" doc:"time of the newest job counts"`
	OldestAgentUpdate int64    `unit:"Unix s" from:"smallest timestamp of its agents' documents when their content last changed" doc:"time of the oldest job counts"`
	HasUnplacedJobs   bool     `from:"status minus the sum of sites, of any agent" doc:"it has jobs without a site, which are listed under (none)"`
	Alerts            []string `param:"alert" from:"rules of schema/alerts.go" doc:"failed, config_error, site_error, assigned_stall, status_stall, stale_agent, skipped_files; paused_jobs of Tier-0"`
	Score             int64    `unit:"jobs" from:"Alerts; the larger of EstimatedJobs and TotalJobs - Canceled, minus Success" doc:"jobs that it holds back, at least 1, if it has alerts: none is expected any more once it is announced, aborted or rejected; 0 without alerts"`
}

// WorkflowAgent is what one agent reported on one workflow.
type WorkflowAgent struct {
	Workflow     string `from:"workflow" doc:"name of the workflow"`
	Agent        string `from:"agent_url without port" doc:"the agent"`
	Team         string `from:"agent_team" doc:"team of the agent"`
	AgentVersion string `from:"agent_version" doc:"WMAgent version"`
	UpdateTime   int64  `unit:"Unix s" from:"timestamp" doc:"when the agent wrote it"`
	Counters
	JobsInWMBS  int64 `unit:"jobs" from:"status.inWMBS" doc:"jobs of work that the agent has taken"`
	JobsInQueue int64 `unit:"jobs" from:"status.inQueue" doc:"jobs of work in the agent's own queue"`
	Skipped     bool  `from:"skipped" doc:"a job skipped an input file"`

	ReportedJobs int64 `unit:"jobs" from:"groups of failing jobs of this agent in a failed state" doc:"failed jobs, among those in Failure, whose job reports have arrived; -1 if not read"`
}

// WorkflowSite is what one agent reported on one workflow at one site. Jobs
// that have no site yet are in a record of their own, with the site "(none)",
// so that the records of a workflow add up to its totals.
type WorkflowSite struct {
	Workflow string `from:"workflow" doc:"name of the workflow"`
	Agent    string `from:"agent_url without port" doc:"the agent; empty: all agents"`
	Site     string `from:"key of sites" doc:"the site, (unknown) or (none)"`
	Counters
}

// WorkflowTask is what one agent reported on one task of a workflow.
type WorkflowTask struct {
	Workflow              string `from:"workflow" doc:"name of the workflow"`
	Agent                 string `from:"agent_url without port" doc:"the agent; empty: all agents"`
	Task                  string `from:"key of tasks" doc:"full path of the task"`
	TaskName              string `from:"last part of Task" doc:"short name"`
	ParentTask            string `from:"Task without its last part" doc:"full path of the parent; empty for a top task"`
	Depth                 int64  `from:"Task" doc:"1 for a top task"`
	JobType               string `from:"jobtype" doc:"Production, Processing, Merge, LogCollect, ..."`
	SubscriptionsFinished int64  `unit:"subscriptions" from:"subscription_status.finished" doc:"input portions done; -1 if absent"`
	SubscriptionsOpen     int64  `unit:"subscriptions" from:"subscription_status.open" doc:"input portions still open; -1 if absent"`
	SubscriptionsTotal    int64  `unit:"subscriptions" from:"subscription_status.total" doc:"input portions; -1 if absent"`
	SubscriptionTime      int64  `unit:"Unix s" from:"subscription_status.updated" doc:"last change of a subscription"`
	Counters
}

// TaskSite is a leaf: one agent, one task, one site. It is for drilling down.
// Totals are not computed from it, because the jobs and the output of one job
// may be under two names of one site.
type TaskSite struct {
	Workflow string `from:"workflow" doc:"name of the workflow"`
	Agent    string `from:"agent_url without port" doc:"the agent"`
	Task     string `from:"key of tasks" doc:"full path of the task"`
	Site     string `from:"key of tasks.*.sites" doc:"the site, or (unknown)"`
	Counters
	WallTime     float64 `unit:"s" from:"wrappedTotalJobTime" doc:"wall time of the steps of successful jobs"`
	JobCPU       float64 `unit:"s" from:"cmsRunCPUPerformance.totalJobCPU" doc:"CPU time of jobs"`
	JobTime      float64 `unit:"s" from:"cmsRunCPUPerformance.totalJobTime" doc:"wall time of jobs"`
	EventCPU     float64 `unit:"s" from:"cmsRunCPUPerformance.totalEventCPU" doc:"CPU time of events"`
	InputEvents  int64   `unit:"events" from:"inputEvents" doc:"events read by successful jobs"`
	SkippedFiles int64   `unit:"files" from:"tasks.*.skipped.<site>.skippedFile" doc:"input files skipped"`
}

// Output is a leaf: merged output of one dataset by one task at one site.
type Output struct {
	Workflow string `from:"workflow" doc:"name of the workflow"`
	Agent    string `from:"agent_url without port" doc:"the agent"`
	Task     string `from:"key of tasks" doc:"full path of the task"`
	Site     string `from:"key of tasks.*.sites" doc:"the site, or (unknown)"`
	Dataset  string `from:"key of dataset" doc:"the output dataset"`
	Events   int64  `unit:"events" from:"events" doc:"events written"`
	Lumis    int64  `unit:"lumis" from:"totalLumis" doc:"luminosity sections written"`
	Bytes    int64  `unit:"bytes" from:"size" doc:"bytes written"`
}

// DatasetProgress is the merged output of one dataset of a workflow over all
// agents, tasks and sites, against the workflow's input.
type DatasetProgress struct {
	Workflow      string  `from:"workflow" doc:"name of the workflow"`
	Dataset       string  `from:"OutputDatasets and keys of dataset" doc:"the output dataset"`
	Expected      bool    `from:"OutputDatasets" doc:"the request names it"`
	Events        int64   `unit:"events" from:"sum over outputs" doc:"events written"`
	Lumis         int64   `unit:"lumis" from:"sum over outputs" doc:"luminosity sections written"`
	Bytes         int64   `unit:"bytes" from:"sum over outputs" doc:"bytes written"`
	EventProgress float64 `unit:"%" from:"100 x Events / InputEvents" doc:"events done; -1 if unknown"`
	LumiProgress  float64 `unit:"%" from:"100 x Lumis / InputLumis" doc:"lumis done; -1 if unknown"`
}

// ChainStep is one step of a TaskChain or StepChain, as requested.
type ChainStep struct {
	Workflow     string   `from:"RequestName" doc:"name of the workflow"`
	Index        int64    `from:"TaskN or StepN" doc:"1..N"`
	Name         string   `from:"TaskName or StepName" doc:"name of the step"`
	InputName    string   `from:"InputTask or InputStep" doc:"step that it reads from"`
	Release      string   `from:"CMSSWVersion, else the request's" doc:"CMSSW version"`
	ScramArch    string   `from:"ScramArch, else the request's, joined by a comma" doc:"architecture"`
	GlobalTag    string   `from:"GlobalTag" doc:"conditions"`
	Campaign     string   `from:"Campaign, else the request's" doc:"campaign"`
	PrepID       string   `from:"PrepID" doc:"McM's own id"`
	InputDataset string   `from:"InputDataset" doc:"dataset it reads"`
	Pileups      []string `from:"MCPileup, DataPileup" doc:"pileup datasets it reads"`
	Memory       int64    `unit:"MB" from:"Memory, the largest if given by task" doc:"memory of a job; -1 if absent"`
	Multicore    int64    `unit:"cores" from:"Multicore, the largest if given by task" doc:"cores of a job; -1 if absent"`
	KeepOutput   bool     `from:"KeepOutput; true if absent, as in ReqMgr" doc:"its output is kept"`
}

// ChainParentage lists the datasets that one step of a chain reads and writes.
// DBS gets the parents of the step's output from it.
type ChainParentage struct {
	Workflow      string   `from:"RequestName" doc:"name of the workflow"`
	Index         int64    `from:"number in the key StepN or TaskN of ChainParentageMap" doc:"1..N"`
	ParentDataset string   `from:"ChainParentageMap.*.ParentDset" doc:"dataset that the step reads; empty if it reads none"`
	ChildDatasets []string `from:"ChainParentageMap.*.ChildDsets" doc:"datasets that the step writes"`
	Resolved      bool     `from:"ParentageResolved" doc:"DBS has the parentage of the workflow"`
}

// LFNBase is a prefix of the logical names of the files that a workflow writes.
type LFNBase struct {
	Workflow string `from:"RequestName" doc:"name of the workflow"`
	Use      string `from:"OutputModulesLFNBases, UnmergedLFNBase or MergedLFNBase" doc:"output, unmerged or merged"`
	Base     string `from:"the value" doc:"prefix of the file names"`
}

// StatusChange is one step of a workflow's status history.
type StatusChange struct {
	Workflow string `from:"RequestName" doc:"name of the workflow"`
	Index    int64  `from:"position in RequestTransition" doc:"1..N, as written"`
	Status   string `from:"RequestTransition.Status" doc:"status entered"`
	Time     int64  `unit:"Unix s" from:"RequestTransition.UpdateTime" doc:"when"`
}

// PriorityChange is one step of a workflow's priority history.
type PriorityChange struct {
	Workflow string `from:"RequestName" doc:"name of the workflow"`
	Index    int64  `from:"position in PriorityTransition" doc:"1..N, as written"`
	Priority int64  `from:"PriorityTransition.Priority" doc:"priority set; -1 if absent"`
	Time     int64  `unit:"Unix s" from:"PriorityTransition.UpdateTime" doc:"when"`
}

// JobError is a group of failing jobs of one workflow.
type JobError struct {
	Workflow   string `from:"key[0]" doc:"name of the workflow"`
	Task       string `from:"key[1]" doc:"full path of the task"`
	State      string `from:"key[2]" doc:"jobfailed, jobcooloff, submitfailed, ..."`
	ExitCode   int64  `from:"key[3]" doc:"exit code of the job; -1 if absent"`
	Site       string `from:"key[4]" doc:"the site, or (unknown)"`
	Agent      string `from:"key[6] without port" doc:"the agent"`
	ErrorTypes string `from:"key[7], distinct, sorted, joined by ;" doc:"kinds of error in the job reports"`
	Count      int64  `unit:"jobs" from:"value of the view" doc:"jobs"`
	Retries    int64  `unit:"jobs" from:"states createcooloff, submitcooloff and jobcooloff of key[2], and success" doc:"those of Count that are tried again: in cool-off, or succeeded in the end"`
}

// Detail holds all that is known about one workflow: the answer of
// /fetch/{workflow}. The keys of its Workflow record come first; the lists of
// names in Sites and Agents are replaced by the records of the same name.
type Detail struct {
	Workflow

	Agents       []WorkflowAgent   // by Agent
	Sites        []WorkflowSite    // by Agent, Site
	SiteTotals   []WorkflowSite    // by Site, Agent empty: sums over agents
	Tasks        []WorkflowTask    // by Agent, Task
	TaskTotals   []WorkflowTask    // by Task, Agent empty: sums over agents
	TaskSites    []TaskSite        // by Agent, Task, Site
	Outputs      []Output          // by Agent, Task, Site, Dataset
	Datasets     []DatasetProgress // by Dataset
	Steps        []ChainStep       // by Index
	Parentage    []ChainParentage  // by Index
	LFNBases     []LFNBase         // by Use, Base
	Transitions  []StatusChange    // by Index
	Priorities   []PriorityChange  // by Index
	Errors       []JobError        // by Count, most first
	ErrorsState  string            // loaded, none, none_reported, not_loaded or failed
	ReportedJobs int64             `unit:"jobs" from:"groups of failing jobs in a failed state" doc:"failed jobs, among those in Failure, whose job reports have arrived; -1 if not read"`
	Recoveries   []string          // Resubmission workflows that name this one as their original

	AlertRecords []Alert // one for each of Alerts
	Holds        []Hold  // why it does not move, in a fixed order

	DetailsTime int64 // Unix s: when everything but the list record was read, if the records are stale or the source could not be read since; 0 if it is current

	Unlisted string // archived or other: not in the lists, read from the source by its name, without agents' reports; empty if it is in the lists
}
