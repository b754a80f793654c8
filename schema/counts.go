package schema

// each returns pointers to all counters, in the order of the struct.
func (c *JobCounts) each() [18]*int64 {
	return [...]*int64{
		&c.Success, &c.Canceled, &c.Transition,
		&c.QueuedFirst, &c.QueuedRetry,
		&c.SubmittedFirst, &c.SubmittedRetry, &c.Pending, &c.Running,
		&c.FailureCreate, &c.FailureSubmit, &c.FailureException,
		&c.CooloffCreate, &c.CooloffSubmit, &c.CooloffJob,
		&c.PausedCreate, &c.PausedSubmit, &c.PausedJob,
	}
}

// Add adds the counters of o.
func (c *JobCounts) Add(o *JobCounts) {
	c.Success += o.Success
	c.Canceled += o.Canceled
	c.Transition += o.Transition
	c.QueuedFirst += o.QueuedFirst
	c.QueuedRetry += o.QueuedRetry
	c.SubmittedFirst += o.SubmittedFirst
	c.SubmittedRetry += o.SubmittedRetry
	c.Pending += o.Pending
	c.Running += o.Running
	c.FailureCreate += o.FailureCreate
	c.FailureSubmit += o.FailureSubmit
	c.FailureException += o.FailureException
	c.CooloffCreate += o.CooloffCreate
	c.CooloffSubmit += o.CooloffSubmit
	c.CooloffJob += o.CooloffJob
	c.PausedCreate += o.PausedCreate
	c.PausedSubmit += o.PausedSubmit
	c.PausedJob += o.PausedJob
}

// Sub subtracts the counters of o. A result may be negative.
func (c *JobCounts) Sub(o *JobCounts) {
	c.Success -= o.Success
	c.Canceled -= o.Canceled
	c.Transition -= o.Transition
	c.QueuedFirst -= o.QueuedFirst
	c.QueuedRetry -= o.QueuedRetry
	c.SubmittedFirst -= o.SubmittedFirst
	c.SubmittedRetry -= o.SubmittedRetry
	c.Pending -= o.Pending
	c.Running -= o.Running
	c.FailureCreate -= o.FailureCreate
	c.FailureSubmit -= o.FailureSubmit
	c.FailureException -= o.FailureException
	c.CooloffCreate -= o.CooloffCreate
	c.CooloffSubmit -= o.CooloffSubmit
	c.CooloffJob -= o.CooloffJob
	c.PausedCreate -= o.PausedCreate
	c.PausedSubmit -= o.PausedSubmit
	c.PausedJob -= o.PausedJob
}

// Positive returns the counters with negative ones set to 0.
func (c JobCounts) Positive() JobCounts {
	for _, p := range c.each() {
		*p = max(*p, 0)
	}
	return c
}

// Derive sets the values that follow from the raw counters: the sums and ratios
// of requestInfo.js, and of wmstatsCommon in WMCore.
func (c JobCounts) Derive() Counters {
	out := Counters{
		JobCounts: c,
		Queued:    c.QueuedFirst + c.QueuedRetry,
		Failure:   c.FailureCreate + c.FailureSubmit + c.FailureException,
		Cooloff:   c.CooloffCreate + c.CooloffSubmit + c.CooloffJob,
		Paused:    c.PausedCreate + c.PausedSubmit + c.PausedJob,
	}
	out.TotalJobs = c.Success + c.Canceled + c.Transition +
		out.Failure + out.Cooloff + out.Paused + out.Queued + c.Running + c.Pending
	ended := c.Success + out.Failure
	out.JobProgress = Percent(float64(ended), float64(out.TotalJobs))
	out.FailureRate = Percent(float64(out.Failure), float64(ended))
	return out
}
