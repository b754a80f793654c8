package app_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/mock/couchfake"
)

const (
	requestDB = "reqmgr_workload_cache"
	wmstatsDB = "wmstats"
)

// checkpointed is a run of a server with a checkpoint.
type checkpointed struct {
	t   *testing.T
	o   app.Options
	log *logBuffer
	app *app.App

	later *atomic.Int64 // seconds that the source's clock is ahead
}

func (c *checkpointed) start() {
	c.t.Helper()
	c.log = &logBuffer{}
	o := c.o
	o.Log = options(c.t, o.CouchURL, c.log).Log
	c.app = start(c.t, o)
}

// ready waits until lists are served.
func (c *checkpointed) ready() {
	c.t.Helper()
	require.Eventually(c.t, func() bool { status, _ := get(c.t, c.app.Addr(), "/readyz"); return status == http.StatusOK }, waitFor, tick)
}

func (c *checkpointed) stop() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitFor)
	defer cancel()
	http.DefaultClient.CloseIdleConnections() // waits for open connections
	require.NoError(c.t, c.app.Stop(ctx))
}

func (c *checkpointed) records() string {
	c.t.Helper()
	status, body := get(c.t, c.app.Addr(), "/fetch?limit=all&format=ndjson")
	require.Equal(c.t, http.StatusOK, status, body)
	return body
}

// says waits for a text in the log: a message may follow the event that it
// reports.
func (c *checkpointed) says(text string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return strings.Contains(c.log.String(), text) }, waitFor, tick, text)
}

// shows waits until the records contain a text, or don't.
func (c *checkpointed) shows(text string, want bool) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return strings.Contains(c.records(), text) == want }, waitFor, tick, text)
}

// newCheckpointed returns a server over a filled stand-in, with documents of
// each kind: joined, without a request, invalid. It has run and left its file.
func newCheckpointed(t *testing.T) (*checkpointed, *couchfake.Server) {
	t.Helper()
	later := new(atomic.Int64)
	fake, url := couchAt(t, func() time.Time { return time.Now().Add(time.Duration(later.Load()) * time.Second) })
	put(t, fake, requestDB, request("w1", "running-open", 100), request("w2", "assigned", 200))
	put(t, fake, wmstatsDB, agentRequest("w1", 10), agentRequest("w9", 70), `{"_id":"bad","type":"agent_request","timestamp":5}`)
	c := &checkpointed{t: t, o: options(t, url, &logBuffer{}), later: later}
	c.o.Checkpoint = filepath.Join(t.TempDir(), "the checkpoint")
	c.o.Patience = app.Patience{MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond, HoldWait: 50 * time.Millisecond}
	c.start()
	c.ready()
	require.Contains(t, c.log.String(), "no checkpoint yet")
	c.shows(`"w1"`, true)
	c.says("full read finished") // before it there are no positions, and nothing would be written
	c.stop()
	require.FileExists(t, c.o.Checkpoint)
	return c, fake
}

func TestStartFromACheckpoint(t *testing.T) {
	c, fake := newCheckpointed(t)
	// Changes made while no server runs are followed.
	put(t, fake, requestDB, request("w3", "running-open", 300))
	require.True(t, fake.Delete(requestDB, "w2"))
	c.start()
	c.ready()
	c.shows(`"w3"`, true)
	c.shows(`"w2"`, false)
	put(t, fake, requestDB, request("w9", "running-open", 300))
	c.shows(`"Success":70`, true)
	require.Contains(t, c.log.String(), "checkpoint read")
	require.NotContains(t, c.log.String(), "full read finished", "it continued from the position")
	_, body := get(t, c.app.Addr(), "/quarantine")
	require.Contains(t, body, `"bad"`)
	_, body = get(t, c.app.Addr(), "/readyz?verbose")
	require.Contains(t, body, "[+] checkpoint: resumed from the one of 20")
	_, body = get(t, c.app.Addr(), "/metrics")
	require.Contains(t, body, `wmstats_checkpoint_read{result="used"} 1`)
	require.Eventually(t, func() bool {
		_, pulse := get(t, c.app.Addr(), "/pulse")
		return strings.Contains(pulse, `"Stale":false`) && strings.Contains(pulse, `"Complete":true`)
	}, waitFor, tick)
	want := c.records()
	c.stop()

	fresh := &checkpointed{t: t, o: c.o}
	fresh.o.Checkpoint = ""
	fresh.start()
	fresh.ready()
	require.Equal(t, fresh.records(), want)
}

func TestCheckpointWithoutTheSource(t *testing.T) {
	c, _ := newCheckpointed(t)
	// The same address, but without a CouchDB.
	deaf := &checkpointed{t: t, o: c.o}
	fakeAway(t, deaf)
	deaf.start()
	deaf.ready()
	deaf.shows(`"w1"`, true)
	require.Eventually(t, func() bool {
		_, pulse := get(t, deaf.app.Addr(), "/pulse")
		return strings.Contains(pulse, `"Stale":true`)
	}, waitFor, tick)
}

// fakeAway removes the password: the source refuses everything.
func fakeAway(t *testing.T, c *checkpointed) {
	t.Helper()
	require.NoError(t, os.WriteFile(c.o.CouchPasswordFile, []byte("wrong\n"), 0o600))
}

func TestDatabaseMadeAnewAfterACheckpoint(t *testing.T) {
	c, fake := newCheckpointed(t)
	c.later.Store(5)
	require.True(t, fake.Drop(requestDB))
	require.NoError(t, fake.Create(requestDB))
	put(t, fake, requestDB, request("w1", "running-open", 101), request("w2", "assigned", 201), request("w7", "assigned", 7))
	c.start()
	c.ready()
	c.shows(`"w7"`, true)
	c.says("full read finished") // which is logged after its generation is published
}

func TestCheckpointsThatAreIgnored(t *testing.T) {
	c, fake := newCheckpointed(t)
	good, err := os.ReadFile(c.o.Checkpoint)
	require.NoError(t, err)
	put(t, fake, requestDB, request("w3", "running-open", 300))
	fresh := &checkpointed{t: t, o: c.o}
	fresh.o.Checkpoint = ""
	fresh.start()
	fresh.ready()
	want := fresh.records()
	fresh.stop()
	write := func(content []byte) func(c *checkpointed) {
		return func(c *checkpointed) { require.NoError(t, os.WriteFile(c.o.Checkpoint, content, 0o600)) }
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	for _, k := range []struct {
		name, kind, says string
		make             func(c *checkpointed)
	}{
		{"empty", "broken", "0 bytes are too few for a checkpoint", write(nil)},
		{"cut", "broken", "its end is missing", write(good[:len(good)-100])},
		{"one bit", "broken", "is wrong", write(flipped)},
		{"of another database", "foreign", "of another source", func(c *checkpointed) {
			c.o.RequestDB = "other_requests"
			_ = fake.Create(c.o.RequestDB)
			for _, id := range []string{"w1", "w2", "w3"} {
				doc, _ := fake.Doc(requestDB, id)
				require.NoError(t, fake.Put(c.o.RequestDB, doc))
			}
			write(good)(c)
		}},
		{"a folder", "broken", "it is not a regular file", func(c *checkpointed) {
			require.NoError(t, os.RemoveAll(c.o.Checkpoint))
			require.NoError(t, os.Mkdir(c.o.Checkpoint, 0o700))
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			bad := &checkpointed{t: t, o: c.o}
			k.make(bad)
			bad.start()
			bad.ready()
			require.Equal(t, want, bad.records())
			bad.says("full read finished") // which is logged after its generation is published
			log := bad.log.String()
			require.Contains(t, log, "checkpoint ignored")
			require.Contains(t, log, "kind="+k.kind)
			require.Contains(t, log, k.says)
			_, body := get(t, bad.app.Addr(), "/readyz?verbose")
			require.Contains(t, body, "not used at the start: "+k.kind+": ")
			require.Contains(t, body, k.says)
			require.NotContains(t, body, "the checkpoint:", "paths are not public")
			_, body = get(t, bad.app.Addr(), "/metrics")
			require.Contains(t, body, `wmstats_checkpoint_read{result="`+k.kind+`"} 1`)
			bad.stop()
		})
	}
}

func TestACheckpointThatCanNotBeWritten(t *testing.T) {
	c, fake := newCheckpointed(t)
	dir := filepath.Join(t.TempDir(), "gone")
	c.o.Checkpoint, c.o.CheckpointEvery = filepath.Join(dir, "file"), time.Millisecond
	c.start()
	c.ready()
	require.Eventually(t, func() bool {
		_, body := get(t, c.app.Addr(), "/readyz?verbose")
		return strings.Contains(body, "[~] checkpoint") && strings.Contains(body, "the last write failed") && !strings.Contains(body, dir)
	}, waitFor, tick)
	_, body := get(t, c.app.Addr(), "/metrics")
	require.Contains(t, body, `wmstats_checkpoint_writes_total{result="failed"}`)
	require.Contains(t, c.log.String(), "could not write the checkpoint")
	put(t, fake, requestDB, request("w4", "running-open", 300))
	c.shows(`"w4"`, true)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.Eventually(t, func() bool { _, err := os.Stat(c.o.Checkpoint); return err == nil }, waitFor, tick)
	c.stop()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file stays")
}

// TestAPointOfTheHistoryIsReasonToWrite: otherwise it is lost when nothing
// changes between the last checkpoint and the end of the server.
func TestAPointOfTheHistoryIsReasonToWrite(t *testing.T) {
	c, _ := newCheckpointed(t)
	c.start()
	c.ready()
	require.Eventually(t, func() bool { return c.app.Timeline().Len() == 1 }, waitFor, tick)
	c.stop() // until then the positions may change too: one position has several spellings
	points, mark := c.app.Timeline().Encode(), c.app.Mark()
	empty, err := timeline.New(timeline.Options{})
	require.NoError(t, err)
	require.NoError(t, c.app.Timeline().Decode(empty.Encode()))
	assert.NotEqual(t, mark, c.app.Mark())
	require.NoError(t, c.app.Timeline().Decode(points))
	assert.Equal(t, mark, c.app.Mark())
}

// TestCountsAreWrittenHourly: the counts over time in the file are carried over
// between two checkpoints, and captured after an hour and at the end.
func TestCountsAreWrittenHourly(t *testing.T) {
	now := time.Unix(1_760_000_000, 0)
	counts, err := timeline.New(timeline.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	carry, capture, last := app.CountsSection(counts, func() time.Time { return now })
	require.False(t, carry(), "this process has not written any")
	capture()
	for range 59 {
		now = now.Add(time.Minute)
		require.True(t, carry())
	}
	now = now.Add(time.Minute)
	require.False(t, carry(), "after an hour")
	capture()
	require.True(t, carry())
	now = now.Add(-time.Minute)
	require.False(t, carry(), "the clock was set back")
	now = now.Add(2 * time.Minute)
	require.True(t, carry())
	last()
	require.False(t, carry(), "at the end")
}

// Counts over time survive a new schema or new rules, for which the rest of
// the file is not used.
func TestCountsSurviveAnotherFingerprint(t *testing.T) {
	c, _ := newCheckpointed(t)
	c.start()
	c.ready()
	require.Eventually(t, func() bool { return c.app.Timeline().Len() == 1 }, waitFor, tick)
	taken := c.app.Timeline().Newest()
	c.stop()
	require.NoError(t, app.WriteCheckpoint(t.Context(), c.app, c.o.Checkpoint, "another schema"))
	// A point of this process would be of another second.
	require.Eventually(t, func() bool { return time.Now().Unix() > taken }, waitFor, tick)
	c.start()
	c.ready()
	c.says("checkpoint ignored; reading everything")
	assert.Equal(t, taken, c.app.Timeline().Newest())
	assert.Equal(t, 1, c.app.Timeline().Len())
	c.stop()
}

// TestTheRecordsArePutBackLast: requests are answered as soon as records
// exist, so counts over time would for a moment be those of a process that has
// just started.
func TestTheRecordsArePutBackLast(t *testing.T) {
	_, at := couch(t)
	o := options(t, at, &logBuffer{})
	o.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	a, err := app.New(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"follower", "history", "documents", "store"}, a.SectionNames())
}

// Counts over time continue after a restart; they do not start again with the
// process.
func TestTheHistorySurvivesARestart(t *testing.T) {
	c, _ := newCheckpointed(t)
	history := func() (began, points string) {
		c.start()
		c.ready()
		defer c.stop()
		ask := func() bool {
			res, err := http.Get("http://" + c.app.Addr() + "/history?by=status&format=csv")
			require.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			require.Equal(t, http.StatusOK, res.StatusCode)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			began, points = res.Header.Get("X-History-Start"), string(body)
			return began != ""
		}
		require.Eventually(t, ask, waitFor, tick, "the first point is taken soon after the records exist")
		return began, points
	}
	began, points := history()
	require.NotEmpty(t, began)
	require.Contains(t, points, "running-open")
	first, err := time.Parse(time.RFC3339, began)
	require.NoError(t, err)
	// A restarted series would now start in another second.
	require.Eventually(t, func() bool { return time.Now().Unix() > first.Unix()+1 }, waitFor, tick)
	again, same := history()
	require.Equal(t, began, again)
	require.Equal(t, points, same)

	lost := c.o.Checkpoint
	require.NoError(t, os.Remove(lost))
	anew, _ := history()
	require.NotEqual(t, began, anew, "without the file the series restarts")
}
