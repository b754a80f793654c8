package couch

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Seq is CouchDB's update sequence. It is opaque, sent back unchanged, and never
// compared or counted (but see Number). The empty Seq means the beginning.
type Seq string

// shortSeq is the length of a shortened seq: real ones have some 150 characters.
const shortSeq = 24

// LogValue returns the beginning and the end of a long seq: enough to tell two
// apart in a log.
func (s Seq) LogValue() slog.Value { return slog.StringValue(s.Short()) }

// Short returns the seq, shortened for people.
func (s Seq) Short() string {
	if len(s) <= shortSeq {
		return string(s)
	}
	return string(s[:shortSeq/2]) + "…" + string(s[len(s)-shortSeq/2:])
}

// Number returns the number before the opaque part: how many updates the
// answering copies had. The copies of a cluster differ, so a number lower than
// an earlier one is a reason to check again and not proof. ok is false for a seq
// of another form.
func (s Seq) Number() (n int64, ok bool) {
	digits, _, _ := strings.Cut(string(s), "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n >= 0
}

// Position says from where to follow a database, and which database it is.
type Position struct {
	Seq      Seq
	Instance string // instance_start_time; it changes when the database is created again
	PurgeSeq Seq    // it changes when documents are purged; "": unknown

	// Numbers that only grow within one database. -1: unknown.
	Updates   int64 // number of the newest update_seq
	Documents int64 // existing and deleted
}

// Signs are changes of a database that its changes feed does not show. Each text
// states what changed from which value to which; "" if nothing did.
type Signs struct {
	Anew   string // it is another database
	Purged string // documents are gone without a change
	Fell   string // a number fell that can only grow: the state is older, or copies differ
}

// Signs compares a position with a later one. Unknown values are ignored.
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
