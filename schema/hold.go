package schema

// Reasons of a Hold, in the order in which they are listed.
const (
	HoldApproval   = "waits_approval"   // new
	HoldAssignment = "waits_assignment" // assignment-approved
	HoldStaging    = "waits_staging"    // assigned, staging
	HoldQueue      = "global_queue"     // staged, acquired: no agent has taken it
	HoldPartQueue  = "part_in_queue"    // running-open, and agents have not taken all of it
	HoldSitesDown  = "sites_down"       // allowed sites take no jobs
	HoldSlotsFull  = "slots_full"       // pending slots of its sites are full
	HoldPriority   = "priority"         // jobs of higher priority wait at its sites
	HoldAgents     = "agents"           // its agents drain, or are in error
	HoldFailing    = "failing"          // more jobs fail than succeed
	HoldSkipped    = "skipped_input"    // jobs skipped input files
	HoldNothing    = "nothing"          // no reason was found
)

// Hold is one reason why a workflow, or the workflows of a campaign, do not move.
type Hold struct {
	Hold      string   `from:"rules of cacheserver/holds" doc:"waits_approval, waits_assignment, waits_staging, global_queue, part_in_queue, sites_down, slots_full, priority, agents, failing, skipped_input, or nothing"`
	Cause     string   `from:"the figures of the rule" doc:"the reason, in words"`
	Workflows int64    `unit:"workflows" from:"Workflow records" doc:"workflows that it holds"`
	Jobs      int64    `unit:"jobs" from:"the figures of the rule" doc:"jobs that wait for it; failed jobs for failing; -1 if they are not counted"`
	Since     int64    `unit:"Unix s" from:"smallest StatusTime of these workflows that is known" doc:"when the first of them entered its status"`
	Sites     []string `from:"the figures of the rule" doc:"sites that it is about"`
	Agents    []string `from:"the figures of the rule" doc:"agents that it is about"`
	Query     string   `from:"filters of /fetch" doc:"parameters of /fetch that list these workflows; empty if no filter selects them, and for a single workflow"`
}

// StatusLeft is the work left in one status of a campaign.
type StatusLeft struct {
	Status           string `from:"Workflow.Status" doc:"the status"`
	Workflows        int64  `unit:"workflows" from:"Workflow records" doc:"workflows in it"`
	EventsLeft       int64  `unit:"events" from:"sum of InputEvents - AvgOutputEvents where known and positive" doc:"events that are not done; -1 if no workflow knows"`
	OldestStatusTime int64  `unit:"Unix s" from:"smallest StatusTime that is known" doc:"when the workflow that is in it longest entered it"`
}

// WorkflowLeft is one of the workflows of a campaign with the most events left.
type WorkflowLeft struct {
	Workflow   string `from:"Workflow.Workflow" doc:"name of the workflow"`
	Status     string `from:"Workflow.Status" doc:"its status"`
	StatusTime int64  `unit:"Unix s" from:"Workflow.StatusTime" doc:"when it entered it"`
	EventsLeft int64  `unit:"events" from:"InputEvents - AvgOutputEvents" doc:"events that are not done"`
}

// EventsLeft returns the events that are not done, per average output dataset;
// -1 if unknown. ReqMgr may lack the input, and output may exceed it.
func (w *Workflow) EventsLeft() int64 {
	if w.InputEvents <= 0 {
		return -1
	}
	return max(0, w.InputEvents-int64(max(0, w.AvgOutputEvents)))
}

// Drain is what a draining agent still has.
type Drain struct {
	Workflows        int64  `unit:"workflows" from:"Workflow records of the agent whose status is not completed or a later one" doc:"workflows that it waits for"`
	Oldest           string `from:"the one with the smallest StatusTime" doc:"the workflow that has been in its status longest; empty if unknown"`
	OldestStatusTime int64  `unit:"Unix s" from:"its StatusTime" doc:"when it entered it"`
	Jobs             int64  `unit:"jobs" from:"Queued + Pending + Running + Cooloff + Paused of the agent" doc:"jobs of the agent that have not ended"`
	Query            string `from:"filters of /fetch" doc:"parameters of /fetch that list these workflows"`
}
