package schema

// JobCounts are the 18 raw counters of an agent_request document, in jobs.
// SubmittedFirst+SubmittedRetry and Pending+Running are two splits of the same
// jobs: they are never added together.
type JobCounts struct {
	Success          int64 `unit:"jobs" from:"success" doc:"finished successfully"`
	Canceled         int64 `unit:"jobs" from:"canceled" doc:"killed"`
	Transition       int64 `unit:"jobs" from:"transition" doc:"between two states when counted"`
	QueuedFirst      int64 `unit:"jobs" from:"queued.first" doc:"created, not yet submitted, first try"`
	QueuedRetry      int64 `unit:"jobs" from:"queued.retry" doc:"created, not yet submitted, a retry"`
	SubmittedFirst   int64 `unit:"jobs" from:"submitted.first" doc:"in the batch system, first try (job database)"`
	SubmittedRetry   int64 `unit:"jobs" from:"submitted.retry" doc:"in the batch system, a retry (job database)"`
	Pending          int64 `unit:"jobs" from:"submitted.pending" doc:"idle in the batch system (batch layer)"`
	Running          int64 `unit:"jobs" from:"submitted.running" doc:"running, held or otherwise live in the batch system (batch layer)"`
	FailureCreate    int64 `unit:"jobs" from:"failure.create" doc:"retries used up, failed at creation"`
	FailureSubmit    int64 `unit:"jobs" from:"failure.submit" doc:"retries used up, failed at submission"`
	FailureException int64 `unit:"jobs" from:"failure.exception" doc:"retries used up, failed while running"`
	CooloffCreate    int64 `unit:"jobs" from:"cooloff.create" doc:"waiting to retry creation"`
	CooloffSubmit    int64 `unit:"jobs" from:"cooloff.submit" doc:"waiting to retry submission"`
	CooloffJob       int64 `unit:"jobs" from:"cooloff.job, or cooloff when it is a number" doc:"waiting to retry the job"`
	PausedCreate     int64 `unit:"jobs" from:"paused.create" doc:"stopped at creation until someone acts"`
	PausedSubmit     int64 `unit:"jobs" from:"paused.submit" doc:"stopped at submission until someone acts"`
	PausedJob        int64 `unit:"jobs" from:"paused.job" doc:"stopped after running until someone acts"`
}

// Counters is the block of counters that many records share: the raw counters
// and the values derived from them. Derived values are computed after summing;
// they are never summed themselves.
type Counters struct {
	JobCounts

	Queued      int64   `unit:"jobs" from:"QueuedFirst + QueuedRetry" doc:"created, not yet submitted"`
	Failure     int64   `unit:"jobs" from:"FailureCreate + FailureSubmit + FailureException" doc:"retries used up"`
	Cooloff     int64   `unit:"jobs" from:"CooloffCreate + CooloffSubmit + CooloffJob" doc:"will be retried after a wait"`
	Paused      int64   `unit:"jobs" from:"PausedCreate + PausedSubmit + PausedJob" doc:"stopped until someone acts"`
	TotalJobs   int64   `unit:"jobs" from:"Success + Canceled + Transition + Failure + Cooloff + Paused + Queued + Running + Pending" doc:"jobs created"`
	JobProgress float64 `unit:"%" from:"100 x (Success + Failure) / TotalJobs" doc:"share of created jobs that ended; -1 without jobs"`
	FailureRate float64 `unit:"%" from:"100 x Failure / (Success + Failure)" doc:"share of ended jobs that failed; -1 before any ended"`
}
