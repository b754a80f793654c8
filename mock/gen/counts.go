package gen

import "github.com/dmwm/wmstats/mock/jsonout"

// Counts are the job counters of an agent document, by their raw names.
type Counts struct {
	Success, Canceled, Transition                  int64
	QueuedFirst, QueuedRetry                       int64
	SubmittedFirst, SubmittedRetry                 int64
	Pending, Running                               int64
	FailureCreate, FailureSubmit, FailureException int64
	CooloffCreate, CooloffSubmit, CooloffJob       int64
	PausedCreate, PausedSubmit, PausedJob          int64
}

func (c *Counts) add(o *Counts) {
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

// write writes the members of a counter object; zeros are left out.
func (c *Counts) write(j *jsonout.Buf) {
	j.NonZero("success", c.Success)
	j.NonZero("canceled", c.Canceled)
	j.NonZero("transition", c.Transition)
	group(j, "queued", "first", c.QueuedFirst, "retry", c.QueuedRetry, "", 0)
	if c.SubmittedFirst|c.SubmittedRetry|c.Pending|c.Running != 0 {
		j.Object("submitted")
		j.NonZero("first", c.SubmittedFirst)
		j.NonZero("retry", c.SubmittedRetry)
		j.NonZero("pending", c.Pending)
		j.NonZero("running", c.Running)
		j.Close('}')
	}
	group(j, "failure", "create", c.FailureCreate, "submit", c.FailureSubmit, "exception", c.FailureException)
	group(j, "cooloff", "create", c.CooloffCreate, "submit", c.CooloffSubmit, "job", c.CooloffJob)
	group(j, "paused", "create", c.PausedCreate, "submit", c.PausedSubmit, "job", c.PausedJob)
}

func group(j *jsonout.Buf, name, k1 string, v1 int64, k2 string, v2 int64, k3 string, v3 int64) {
	if v1|v2|v3 == 0 {
		return
	}
	j.Object(name)
	j.NonZero(k1, v1)
	j.NonZero(k2, v2)
	if k3 != "" {
		j.NonZero(k3, v3)
	}
	j.Close('}')
}

// cell is a group of jobs that go through their states together: those of one
// task at one site in one agent.
type cell struct {
	jobs     int64
	done     int64  // share that ended, 0..Ended
	lead     int64  // share that is created before the first one ends, 0..Ended
	fail     int64  // permille of ended jobs that failed
	killed   bool   // jobs that have not ended are canceled
	luck     uint64 // spreads roundings and rare states over the cells
	createUp bool   // failures happen at creation (a broken configuration), not at run time
}

// Maximum number of jobs of a cell that run, and that are with the batch
// system, at a time.
const (
	mostRunning   = 400
	mostSubmitted = 900
)

// counts returns the counters of the cell: of jobs that have a site, and
// separately of those that have none yet. Success, failures and the number of
// created jobs never fall while done rises.
func (c cell) counts() (placed, unplaced Counts) {
	ended := c.portion(c.done)
	failed := (ended*c.fail + int64(c.luck%1000)) / 1000
	placed.Success = ended - failed
	created := c.portion(createdShare(c.lead, c.done))
	open := created - ended
	started := ended + min(mostRunning, (open*int64(15+c.luck>>8%40)+int64(c.luck%100))/100)
	submitted := max(started, ended+min(mostSubmitted, open*int64(50+c.luck>>16%45)/100))
	switch {
	case c.createUp:
		unplaced.FailureCreate = failed
	case c.luck>>20%12 == 0:
		placed.FailureSubmit = failed
	default:
		placed.FailureException = failed
	}
	if c.killed {
		placed.Canceled = created - ended
		return placed, unplaced
	}
	wait := (started - ended) * c.fail * 6 / 10000
	switch {
	case c.createUp:
		unplaced.CooloffCreate = wait
	case c.luck>>30%40 == 0:
		placed.PausedJob = wait
	case c.luck>>30%10 == 1:
		placed.CooloffSubmit = wait
	default:
		placed.CooloffJob = wait
	}
	placed.Running, placed.Pending = started-ended-wait, submitted-started
	if placed.Running > 20 && c.luck>>40%16 == 0 {
		placed.Running--
		placed.Transition = 1
	}
	live := placed.Running + placed.Pending
	placed.SubmittedRetry = live * c.fail / 1000
	placed.SubmittedFirst = live - placed.SubmittedRetry
	queued := created - submitted
	unplaced.QueuedRetry = queued * c.fail / 2000
	unplaced.QueuedFirst = queued - unplaced.QueuedRetry
	return placed, unplaced
}

// portion returns a share of the jobs. Luck decides on the last one, so that
// cells of a single job do not all wait until the end.
func (c cell) portion(share int64) int64 {
	return (c.jobs*share + int64(c.luck%Ended)) / Ended
}

// createdShare is the share of jobs that exist when done have ended: it grows
// with each one, so that the share of created jobs that ended rises from 0 to
// 1.
func createdShare(lead, done int64) int64 { return min(Ended, lead+done*11/10) }

// taskDone is the progress of a task when its workflow is at done.
func taskDone(done, start int64) int64 {
	if done <= start {
		return 0
	}
	return (done - start) * Ended / (Ended - start)
}
