package raw

import (
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/jsonscan"
)

// readCounts reads the rest of an open counter object. Every key is optional.
func (d *decoder) readCounts(c *schema.JobCounts) {
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !readCount(c, d, key) {
			d.scan.Skip()
		}
	}
}

// readCount reads the value of one key of a counter object. It returns false,
// and reads nothing, for other keys. The second of two equal groups replaces
// the first.
func readCount(c *schema.JobCounts, d *decoder, key []byte) bool {
	switch string(key) {
	case "success":
		c.Success = d.count("success")
	case "canceled":
		c.Canceled = d.count("canceled")
	case "transition":
		c.Transition = d.count("transition")
	case "queued":
		readQueued(c, d)
	case "submitted":
		readSubmitted(c, d)
	case "failure":
		d.readGroup("failure", "exception", &c.FailureCreate, &c.FailureSubmit, &c.FailureException)
	case "cooloff":
		readCooloff(c, d)
	case "paused":
		d.readGroup("paused", "job", &c.PausedCreate, &c.PausedSubmit, &c.PausedJob)
	default:
		return false
	}
	return true
}

func readQueued(c *schema.JobCounts, d *decoder) {
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

func readSubmitted(c *schema.JobCounts, d *decoder) {
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

// readCooloff reads the group or, in old documents, one number for the jobs.
func readCooloff(c *schema.JobCounts, d *decoder) {
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
