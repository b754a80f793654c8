package follower

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// backup copies both databases.
func (b *bubble) backup() (all []*couchfake.Backup) {
	b.t.Helper()
	for _, db := range []string{requestDB, wmstatsDB} {
		backup, err := b.srv.Backup(db)
		require.NoError(b.t, err)
		all = append(all, backup)
	}
	return all
}

// restore stops the server, restores backups and starts it again.
func (b *bubble) restore(backups []*couchfake.Backup, away time.Duration) {
	b.net.cut(true)
	for _, backup := range backups {
		b.srv.Restore(backup)
	}
	time.Sleep(away)
	b.net.cut(false)
}

// rereadCount counts the re-reads of a bubble.
type rereadCount struct{ ended, broken atomic.Int64 }

func (c *rereadCount) done() int   { return int(c.ended.Load()) }
func (c *rereadCount) failed() int { return int(c.broken.Load()) }

func counting(c *rereadCount) func(*Options) {
	return func(o *Options) {
		o.Hooks.Reread = func(_ int, _ time.Duration, err error) {
			if err != nil {
				c.broken.Add(1)
			} else {
				c.ended.Add(1)
			}
		}
	}
}

// edit changes, deletes and adds documents, so that an older state differs in
// all of these.
func (b *bubble) edit(n int) {
	for i := range n / 4 {
		b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "completed", 5000+i))
		b.put(wmstatsDB, workDoc("a2", fmt.Sprintf("wf%d", i), 5000+i))
	}
	require.True(b.t, b.srv.Delete(wmstatsDB, "a1-wf1"))
	b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", n-1), "normal-archived", 1))
}

// The database claims to be the same one, and our position is ahead of it.
// Within a minute the records are stale for that reason, a re-read runs beside
// the feeds, and new writes are shown.
func TestARestoredBackupIsNoticed(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"feeds":                      func(*Options) {},
		"polling":                    func(o *Options) { o.PollInterval = 45 * time.Second },
		"re-reads from time to time": func(o *Options) { o.RereadEvery = 6 * time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			var c rereadCount
			inBubble(t, func(t *testing.T, b *bubble) {
				const n = 40
				b.begin(n)
				old := b.backup()
				b.edit(n)
				b.until("the edits", 2*time.Minute, func() bool { return b.agrees(n) })
				time.Sleep(13 * time.Second)
				b.restore(old, 3*time.Second)
				b.put(requestDB, requestDoc("wf3", "assigned", 77)) // after our position
				b.honest(n, 4*time.Minute)
				assert.True(t, b.store.was(fall.public()))
				require.True(t, b.agrees(n), "log:\n%s", b.log)
				require.True(t, b.fresh())
				b.put(requestDB, requestDoc("wf2", "assigned", 78))
				b.until("a new write", time.Minute, func() bool { return b.agrees(n) })
				assert.Equal(t, 1, b.store.count(loads)-c.done(), "no full read instead of the feeds")
				if b.follower.o.PollInterval == 0 {
					assert.Equal(t, 1, c.done(), "one for both databases")
				}
				assert.Equal(t, 2, b.logged("the database is older than before"))
				assert.Equal(t, 1, b.logged("doc_count + doc_del_count from 52 to 42"), "%s", b.log)
			}, change, counting(&c))
		})
	}
}

// The database was replaced while the cache server was down.
func TestARestoreBehindACheckpoint(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 40
		b.begin(n)
		old := b.backup()
		b.edit(n)
		b.until("the edits", time.Minute, func() bool { return b.agrees(n) })
		time.Sleep(time.Minute)
		b.reborn(nil)
		b.restore(old, time.Minute)
		b.start()
		b.honest(n, 3*time.Minute)
		assert.True(t, b.store.was(fall.public()))
		require.True(t, b.agrees(n) && b.fresh(), "log:\n%s", b.log)
	})
}

// The position is already the new one, and the records are the old ones.
func TestACheckpointKeepsDueReads(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 40
		b.begin(n)
		old := b.backup()
		b.edit(n)
		b.until("the edits", time.Minute, func() bool { return b.agrees(n) })
		for _, way := range []string{"/_design", "/_all_docs", "/_find", "/_changes"} {
			b.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + way}, Kind: couchfake.FailStatus})
		}
		b.restore(old, time.Second)
		b.until("it is noticed", time.Minute+time.Second, func() bool { return b.store.state().Reason == fall.public() })
		b.reborn(nil)
		require.Equal(t, fall.public(), b.store.state().Reason)
		b.start()
		b.honest(n, 2*time.Minute)
		require.Equal(t, fall.public(), b.store.state().Reason, "unreadable")
		b.srv.Behave()
		b.until("the repair", 2*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
	})
}

// The next check leads to a re-read, and the lower numbers after the purge are
// not taken for another fall.
func TestPurgedDocumentsAreNoticed(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"feeds":   func(*Options) {},
		"polling": func(o *Options) { o.PollInterval = 45 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			var c rereadCount
			inBubble(t, func(t *testing.T, b *bubble) {
				const n = 40
				b.begin(n)
				time.Sleep(17 * time.Second)
				for i := range n / 3 {
					require.Equal(t, 1, b.srv.Purge(wmstatsDB, fmt.Sprintf("a1-wf%d", i)))
				}
				require.Equal(t, 1, b.srv.Purge(requestDB, "wf1"))
				purged := time.Now()
				b.honest(n, 2*time.Minute)
				assert.True(t, b.store.was(purge.public()))
				require.True(t, b.agrees(n) && b.fresh(), "log:\n%s", b.log)
				time.Sleep(time.Hour)
				assert.True(t, b.fresh())
				assert.LessOrEqual(t, c.done(), 2, "both databases at most")
				assert.Equal(t, 1, b.logged("purge_seq from 0 to 13"))
				assert.Zero(t, b.logged("is older than before"), "after %s:\n%s", time.Since(purged), b.log)
				assert.Equal(t, 1, b.store.count(loads)-c.done())
			}, change, counting(&c))
		})
	}
}

// Purges for half an hour: the records are stale while they differ, and correct
// soon after the last one, and the source is not read all the time.
func TestManyPurges(t *testing.T) {
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 60
		b.begin(n)
		for i := range 30 {
			b.srv.Purge(wmstatsDB, fmt.Sprintf("a1-wf%d", i))
			b.honest(n, time.Minute)
		}
		b.until("the end", 3*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
		assert.LessOrEqual(t, c.done(), 32)
	}, counting(&c))
}

// It waits for the other one, and does not delay a stop. (With a lock instead of
// a channel the time of the bubble would not advance.)
func TestARereadThatIsDueDuringAnother(t *testing.T) {
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 20
		b.begin(n)
		slow := b.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design"}, Kind: couchfake.Delay, Wait: time.Minute})
		b.until("a re-read", 30*time.Minute, func() bool { return slow.Hits() > 0 })
		require.Equal(t, 1, b.srv.Purge(requestDB, "wf1"))
		b.until("the reason", time.Minute, func() bool { return b.store.was(purge.public()) })
		time.Sleep(10 * time.Second)
		assert.Zero(t, c.done(), "the first one is in progress")
		b.until("both", 20*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
		assert.Equal(t, 2, c.done())
		hits := slow.Hits()
		require.Equal(t, 1, b.srv.Purge(requestDB, "wf2"))
		b.until("another one", 10*time.Minute, func() bool { return slow.Hits() > hits })
		require.Equal(t, 1, b.srv.Purge(requestDB, "wf3"))
		time.Sleep(30 * time.Second)
		began := time.Now()
		b.stop()
		assert.Less(t, time.Since(began), time.Second)
	}, counting(&c), func(o *Options) { o.RereadEvery = 20 * time.Minute })
}

// Due re-reads that fail wait longer each time, and run soon after the end of
// the failure.
func TestARereadThatFailsIsNotALoop(t *testing.T) {
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 20
		b.begin(n)
		for _, way := range []string{"/_design", "/_all_docs", "/_find"} {
			for _, db := range []string{requestDB, wmstatsDB} {
				b.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + db + way}, Kind: couchfake.ErrorRow, Rows: 2, Stop: true})
			}
		}
		require.Equal(t, 1, b.srv.Purge(requestDB, "wf1"))
		b.honest(n, 20*time.Minute)
		assert.Equal(t, purge.public(), b.store.state().Reason)
		assert.Greater(t, c.failed(), 5)
		assert.Less(t, c.failed(), 30)
		b.srv.Behave()
		b.until("the repair", 3*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
	}, counting(&c))
}

// Documents were purged while the cache server was down.
func TestAPurgeBehindACheckpoint(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 10
		b.begin(n)
		time.Sleep(time.Minute)
		b.reborn(nil)
		require.Equal(t, 1, b.srv.Purge(wmstatsDB, "a1-wf1"))
		b.start()
		b.honest(n, 2*time.Minute)
		assert.True(t, b.store.was(purge.public()))
		require.True(t, b.agrees(n) && b.fresh(), "log:\n%s", b.log)
	})
}

// The nodes of a cluster report the numbers of their own copies. One or two
// lower answers are not a sign; a permanently lower answer is one, and leads to
// one re-read in ten minutes.
func TestCopiesThatDiffer(t *testing.T) {
	info := couchfake.Match{Method: "GET", Path: "/" + wmstatsDB}
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 10
		b.begin(n)
		for range 60 { // two of three checks are lower
			low := b.srv.Misbehave(couchfake.Fault{Match: info, Kind: couchfake.OtherCopy, Rows: 2})
			time.Sleep(20 * time.Second)
			low.Clear()
			time.Sleep(10 * time.Second)
			require.True(t, b.fresh(), b.store.state().Reason)
		}
		require.Zero(t, c.done())
		for range 24 { // each minute lower, then higher
			low := b.srv.Misbehave(couchfake.Fault{Match: info, Kind: couchfake.OtherCopy, Rows: 2})
			time.Sleep(time.Minute)
			low.Clear()
			time.Sleep(time.Minute)
		}
		assert.GreaterOrEqual(t, c.done(), 4)
		assert.LessOrEqual(t, c.done(), 5, "of 48 minutes")
		assert.Equal(t, 1, b.store.count(loads)-c.done())
		b.until("the end", 11*time.Minute, b.fresh)
	}, counting(&c))
}

// One re-read in ten minutes, and stale until then.
func TestABackupRestoredAgainAndAgain(t *testing.T) {
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 20
		b.begin(n)
		old := b.backup()
		for i := range 3 {
			b.edit(n)
			b.put(requestDB, requestDoc("wf10", "assigned", 9000+i))
			time.Sleep(11 * time.Second)
			b.restore(old, time.Second)
			b.honest(n, time.Minute+15*time.Second)
		}
		assert.Equal(t, 1, c.done())
		assert.Equal(t, fall.public(), b.store.state().Reason)
		b.until("the next", 12*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
		assert.Equal(t, 2, c.done())
	}, counting(&c))
}

// Positions without numbers are not taken for a fall, and get numbers at the
// first check.
func TestPositionsOfAnOlderCheckpoint(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 5
		b.begin(n)
		b.stop()
		frames := framesOf(t, b.follower.Section())
		for i := range frames {
			for _, gone := range []string{"Updates", "PurgeSeq", "Due"} {
				frames[i] = without(t, frames[i], gone)
			}
		}
		next, err := New(b.follower.o)
		require.NoError(t, err)
		commit, err := next.Section().Restore(checkpoint.FramesOf(t.Context(), frames))
		require.NoError(t, err)
		commit()
		b.follower = next
		require.Empty(t, next.Positions()[couch.WMStats].PurgeSeq)
		b.start()
		b.until("fresh", time.Minute, b.fresh)
		time.Sleep(time.Minute)
		assert.NotEmpty(t, b.follower.Positions()[couch.WMStats].PurgeSeq)
		assert.Positive(t, b.follower.Positions()[couch.WMStats].Updates)
		assert.Equal(t, 1, b.store.count(loads))
		b.srv.Purge(wmstatsDB, "a1-wf1")
		b.until("a purge", time.Minute, func() bool { return b.agrees(n) })
	})
}

// The position in an earlier answer is applied after the position was reset. The
// reset still holds, and the older state is noticed once.
func TestARestoredBackupWhilePositionsAreOnTheirWay(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 30 * time.Second, time.Minute, 2 * time.Minute} {
		t.Run(window.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				const n = 40
				b.begin(n)
				old := b.backup()
				b.edit(n)
				b.until("the edits", 2*time.Minute, func() bool { return b.agrees(n) })
				time.Sleep(time.Minute)
				b.restore(old, 3*time.Second)
				b.until("noticed", 2*time.Minute, func() bool { return b.logged("is older than before") == 2 })
				b.until("fresh", 3*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
				time.Sleep(10 * time.Minute)
				assert.Equal(t, 2, b.logged("is older than before"), "one for each database; log:\n%s", b.log)
			}, func(o *Options) { o.BatchWindow = window })
		})
	}
}
