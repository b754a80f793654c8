package web

import "github.com/dmwm/wmstats/schema"

// rateSpan names the time of a rate: "24 h", or how long it really is.
func rateSpan(r schema.Rate) string {
	const hour = 3600
	const nearly = 23*hour + hour/2
	if d := r.To - r.From; d < nearly {
		return Duration(d)
	}
	return "24 h"
}

// noRate says why an estimate is missing.
func noRate(now int64, r schema.Rate) string {
	switch {
	case r.From == 0:
		return "no counts over time yet"
	case r.Usable(now):
		return "no job ended in the last " + rateSpan(r)
	}
	return "counts over time cover " + Duration(r.Seconds) + ": an estimate needs a recent hour"
}

// drainText says how many jobs an agent still has, and when they will have ended.
func drainText(d schema.Drain, r schema.Rate) string {
	text := ", " + Plural(d.Jobs, "job", "jobs")
	if d.Jobs > 0 && r.SecondsLeft >= 0 {
		text += ", at the rate of the last " + rateSpan(r) + " about " + Duration(r.SecondsLeft)
	}
	return text
}
