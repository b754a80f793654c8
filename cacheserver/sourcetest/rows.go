package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// Odd says which rows are defective, and how.
type Odd struct {
	Kind  OddKind
	IDs   []string // of these documents
	Asked bool     // in answers to requests by id; otherwise in all others
}

// OddKind is a kind of defective row. The names are those of the stand-in's
// faults, which describe them in more detail.
type OddKind string

// The kinds.
const (
	NullDoc    OddKind = "row-null-doc"
	NoDoc      OddKind = "row-no-doc"
	DocError   OddKind = "row-doc-error"
	OddDoc     OddKind = "row-odd-doc"
	BrokenDoc  OddKind = "row-broken-doc"
	OtherDoc   OddKind = "row-other-doc"
	DeletedDoc OddKind = "row-deleted-doc"
	TwiceRow   OddKind = "row-twice"
	OmitRow    OddKind = "row-omit"
	NullID     OddKind = "row-null-id"
	NullSeq    OddKind = "row-null-seq"
)

// ByID is a source that can be asked for single documents.
type ByID interface {
	ByID(ctx context.Context, db couch.Database, ids []string, fn func(couch.Row) error) error
}

// oddKinds are the kinds of rows, and whether they deliver their documents.
func oddKinds() map[OddKind]bool {
	return map[OddKind]bool{
		NullDoc: false, NoDoc: false, DocError: false, OddDoc: false,
		BrokenDoc: false, OtherDoc: false, DeletedDoc: false,
		TwiceRow: true, NullID: true, NullSeq: true,
	}
}

// nameless reports whether a defective row of a query hides which document is
// missing: one that is delivered twice may replace another.
func nameless(kind OddKind) bool {
	return slices.Contains([]OddKind{NullDoc, NoDoc, OddDoc, TwiceRow}, kind)
}

// seenRow is what a source reported about one document.
type seenRow struct {
	came, lacks bool
	doc         string
}

// note adds a row to what is known of its document.
func note(seen map[string]seenRow, row couch.Row) {
	s := seen[row.ID]
	if row.Lacking() || row.Fault() != "" {
		s.lacks = true
	} else if !row.Deleted {
		s.came, s.doc = true, string(row.Doc)
	}
	seen[row.ID] = s
}

// oddRows: a row without its document is not ignored, by any way of reading or
// any feed: the source names the document, or fails. All other rows are
// delivered as usual.
func oddRows(t *testing.T, b Backend) {
	b.fill(t)
	usual := map[string]string{}
	for db := range b.filled() {
		docs, _ := readAll(t, b.Source, db)
		for id, doc := range docs {
			usual[id] = doc.Doc
		}
	}
	odd := []string{"r2", "a1-r3"}
	for kind, brings := range oddKinds() {
		check := func(t *testing.T, seen map[string]seenRow, db couch.Database) {
			t.Helper()
			for _, id := range b.filled()[db] {
				if slices.Contains(odd, id) && !brings {
					assert.True(t, seen[id].lacks, "%s: the row of %s is reported", kind, id)
					assert.False(t, seen[id].came, "%s: %s", kind, id)
					continue
				}
				require.True(t, seen[id].came, "%s: %s is delivered", kind, id)
				assert.JSONEq(t, usual[id], seen[id].doc, "%s: %s", kind, id)
			}
		}
		for way := range b.Ways {
			source := b.Odd(t, way, Odd{Kind: kind, IDs: odd})
			for db := range b.filled() {
				seen := map[string]seenRow{}
				used, err := source.Read(t.Context(), db, active(), func(row couch.Row) error {
					note(seen, row)
					return nil
				})
				query := way == "by" && db == couch.Requests
				switch {
				case query && kind == OtherDoc:
					require.NoError(t, err)
					assert.True(t, seen["r2"].came, "it is requested by its id")
					assert.NotContains(t, seen, "other-r2")
				case query && nameless(kind) && err != nil: // a row without a document fails the query
				default:
					require.NoError(t, err, "%s by %s", kind, way)
					require.Equal(t, !query || !nameless(kind), strings.Contains(used, way), "%s by %s: %s", kind, way, used)
					check(t, seen, db)
				}
			}
		}
		source := b.Odd(t, "view", Odd{Kind: kind, IDs: odd})
		for db, ids := range b.filled() {
			for _, feed := range []couch.FeedOptions{{Once: true}, {}} {
				seen := map[string]seenRow{}
				for ch, err := range source.Changes(t.Context(), db, "", feed) {
					require.NoError(t, err, "%s", kind)
					if ch.ID != "" {
						note(seen, ch.Row)
					}
					if !feed.Once && !slices.ContainsFunc(ids, func(id string) bool { return seen[id] == seenRow{} }) {
						break
					}
				}
				check(t, seen, db)
			}
		}
	}
}

// byID: each id has one answer: the document, that it is deleted, that it does
// not exist, or that it was not delivered; in any order of the rows.
func byID(t *testing.T, b Backend) {
	b.fill(t)
	b.Writer.Delete(t, couch.Requests, "r1")
	ask := func(t *testing.T, s any) (answers map[string]string) {
		t.Helper()
		source, ok := s.(ByID)
		require.True(t, ok, "the source serves single documents")
		answers = map[string]string{}
		require.NoError(t, source.ByID(t.Context(), couch.Requests, []string{"r1", "r2", "nosuch", "r3", "r2"}, func(row couch.Row) error {
			require.NotContains(t, answers, row.ID, "one answer each")
			require.Equal(t, row.Lacking() || row.Deleted || row.Missing, row.Doc == nil, row.ID)
			answers[row.ID] = fmt.Sprintf("deleted %t missing %t lacking %t", row.Deleted, row.Missing, row.Lacking())
			if row.Doc != nil {
				assert.Empty(t, row.Fault())
				assert.Contains(t, string(row.Doc), `"RequestName":"`+row.ID+`"`)
				assert.NotEmpty(t, row.Rev)
			}
			return nil
		}))
		return answers
	}
	const there, gone, never, lacks = "deleted false missing false lacking false", "deleted true missing false lacking false",
		"deleted false missing true lacking false", "deleted false missing false lacking true"
	want := map[string]string{"r1": gone, "r2": there, "nosuch": never, "r3": there}
	assert.Equal(t, want, ask(t, b.Source))
	if b.Odd == nil {
		t.Log("defective rows are not possible here")
		return
	}
	for kind, brings := range oddKinds() {
		answers := ask(t, b.Odd(t, "view", Odd{Kind: kind, IDs: []string{"r2"}, Asked: true}))
		want["r2"] = lacks
		if brings {
			want["r2"] = there
		}
		assert.Equal(t, want, answers, kind)
	}
	want["r2"] = lacks
	assert.Equal(t, want, ask(t, b.Odd(t, "view", Odd{Kind: OmitRow, IDs: []string{"r2"}, Asked: true})), "no row, no answer")

	source, _ := b.Source.(ByID)
	require.NoError(t, source.ByID(t.Context(), couch.Requests, nil, func(couch.Row) error { return errors.New("called") }))
	stop := errors.New("enough")
	require.ErrorIs(t, source.ByID(t.Context(), couch.Requests, []string{"r2"}, func(couch.Row) error { return stop }), stop)
}
