package schema

import "github.com/dmwm/wmstats/schema/internal/jsonscan"

// readCounts reads the rest of an open counter object. Every key is optional.
func (d *decoder) readCounts(c *JobCounts) {
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !c.readKey(d, key) {
			d.scan.Skip()
		}
	}
}

// readKey reads the value of one key of a counter object; false, and nothing
// read, for other keys. A group that comes twice replaces the first.
func (c *JobCounts) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "success":
		c.Success = d.count("success")
	case "canceled":
		c.Canceled = d.count("canceled")
	case "transition":
		c.Transition = d.count("transition")
	case "queued":
		c.readQueued(d)
	case "submitted":
		c.readSubmitted(d)
	case "failure":
		d.readGroup("failure", "exception", &c.FailureCreate, &c.FailureSubmit, &c.FailureException)
	case "cooloff":
		c.readCooloff(d)
	case "paused":
		d.readGroup("paused", "job", &c.PausedCreate, &c.PausedSubmit, &c.PausedJob)
	default:
		return false
	}
	return true
}

func (c *JobCounts) readQueued(d *decoder) {
	c.QueuedFirst, c.QueuedRetry = 0, 0
	if !d.open("queued") {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		switch string(key) {
		case "first":
			c.QueuedFirst = d.count("first")
		case "retry":
			c.QueuedRetry = d.count("retry")
		default:
			d.scan.Skip()
		}
	}
	d.within(mark, "queued")
}

func (c *JobCounts) readSubmitted(d *decoder) {
	c.SubmittedFirst, c.SubmittedRetry, c.Pending, c.Running = 0, 0, 0, 0
	if !d.open("submitted") {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		switch string(key) {
		case "first":
			c.SubmittedFirst = d.count("first")
		case "retry":
			c.SubmittedRetry = d.count("retry")
		case "pending":
			c.Pending = d.count("pending")
		case "running":
			c.Running = d.count("running")
		default:
			d.scan.Skip()
		}
	}
	d.within(mark, "submitted")
}

// readCooloff reads the group or, in old documents, one number for the jobs
// (domain, 1.2).
func (c *JobCounts) readCooloff(d *decoder) {
	if k := d.scan.Kind(); k == jsonscan.Number || k == jsonscan.String {
		c.CooloffCreate, c.CooloffSubmit = 0, 0
		c.CooloffJob = d.count("cooloff")
		return
	}
	d.readGroup("cooloff", "job", &c.CooloffCreate, &c.CooloffSubmit, &c.CooloffJob)
}

// readGroup reads a group of create, submit and one more counter.
func (d *decoder) readGroup(group, last string, create, submit, end *int64) {
	*create, *submit, *end = 0, 0, 0
	if !d.open(group) {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		switch string(key) {
		case "create":
			*create = d.count("create")
		case "submit":
			*submit = d.count("submit")
		case last:
			*end = d.count(last)
		default:
			d.scan.Skip()
		}
	}
	d.within(mark, group)
}

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

// positive returns the counters with negative ones as 0.
func (c JobCounts) positive() JobCounts {
	for _, p := range c.each() {
		*p = max(*p, 0)
	}
	return c
}

// Derive adds the figures that follow from the raw counters: the sums and
// ratios of requestInfo.js and of wmstatsCommon in WMCore (domain, 3.3).
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
