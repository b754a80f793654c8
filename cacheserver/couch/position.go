package couch

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Seq is CouchDB's update sequence: opaque, sent back as it came, never
// compared or counted (but see Number). The empty Seq means from the beginning.
type Seq string

// shortSeq is how much of a seq is shown: real ones have some 150 characters.
const shortSeq = 24

// LogValue is the beginning and the end of a long seq: enough to tell two apart
// in a log.
func (s Seq) LogValue() slog.Value { return slog.StringValue(s.Short()) }

// Short is the seq for people.
func (s Seq) Short() string {
	if len(s) <= shortSeq {
		return string(s)
	}
	return string(s[:shortSeq/2]) + "…" + string(s[len(s)-shortSeq/2:])
}

// Number is what stands before the opaque part: how many updates the copies had
// that answered. Those of a cluster differ, so a number that is lower than an
// earlier one is a reason to look again and no proof. ok is false for a seq of
// another form.
func (s Seq) Number() (n int64, ok bool) {
	digits, _, _ := strings.Cut(string(s), "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n >= 0
}

// Position says from where to follow a database, and which database it was.
type Position struct {
	Seq      Seq
	Instance string // instance_start_time: another value means another database of the same name
	PurgeSeq Seq    // another value means that documents were purged; "": not known

	// What can only grow in one database. -1: not known.
	Updates   int64 // number of the newest update_seq
	Documents int64 // that it has and has had: the deleted ones count too
}

// Signs are what a later look at a database shows that following its changes
// does not. Each says what moved from what to what; "" where nothing did.
type Signs struct {
	Anew   string // it is another database
	Purged string // documents are gone without a change
	Fell   string // a number fell that can only grow: an older state, or copies that differ
}

// Signs compares a position with a later one. What is not known of either tells
// nothing.
func (p Position) Signs(later Position) Signs {
	var s Signs
	if p.Instance != "" && later.Instance != "" && p.Instance != later.Instance {
		s.Anew = "instance_start_time from " + p.Instance + " to " + later.Instance
	}
	var fell []string
	fall := func(what string, from, to int64) {
		if to >= 0 && to < from {
			fell = append(fell, fmt.Sprintf("%s from %d to %d", what, from, to))
		}
	}
	fall("update_seq", p.Updates, later.Updates)
	fall("doc_count + doc_del_count", p.Documents, later.Documents)
	if p.PurgeSeq != "" && later.PurgeSeq != "" && p.PurgeSeq != later.PurgeSeq {
		from, known := p.PurgeSeq.Number()
		to, countable := later.PurgeSeq.Number()
		switch {
		case !known || !countable:
			s.Purged = "purge_seq from " + p.PurgeSeq.Short() + " to " + later.PurgeSeq.Short()
		case to > from:
			s.Purged = fmt.Sprintf("purge_seq from %d to %d", from, to)
		default:
			fall("purge_seq", from, to)
		}
	}
	s.Fell = strings.Join(fell, ", ")
	return s
}
