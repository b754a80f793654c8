package simulate

import (
	"strings"
	"time"
)

// trueLoss reports whether a held read has to be held back, by the rule of
// docs/explanation/following-couchdb.md: the source has lost too many documents of
// the kind that the read missed, compared with our list or, for agents' documents,
// with the last time that nothing was stale.
func (l *listed) trueLoss(w *world) bool {
	s := w.source
	known := w.lastFresh.Add(-honesty - slack - time.Duration(w.plan.Poll)) // documents that went later were known
	switch reason := l.reason; {
	case !strings.Contains(reason, "far fewer documents"):
		return false
	case strings.Contains(reason, " agent documents were missing"):
		lost := len(goneSince(s.goneReports, known))
		return tooMuch(lost, len(s.is.reports)+lost)
	case strings.Contains(reason, " agents were missing"):
		lost := len(goneSince(s.goneInfos, known))
		return tooMuch(lost, len(s.is.infos)+lost)
	}
	lost := 0
	for name := range l.rows {
		if _, there := s.now[name]; !there {
			lost++
		}
	}
	return tooMuch(lost, len(l.rows))
}

// tooMuch is the rule of docs/explanation/following-couchdb.md.
func tooMuch(lost, had int) bool {
	const atLeast, oneIn = 5, 5
	return lost > 0 && 2*lost >= had || lost >= atLeast && oneIn*lost >= had
}

// noteGone records since when a document no longer exists.
func noteGone[K comparable, V any](gone map[K]time.Time, was, is map[K]V, at time.Time) {
	for k := range was {
		if _, there := is[k]; !there {
			gone[k] = at
		}
	}
	for k := range is {
		delete(gone, k)
	}
}

// goneSince counts the documents that went after a time.
func goneSince[K comparable](gone map[K]time.Time, after time.Time) (keys []K) {
	for k, at := range gone {
		if at.After(after) {
			keys = append(keys, k)
		}
	}
	return keys
}
