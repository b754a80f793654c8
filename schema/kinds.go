package schema

import "reflect"

// Kind describes one kind of record.
type Kind struct {
	Name   string // Go type, and Kind of a line in mixed NDJSON
	Doc    string // first sentence of the type's comment
	Fields []Field
}

// Kinds returns the description of all kinds of records.
func Kinds() []Kind {
	return []Kind{
		kind[Workflow]("Workflow is one active request with the sums of all its agents' job counts: the record of /fetch."),
		kind[WorkflowAgent]("WorkflowAgent is what one agent reported on one workflow."),
		kind[WorkflowSite]("WorkflowSite is what one agent reported on one workflow at one site."),
		kind[WorkflowTask]("WorkflowTask is what one agent reported on one task of a workflow."),
		kind[TaskSite]("TaskSite is a leaf: one agent, one task, one site."),
		kind[Output]("Output is a leaf: merged output of one dataset by one task at one site."),
		kind[DatasetProgress]("DatasetProgress is the merged output of one dataset of a workflow over all agents, tasks and sites, against the workflow's input."),
		kind[ChainStep]("ChainStep is one step of a TaskChain or StepChain, as requested."),
		kind[ChainParentage]("ChainParentage lists the datasets that one step of a chain reads and writes."),
		kind[LFNBase]("LFNBase is a prefix of the logical names of the files that a workflow writes."),
		kind[StatusChange]("StatusChange is one step of a workflow's status history."),
		kind[PriorityChange]("PriorityChange is one step of a workflow's priority history."),
		kind[Alert]("Alert is one rule that holds for a workflow or an agent, with its reason."),
		kind[JobError]("JobError is a group of failing jobs of one workflow."),
		kind[JobSample]("JobSample is one failing or retried job of a workflow, from its jobsummary document."),
		kind[JobStepError]("JobStepError is one error in one step of a job."),
		kind[JobOutput]("JobOutput is one file that a job wrote."),
		kind[JobTransition]("JobTransition is one change of a job's state."),
		kind[ErrorSummary]("ErrorSummary is a number of failing jobs that have something in common, over all workflows of the cache."),
		kind[LogEntry]("LogEntry is one message about a workflow in the log database."),
		kind[LogGroup]("LogGroup is the messages of one reporter, thread and type about one workflow: how many there are, and the newest."),
		kind[Site]("Site sums what agents reported at one site, over all workflows."),
		kind[SiteAgent]("SiteAgent is what one agent reports about one site, and when."),
		kind[Campaign]("Campaign sums the workflows whose main campaign it is, and counts those that have it only in a step."),
		kind[SiteFailures]("SiteFailures is what agents count of the jobs of a campaign at one site."),
		kind[Release]("Release sums the workflows whose main CMSSW version it is, and counts those that have it only in a step."),
		kind[Agent]("Agent is one WMAgent or central service: its health and, for an agent, the sums of what it reported."),
		kind[AgentComponent]("AgentComponent is one component of an agent, or one of its problems."),
		kind[AgentDisk]("AgentDisk is one disk over its limit."),
		kind[AgentSite]("AgentSite holds the limits of one agent at one site, and the jobs that wait there."),
		kind[AgentSitePriority]("AgentSitePriority is the number of jobs of one agent that wait at one site with one priority."),
		kind[AgentJobState]("AgentJobState is the number of jobs of one agent, or of the global queue, in one state or of one type, as one of its sources counts them."),
		kind[StrayWorkflow]("StrayWorkflow is a workflow for which agents report running or pending jobs although its status allows none, or its request is not in the lists: it is archived or unknown."),
		kind[QueueSite]("QueueSite is the work of the global queue in one state that may run at one site, and the part of it that may run nowhere else."),
		kind[Hold]("Hold is one reason why a workflow, or the workflows of a campaign, do not move."),
		kind[StatusLeft]("StatusLeft is the work left in one status of a campaign."),
		kind[WorkflowLeft]("WorkflowLeft is one of the workflows of a campaign with the most events left."),
		kind[Drain]("Drain is what a draining agent still has."),
		kind[AttentionRecord]("AttentionRecord is one workflow, agent or source under one rule of /attention, as a line of NDJSON or CSV."),
		kind[StatusSummary]("StatusSummary sums the workflows in one status."),
		kind[TimelinePoint]("TimelinePoint is one count at one time: workflows in a status or group of statuses, or jobs in a state."),
		kind[Rate]("Rate is how fast jobs ended, from counts over time."),
		kind[AgentChange]("AgentChange is one change of an agent's state."),
		kind[SiteChange]("SiteChange is one change of a site's state."),
		kind[FailureChange]("FailureChange is how many failed jobs a workflow, campaign, site, release or agent gained between two points."),
		kind[AlertChange]("AlertChange is how many workflows came under one rule, and left it, between two points."),
		kind[CacheInfo]("CacheInfo says how current and how complete the data of a cache server are."),
	}
}

func kind[T any](doc string) Kind {
	return Kind{Name: reflect.TypeFor[T]().Name(), Doc: doc, Fields: Describe[T]()}
}
