// Package journal remembers recent exchanges between this server and its
// source, in bounded memory: the response times for each kind of request, and
// the failures with their reasons. It is meant for people; counters and
// histograms since the start are metrics, and are kept where they are
// measured.
package journal

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// Limits of what is remembered.
const (
	answersKept = 100 // of each kind
	mostKinds   = 50
	mostErrors  = 20
)

// Journal is safe for concurrent use. Create it with New.
type Journal struct {
	now func() time.Time

	mu      sync.Mutex
	answers map[string]*answers
	errors  []wire.SourceError // oldest first
}

// times of one kind: a ring of the latest ones.
type answers struct {
	count int64
	last  int64 // Unix s
	took  []time.Duration
}

// New returns an empty journal; a nil now means time.Now.
func New(now func() time.Time) *Journal {
	if now == nil {
		now = time.Now
	}
	return &Journal{now: now, answers: map[string]*answers{}}
}

// Answered records one answer to a request of the given kind. Kinds beyond the
// maximum number are counted as "other".
func (j *Journal) Answered(what string, took time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	a := j.answers[what]
	if a == nil && len(j.answers) >= mostKinds {
		what = "other"
		a = j.answers[what]
	}
	if a == nil {
		a = &answers{}
		j.answers[what] = a
	}
	if len(a.took) < answersKept {
		a.took = append(a.took, took)
	} else {
		a.took[a.count%answersKept] = took
	}
	a.count++
	a.last = j.now().Unix()
}

// Failed records one failure. Repetitions of a reason share one entry with a
// count; only the latest distinct reasons are kept.
func (j *Journal) Failed(database, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now().Unix()
	e := wire.SourceError{Database: database, Reason: reason, First: now}
	i := slices.IndexFunc(j.errors, func(o wire.SourceError) bool { return o.Database == database && o.Reason == reason })
	switch {
	case i >= 0:
		e = j.errors[i]
		j.errors = slices.Delete(j.errors, i, i+1)
	case len(j.errors) == mostErrors:
		j.errors = slices.Delete(j.errors, 0, 1)
	}
	e.Last = now
	e.Count++
	j.errors = append(j.errors, e)
}

// Answers returns all kinds in the order of their names.
func (j *Journal) Answers() []wire.SourceAnswers {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]wire.SourceAnswers, 0, len(j.answers))
	for what, a := range j.answers {
		sorted := slices.Sorted(slices.Values(a.took))
		out = append(out, wire.SourceAnswers{
			What: what, Count: a.count, Last: a.took[(a.count-1)%answersKept].Seconds(),
			Median: sorted[len(sorted)/2].Seconds(), Most: sorted[len(sorted)-1].Seconds(), Time: a.last,
		})
	}
	slices.SortFunc(out, func(a, b wire.SourceAnswers) int { return strings.Compare(a.What, b.What) })
	return out
}

// Errors returns the failures, newest first.
func (j *Journal) Errors() []wire.SourceError {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := append([]wire.SourceError{}, j.errors...)
	slices.Reverse(out)
	return out
}

// Bytes returns its approximate memory.
func (j *Journal) Bytes() (bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	const kind = 100 // fixed part of an entry
	for what, a := range j.answers {
		bytes += kind + int64(len(what)+8*cap(a.took))
	}
	for i := range j.errors {
		bytes += kind + int64(len(j.errors[i].Database)+len(j.errors[i].Reason))
	}
	return bytes
}
