package schema

// Rate is how fast jobs ended, from counts over time.
type Rate struct {
	From        int64 `unit:"Unix s" from:"TimelinePoint.Time" doc:"first point of the last 24 hours; 0 without two points"`
	To          int64 `unit:"Unix s" from:"TimelinePoint.Time" doc:"newest point; 0 without two points"`
	Seconds     int64 `unit:"s" from:"sum of the times between these points" doc:"time in which the jobs below ended: without the times between two points in which a count fell, because workflows left, or that began with none"`
	Success     int64 `unit:"jobs" from:"increases of Success in these" doc:"jobs that succeeded"`
	Failure     int64 `unit:"jobs" from:"increases of Failure in these" doc:"jobs that failed"`
	JobsLeft    int64 `unit:"jobs" from:"Queued + Pending + Running + Cooloff + Paused" doc:"jobs of agents that have not ended"`
	SecondsLeft int64 `unit:"s" from:"Seconds x JobsLeft / (Success + Failure)" doc:"estimated time until they have ended; 0 if none is left; -1 if Seconds is less than an hour, To is more than an hour ago, or no job ended"`
}

// Bounds of a rate, in seconds.
const (
	RateSpan   = 24 * 3600 // how far back it looks
	rateLeast  = 3600      // time from which on it is used
	rateOldest = 3600      // age of its newest point until which it is used
)

// NotEnded returns the jobs of agents that have not ended.
func (c *Counters) NotEnded() int64 { return c.Queued + c.Pending + c.Running + c.Cooloff + c.Paused }

// Usable reports whether the rate covers enough time, and recent time, to say
// something of now.
func (r *Rate) Usable(now int64) bool { return r.Seconds >= rateLeast && now-r.To <= rateOldest }

// Estimate sets JobsLeft, and SecondsLeft from the rate.
func (r *Rate) Estimate(left, now int64) {
	r.JobsLeft, r.SecondsLeft = left, -1
	ended := r.Success + r.Failure
	switch {
	case left == 0:
		r.SecondsLeft = 0
	case left > 0 && ended > 0 && r.Usable(now):
		const exact = 1 << 53
		if s := float64(r.Seconds) / float64(ended) * float64(left); s < exact {
			r.SecondsLeft = int64(s)
		}
	}
}
