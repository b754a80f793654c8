package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
)

// firstRead: every way returns the same documents, which are those written.
func firstRead(t *testing.T, b Backend) {
	if b.has(Empty) {
		for _, db := range []couch.Database{couch.Requests, couch.WMStats} {
			docs, _ := readAll(t, b.Source, db)
			require.Empty(t, docs, "nothing has been written")
		}
	}
	b.fill(t)
	name, err := b.Source.Name(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, name)
	for db, want := range b.filled() {
		usual, way := readAll(t, b.Source, db)
		assert.NotEmpty(t, way)
		assert.Equal(t, want, names(usual), "%s by %s", db, way)
		for name, open := range b.Ways {
			docs, way := readAll(t, open(t), db)
			require.Contains(t, way, name, "%s uses this way", db)
			assert.Equal(t, want, names(docs), "%s by %s", db, way)
			for id := range docs {
				assert.JSONEq(t, usual[id].Doc, docs[id].Doc, "%s by %s", id, way)
			}
		}
	}
	docs, _ := readAll(t, b.Source, couch.WMStats)
	assertHolds(t, agentWork("a1", "r2", 3), docs["a1-r2"].Doc)

	stop := errors.New("enough")
	_, err = b.Source.Read(t.Context(), couch.Requests, active(), func(couch.Row) error { return stop })
	require.ErrorIs(t, err, stop, "an error of the reader ends the read")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Source.Read(ctx, couch.Requests, active(), func(couch.Row) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

// assertHolds checks that a document contains everything that was written,
// whatever the server has added.
func assertHolds(t *testing.T, written, got string) {
	t.Helper()
	var want, have map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(written), &want))
	require.NoError(t, json.Unmarshal([]byte(got), &have), got)
	for key, value := range want {
		if key != "_rev" && string(value) != string(have[key]) {
			assert.JSONEq(t, string(value), string(have[key]), key)
		}
	}
}

// jobsStayBehind: the database contains millions of jobsummary documents, and
// neither the first full read nor the feed delivers one.
func jobsStayBehind(t *testing.T, b Backend) {
	b.fill(t)
	_, err := b.Source.Read(t.Context(), couch.WMStats, active(), func(r couch.Row) error {
		assert.NotContains(t, string(r.Doc), "jobsummary", r.ID)
		return nil
	})
	require.NoError(t, err)
	docs, last := changesSince(t, b.Source, couch.WMStats, "")
	assert.Equal(t, b.filled()[couch.WMStats], names(docs))

	b.Writer.Put(t, couch.WMStats, job("job-9", "r2", 1))
	docs, after := changesSince(t, b.Source, couch.WMStats, last)
	assert.NotContains(t, docs, "job-9")
	assert.NotEqual(t, last, after, "the position moves past undelivered documents")
}

// largeDocument: a request with megabytes of lumi sections is delivered
// completely, by read and by feed, and so are later documents.
func largeDocument(t *testing.T, b Backend) {
	b.Writer.Put(t, couch.Requests, request("small-1", "new"))
	from := positionOf(t, b.Source, couch.Requests)
	var lumis strings.Builder
	lumis.WriteString(`"LumiList":{`)
	for run := 0; lumis.Len() < 7_500_000; run++ { // CouchDB accepts 8 000 000 bytes by default
		if run > 0 {
			lumis.WriteByte(',')
		}
		fmt.Fprintf(&lumis, `"%d":[[1,%d],[%d,%d]]`, 380000+run, run+1, run+5, run+77)
	}
	lumis.WriteByte('}')
	large := request("large", "running-open", lumis.String())
	b.Writer.Put(t, couch.Requests, large, request("small-2", "new"))

	docs, _ := changesSince(t, b.Source, couch.Requests, from.Seq)
	require.Subset(t, names(docs), []string{"large", "small-2"})
	assertHolds(t, large, docs["large"].Doc)
	docs, _ = readAll(t, b.Source, couch.Requests)
	require.Equal(t, []string{"large", "small-1", "small-2"}, names(docs))
	assertHolds(t, large, docs["large"].Doc)
}

// inventedRevisions: agents write arbitrary revisions.
func inventedRevisions(t *testing.T, b Backend) {
	const first, second = "32-6027014210", "33-99"
	b.Writer.Put(t, couch.Requests, request("r1", "new"))
	b.Writer.PutInvented(t, couch.WMStats, agentWork("a1", "r1", 1, `"_rev":"`+first+`"`))
	from := positionOf(t, b.Source, couch.WMStats)
	docs, _ := readAll(t, b.Source, couch.WMStats)
	require.Contains(t, docs, "a1-r1")
	assert.Contains(t, docs["a1-r1"].Doc, `"_rev":"`+first+`"`)

	b.Writer.PutInvented(t, couch.WMStats, agentWork("a1", "r1", 2, `"_rev":"`+second+`"`))
	docs, _ = changesSince(t, b.Source, couch.WMStats, from.Seq)
	require.Contains(t, docs, "a1-r1")
	assert.Equal(t, second, docs["a1-r1"].Rev)
	assertHolds(t, agentWork("a1", "r1", 2), docs["a1-r1"].Doc)
}

var _ follower.Source = (*couch.Client)(nil)
