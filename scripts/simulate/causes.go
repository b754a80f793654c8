package simulate

import (
	"slices"
	"strings"
	"time"
)

// Kinds of faults that have the same effect for us, by Event.Kind or, for the
// stand-in's own faults, by Event.Fault.
var (
	silence  = []string{"stall", "vanish", "slow", "buffer", "hang", "freeze", "freeze-after", "freeze-in-row", "delay", "timeout", "index"}
	ends     = []string{"reset", "cut", "cut-in-row", "stop", "recreate", "restore", "refuse", "vanish"}
	fewer    = []string{"recreate", "restore", "purge", "empty", "halve", "row-omit", "other-copy"}
	refusals = []string{"deny", "forbid", "no-database", "status", "error-row", "password"}
	oddRows  = []string{
		"row-null-doc", "row-no-doc", "row-doc-error", "row-odd-doc", "row-broken-doc", "row-other-doc", "row-deleted-doc",
		"row-omit", "row-null-id", "row-null-seq",
	}
)

// causes are the faults that may explain a reason of the state.
var causes = []struct {
	reason string // part of its text
	kinds  []string
}{
	{"refuses the credentials", []string{"deny", "forbid", "password"}},
	{"has locked the user", []string{"password"}},
	{"denies read access", []string{"forbid", "password"}},
	{"a database does not exist", []string{"no-database", "recreate"}},
	{"no longer knows the position", []string{"forget-seqs"}},
	{"is silent", silence},
	{"took too long", silence},
	{"was cut", slices.Concat(ends, []string{"end-feed"})}, // answers that repeatedly end early
	{"can't be reached", slices.Concat(ends, silence)},
	{"connection to the database server refused", []string{"refuse", "stop"}},
	{"failed in the middle of an answer", []string{"error-row"}},
	{"answers with status", []string{"status", "timeout", "index"}},
	{"is not that of a CouchDB server", slices.Concat(oddRows, ends)},
	{"refuses the request", []string{"status"}},
	{"not found", []string{"status", "undesign"}},
	{"was created again", []string{"recreate", "restore"}}, // a backup may be older than the database
	{"far fewer documents", fewer},
	{"in an older state", fewer},
	{"were purged", []string{"purge", "restore"}},
	{"/quarantine names", slices.Concat(oddRows, silence, ends, refusals)},
	{"has not answered since the start", []string{"kill", "halt"}},
	{"the checkpoint has no position", []string{"kill", "halt"}},
	{"changes that do not arrive", slices.Concat(silence, ends, oddRows, []string{"replay", "end-feed", "error-row", "status", "deny", "forbid", "no-database"})},
	{"has not confirmed for too long", slices.Concat(silence, ends, oddRows, []string{"error-row", "status", "deny", "forbid", "no-database", "replay", "end-feed", "rewind-seqs"})},
}

// explains reports whether a reason of the state, which has been neither right nor
// fresh since then, names a fault that occurred after that time or whose effects
// may have lasted until then.
func (w *world) explains(reason string, since time.Time) bool {
	for _, c := range causes {
		if strings.Contains(reason, c.reason) && w.was(c.kinds, since.Add(-fellEvery-healing)) {
			return true
		}
	}
	return false
}

// was reports whether a fault of one of the kinds was active after a time.
func (w *world) was(kinds []string, after time.Time) bool {
	for _, c := range slices.Backward(w.faults) {
		if slices.Contains(kinds, c.event.name()) && c.until.After(after) {
			return true
		}
	}
	return w.lies() && slices.Contains(kinds, "row-omit")
}

// name returns the kind of a fault: that of the stand-in for its own faults.
func (e *Event) name() string {
	if e.Kind == Answer {
		return e.Fault
	}
	return string(e.Kind)
}
