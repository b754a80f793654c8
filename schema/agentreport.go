package schema

// AgentReport is the part of one agent_request document that the lists need. It
// is enough to compute the workflow's record, the WorkflowAgent and
// WorkflowSite records and all group sums without the document. Tasks, and
// outputs by task and site, are left out: they belong to the detail, which is
// read from the source on demand.
type AgentReport struct {
	Workflow     string
	Agent        string // host without port
	Team         string
	AgentVersion string
	Time         int64 // timestamp of the document, Unix s

	Counts      JobCounts
	JobsInWMBS  int64
	JobsInQueue int64

	Sites   []SiteReport   // by Site
	Outputs []OutputReport // by Dataset
	Tasks   []uint64       // hashes of the task paths, ascending: enough to count distinct tasks over agents

	Skipped      bool
	SkippedFiles int64
}

// SiteReport holds the raw counters of one site in an AgentReport.
type SiteReport struct {
	Site   string
	Counts JobCounts
}

// OutputReport holds the merged output of one dataset in an AgentReport.
type OutputReport struct {
	Dataset              string
	Events, Lumis, Bytes int64
}
