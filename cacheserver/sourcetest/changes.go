package sourcetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// noGap: documents written after the position was requested, before, during or
// after the read, are among the changes since then.
func noGap(t *testing.T, b Backend) {
	b.fill(t)
	from := positionOf(t, b.Source, couch.Requests)
	b.Writer.Put(t, couch.Requests, request("before", "new"))
	written := false
	_, err := b.Source.Read(t.Context(), couch.Requests, active(), func(couch.Row) error {
		if !written {
			written = true
			b.Writer.Put(t, couch.Requests, request("during", "new"), request("r1", "completed"))
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, written)
	b.Writer.Put(t, couch.Requests, request("after", "new"))
	docs, _ := changesSince(t, b.Source, couch.Requests, from.Seq)
	require.Subset(t, names(docs), []string{"before", "during", "after", "r1"})
	assert.Contains(t, docs["r1"].Doc, `"completed"`, "the newest version")
}

// following: a waiting feed delivers new documents as they are written, and
// sends heartbeats while there are none.
func following(t *testing.T, b Backend) {
	b.fill(t)
	from := positionOf(t, b.Source, couch.Requests)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	alive, seen := make(chan struct{}, 1000), []string{}
	sign := func() {
		select {
		case alive <- struct{}{}:
		default:
		}
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for range 3 { // one with the answer, the others while nothing happens
			select {
			case <-alive:
			case <-ctx.Done():
				return
			}
		}
		b.Writer.Put(t, couch.Requests, request("first", "new"))
		b.Writer.Put(t, couch.Requests, request("second", "new"))
	}()
	for ch, err := range b.Source.Changes(ctx, couch.Requests, from.Seq, couch.FeedOptions{Alive: sign}) {
		require.NoError(t, err, "seen so far: %v", seen)
		if ch.ID == "first" || ch.ID == "second" {
			seen = append(seen, ch.ID)
		}
		if len(seen) == 2 {
			break
		}
	}
	<-wrote
	assert.ElementsMatch(t, []string{"first", "second"}, seen)
}

// deletions: deletions of a request, an agent report and an agent are visible
// in changes and in a new read.
func deletions(t *testing.T, b Backend) {
	b.fill(t)
	gone := map[couch.Database][]string{couch.Requests: {"r1"}, couch.WMStats: {"a1-r2"}}
	if b.has(AgentInfo) {
		gone[couch.WMStats] = []string{"a1-r2", "a2"}
	}
	for db, ids := range gone {
		from := positionOf(t, b.Source, db)
		b.Writer.Delete(t, db, ids...)
		docs, _ := changesSince(t, b.Source, db, from.Seq)
		for _, id := range ids {
			require.Contains(t, docs, id)
			assert.True(t, docs[id].Deleted, id)
		}
		left, _ := readAll(t, b.Source, db)
		assert.Len(t, left, len(b.filled()[db])-len(ids))
		assert.NotContains(t, names(left), ids[0])
	}
	from := positionOf(t, b.Source, couch.Requests)
	b.Writer.Put(t, couch.Requests, request("r1", "completed"))
	docs, _ := changesSince(t, b.Source, couch.Requests, from.Seq)
	require.Contains(t, docs, "r1", "created again")
	assert.False(t, docs["r1"].Deleted)
}

// resume: a stored position is valid for another source over the same data,
// and nothing after it is lost.
func resume(t *testing.T, b Backend) {
	b.fill(t)
	start := positionOf(t, b.Source, couch.Requests)
	b.Writer.Put(t, couch.Requests, request("new-1", "new"))
	docs, stored := changesSince(t, b.Source, couch.Requests, start.Seq)
	require.Contains(t, docs, "new-1")

	again := b.Again(t)
	assert.Equal(t, start.Instance, positionOf(t, again, couch.Requests).Instance, "still the same database")
	docs, last := changesSince(t, again, couch.Requests, stored)
	assert.NotContains(t, docs, "r1", "initial documents are not delivered again")
	b.Writer.Put(t, couch.Requests, request("new-2", "new"))
	docs, _ = changesSince(t, again, couch.Requests, last)
	assert.Contains(t, docs, "new-2")
	if b.has(OldSeq) {
		docs, _ = changesSince(t, b.Source, couch.Requests, start.Seq)
		assert.Subset(t, names(docs), []string{"new-1", "new-2"}, "an older position is valid too")
	}
}

// unknownPosition: the source reports that it can't continue from there.
func unknownPosition(t *testing.T, b Backend) {
	b.fill(t)
	for _, db := range []couch.Database{couch.Requests, couch.WMStats} {
		for _, feed := range []couch.FeedOptions{{Once: true}, {}} {
			var last error
			for _, err := range b.Source.Changes(t.Context(), db, "not-a-position", feed) {
				last = err
			}
			require.ErrorIs(t, last, couch.ErrSeqUnknown, "%s, once: %t", db, feed.Once)
		}
	}
}

// foreignPosition: a position of another database is rejected, or everything
// since it is delivered: there is no third way.
func foreignPosition(t *testing.T, b Backend) {
	b.fill(t)
	foreign := positionOf(t, b.Source, couch.WMStats)
	seen := map[string]bool{}
	for ch, err := range b.Source.Changes(t.Context(), couch.Requests, foreign.Seq, couch.FeedOptions{Once: true}) {
		if err != nil {
			require.ErrorIs(t, err, couch.ErrSeqUnknown)
			return
		}
		seen[ch.ID] = true
	}
	assert.Subset(t, names(seen), b.filled()[couch.Requests])
}

// newDatabase: a deleted database ends its feed, is reported as missing, and
// counts as another database when it is created again.
func newDatabase(t *testing.T, b Backend) {
	b.fill(t)
	before := positionOf(t, b.Source, couch.WMStats)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	alive, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		var last error
		sign := func() {
			select {
			case alive <- struct{}{}:
			default:
			}
		}
		for _, err := range b.Source.Changes(ctx, couch.WMStats, before.Seq, couch.FeedOptions{Alive: sign}) {
			last = err
		}
		ended <- last
	}()
	select {
	case <-alive:
	case err := <-ended:
		require.Fail(t, "the feed ended without an error", "%v", err)
	}
	b.Writer.Recreate(t, couch.WMStats)
	t.Logf("the feed of a deleted database ended with: %v", <-ended)
	require.NoError(t, ctx.Err(), "it ended without an error")

	// A CouchDB distinguishes databases by the second of their creation.
	require.Eventually(t, func() bool {
		if positionOf(t, b.Source, couch.WMStats).Instance != before.Instance {
			return true
		}
		b.Writer.Recreate(t, couch.WMStats)
		return false
	}, patience, 300*time.Millisecond, "another instance")
	b.Writer.Put(t, couch.WMStats, agentWork("a9", "r9", 1))
	docs, _ := readAll(t, b.Source, couch.WMStats)
	assert.Equal(t, []string{"a9-r9"}, names(docs))
	docs, _ = changesSince(t, b.Source, couch.WMStats, "")
	assert.Contains(t, docs, "a9-r9")
}

// manyChanges: thousands of documents, each written twice, some deleted.
func manyChanges(t *testing.T, b Backend) {
	const n, deleted = 3000, 300
	b.Writer.Put(t, couch.Requests, request("r1", "new"))
	from := positionOf(t, b.Source, couch.Requests)
	first, second, gone, want := make([]string, n), make([]string, n), []string{}, []string{"r1"}
	for i := range n {
		name := fmt.Sprintf("wf-%05d", i)
		first[i], second[i] = request(name, "new"), request(name, "running-open")
		if i < deleted {
			gone = append(gone, name)
		} else {
			want = append(want, name)
		}
	}
	b.Writer.Put(t, couch.Requests, first...)
	half, middle := changesSince(t, b.Source, couch.Requests, from.Seq)
	b.Writer.Put(t, couch.Requests, second...)
	b.Writer.Delete(t, couch.Requests, gone...)
	positions := map[string]couch.Seq{"second half": middle}
	if b.has(OldSeq) {
		positions["all"] = from.Seq
	}
	for what, since := range positions {
		docs, _ := changesSince(t, b.Source, couch.Requests, since)
		delete(docs, "r1")
		assert.Len(t, docs, n, what)
		for id, doc := range docs {
			if id < gone[deleted-1] {
				assert.True(t, doc.Deleted, "%s: %s", what, id)
			} else if !doc.Deleted {
				assert.Contains(t, doc.Doc, `"running-open"`, "%s: %s", what, id)
			}
		}
	}
	delete(half, "r1")
	assert.Len(t, half, n)
	docs, _ := readAll(t, b.Source, couch.Requests)
	assert.Equal(t, want, append([]string{"r1"}, names(docs)[1:]...))
	assert.Len(t, docs, len(want))
}
