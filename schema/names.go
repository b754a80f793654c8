package schema

// Names for a missing site.
const (
	Unknown = "(unknown)" // a site that an agent could not name
	None    = "(none)"    // jobs that have no site yet
)

// Kinds of Agent.
const (
	KindAgent   = "agent"
	KindService = "service"
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

// Uses of LFNBase.
const (
	UseOutput   = "output"
	UseUnmerged = "unmerged"
	UseMerged   = "merged"
)
