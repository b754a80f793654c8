package alertmanager

import "time"

// verdict is what to do with the alerts that the records show now.
type verdict int

const (
	wait    verdict = iota // nothing is known yet: post nothing
	begin                  // the first set, of old data
	keep                   // keep the last set
	current                // use them
)

// hold decides whether the data are good enough to begin or end alerts. While
// the source does not answer, agents seem silent that are not. And when it
// answers again, or the server has just started from a checkpoint, the changes
// of the meantime have yet to arrive.
type hold struct {
	since time.Time // the data are in doubt since then; zero: not
}

// next returns the verdict. stale: not all changes are known to have arrived.
// old: old_data holds. some: there
// is a set already. Stale data that are not old are trusted after patience:
// some reasons last, such as a document that CouchDB does not deliver.
func (h *hold) next(stale, old, some bool, now time.Time, patience time.Duration) verdict {
	first := h.since.IsZero()
	if first && (!some || old) {
		h.since, first = now, false
	}
	doubt := stale && !first && now.Sub(h.since) < patience
	switch {
	case some && old:
		h.since = now
		return keep
	case some && doubt:
		return keep
	case doubt:
		return wait
	case old:
		h.since = now
		return begin
	}
	h.since = time.Time{}
	return current
}
