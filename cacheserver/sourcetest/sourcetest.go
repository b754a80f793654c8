// Package sourcetest is the conformance suite of sources: the behaviour that a
// follower relies on, stated once and tested with every source. It accesses a
// source only through the follower's interface, and the data behind it only
// through Writer, so that the same tests apply to a stand-in, a real CouchDB
// and a file. It does not test a store or records.
package sourcetest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// patience limits every wait; it only decides how late a failure is reported.
const patience = time.Minute

// Backend is one source over its own data, which are empty except for what a
// test writes.
type Backend struct {
	Source follower.Source
	Writer Writer

	// Again returns another source over the same data, as after a restart.
	Again func(t *testing.T) follower.Source
	// Ways are sources over the same data that can read in only one way, by a
	// part of the way's name. nil: there is only one way.
	Ways map[string]func(t *testing.T) follower.Source
	// Odd returns a source over the same data that can read in only one way,
	// and gets defective rows. nil: defective rows are not possible.
	Odd func(t *testing.T, way string, rows Odd) follower.Source
	// Lacks says which facts do not apply, and why.
	Lacks map[Fact]string
}

// Writer writes documents behind a source. Documents are visible when it
// returns; a failure ends the test.
type Writer interface {
	// Put writes new documents, or replaces existing ones.
	Put(t *testing.T, db couch.Database, docs ...string)
	// PutInvented writes documents with the _rev that they contain, as agents
	// do.
	PutInvented(t *testing.T, db couch.Database, docs ...string)
	// Delete deletes existing documents.
	Delete(t *testing.T, db couch.Database, ids ...string)
	// Recreate deletes a database and creates an empty one of the same name.
	Recreate(t *testing.T, db couch.Database)
}

// Details is a source of everything about one workflow.
type Details interface {
	Detail(ctx context.Context, request string, agents []string) (schema.Detail, error)
}

// Failures is a source of failing jobs, of one workflow and of all, and of messages.
type Failures interface {
	JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error)
	LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error)
	JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) ([]schema.JobSample, int64, error)
	FailingJobs(ctx context.Context, wanted func(workflow string) bool, fn func(schema.JobError) error) error
}

// Fact names a group of statements that may not apply to a source.
type Fact string

// The facts, in the order in which they run.
const (
	FirstRead   Fact = "first read"           // all that a follower keeps, the same by every way
	Empty       Fact = "empty at first"       // an empty source can be read
	NoGap       Fact = "no gap"               // a change after the position was requested is delivered
	Following   Fact = "following"            // a feed waits, sends heartbeats and delivers new documents
	Deletions   Fact = "deletions"            // of all kinds are visible
	AgentInfo   Fact = "agent_info"           // documents of this type are delivered
	Jobs        Fact = "jobs stay behind"     // jobsummary documents are not delivered
	Invented    Fact = "invented revisions"   // are delivered unchanged
	Resume      Fact = "resume"               // from a stored position, by another source
	OldSeq      Fact = "older positions"      // are valid too, not only the last ones
	UnknownSeq  Fact = "unknown position"     // is reported as such
	ForeignSeq  Fact = "foreign position"     // loses nothing
	NewDatabase Fact = "database recreated"   // is noticed
	LargeDoc    Fact = "large document"       // is delivered completely
	ManyChanges Fact = "many changes at once" // none is lost
	DetailOf    Fact = "detail"               // of one workflow
	Tombstones  Fact = "tombstones"           // deleted documents differ from those that never existed
	FailuresOf  Fact = "job errors and log"   // of one workflow
	OddRows     Fact = "odd rows"             // a row without its document is reported
	SingleDocs  Fact = "documents by id"      // are delivered, reported as deleted, or missing
)

// Run tests all facts with sources that open returns, one for each fact.
func Run(t *testing.T, open func(t *testing.T) Backend) { RunFacts(t, open) }

// RunFacts is Run for some of the facts; none: all.
func RunFacts(t *testing.T, open func(t *testing.T) Backend, some ...Fact) {
	facts := []struct {
		fact  Fact
		state func(t *testing.T, b Backend)
	}{
		{FirstRead, firstRead}, {NoGap, noGap}, {Following, following}, {Deletions, deletions}, {Jobs, jobsStayBehind},
		{Invented, inventedRevisions}, {Resume, resume}, {UnknownSeq, unknownPosition}, {ForeignSeq, foreignPosition},
		{NewDatabase, newDatabase}, {LargeDoc, largeDocument}, {ManyChanges, manyChanges},
		{DetailOf, detail}, {FailuresOf, failures}, {OddRows, oddRows}, {SingleDocs, byID},
	}
	for _, f := range facts {
		if len(some) > 0 && !slices.Contains(some, f.fact) {
			continue
		}
		t.Run(string(f.fact), func(t *testing.T) {
			b := open(t)
			if why, lacks := b.Lacks[f.fact]; lacks {
				t.Skipf("%s: %s", f.fact, why)
			}
			f.state(t, b)
		})
	}
}

// has reports whether a part of a fact applies.
func (b Backend) has(f Fact) bool { return b.Lacks[f] == "" }

// kept is a document as a source delivered it, copied.
type kept struct {
	Rev     string
	Deleted bool
	Doc     string
}

// active are the statuses that the tests read.
func active() []string { return []string{"new", "running-open", "completed"} }

// readAll reads a database and keeps what a follower would: no document of
// another type, no request in another status.
func readAll(t *testing.T, s follower.Source, db couch.Database) (docs map[string]kept, way string) {
	t.Helper()
	docs = map[string]kept{}
	way, err := s.Read(t.Context(), db, active(), func(r couch.Row) error {
		require.NotEmpty(t, r.ID)
		require.NotEmpty(t, r.Doc, r.ID)
		if ofInterest(t, db, r.Doc) {
			docs[r.ID] = kept{Rev: r.Rev, Doc: string(r.Doc)}
		}
		return nil
	})
	require.NoError(t, err)
	return docs, way
}

func ofInterest(t *testing.T, db couch.Database, doc []byte) bool {
	t.Helper()
	if db == couch.WMStats {
		head, err := raw.Peek(doc)
		require.NoError(t, err)
		return head.Type == "agent_request" || head.Type == "agent_info"
	}
	request, err := raw.DecodeReqMgr(doc)
	require.NoError(t, err)
	return slices.Contains(active(), request.RequestStatus)
}

// changesSince reads the available changes: the last one of each document, and
// the position after all.
func changesSince(t *testing.T, s follower.Source, db couch.Database, since couch.Seq) (map[string]kept, couch.Seq) {
	t.Helper()
	docs, last := map[string]kept{}, since
	for ch, err := range s.Changes(t.Context(), db, since, couch.FeedOptions{Once: true}) {
		require.NoError(t, err)
		require.NotEmpty(t, ch.Seq)
		last = ch.Seq
		if ch.ID != "" {
			require.Equal(t, ch.Deleted, ch.Doc == nil, "%s: only a tombstone has no document", ch.ID)
			docs[ch.ID] = kept{ch.Rev, ch.Deleted, string(ch.Doc)}
		}
	}
	return docs, last
}

func positionOf(t *testing.T, s follower.Source, db couch.Database) couch.Position {
	t.Helper()
	p, err := s.Position(t.Context(), db)
	require.NoError(t, err)
	require.NotEmpty(t, p.Seq)
	return p
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
