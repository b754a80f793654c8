package follower

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/mock/couchfake"
)

const (
	feeds  = "continuous"
	asking = "normal"
)

func feedsOf(kind string) couchfake.Match { return couchfake.Match{Feed: kind} }

// A buffering proxy delivers nothing of a feed and answers everything else. Each
// write arrives within a limited time, from the first one on; after some such
// feeds changes are polled, which is reported once; and when the proxy lets
// feeds through they are followed again.
func TestABufferedFeedLeadsToPolling(t *testing.T) {
	var mu sync.Mutex
	polled := map[string][]bool{}
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 10
		fault := b.srv.Misbehave(couchfake.Fault{Kind: couchfake.Buffer})
		b.begin(n)
		write := func(i int) time.Duration {
			b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i%n), "assigned", 1000+i))
			b.put(wmstatsDB, workDoc("a2", fmt.Sprintf("wf%d", i%n), 1000+i))
			return b.until("the write", 2*time.Minute, func() bool { return b.agrees(n) })
		}
		for i := range 5 {
			time.Sleep(7 * time.Second)
			assert.LessOrEqual(t, write(i), 45*time.Second)
		}
		b.until("polling", 5*time.Minute, func() bool { return len(b.store.state().Polled) == 2 })
		assert.Equal(t, buffered, b.store.state().Polled[0].Why)
		for i := range 50 {
			time.Sleep(time.Duration(i) * 300 * time.Millisecond)
			assert.LessOrEqual(t, write(i), 6*time.Second, "a poll each 5 s")
			assert.True(t, b.fresh(), b.store.state().Reason)
		}
		reasons := b.honest(n, 12*time.Minute) // while a feed is tried
		assert.Empty(t, reasons, "a feed that is only tried is not a failure")
		assert.Equal(t, 2, b.logged("changes feeds bring nothing"), "once for each database: %s", b.log)

		fault.Clear()
		b.until("feeds again", 12*time.Minute, func() bool { return len(b.store.state().Polled) == 0 })
		for i := range 20 {
			time.Sleep(3 * time.Second)
			assert.LessOrEqual(t, write(i), time.Second)
		}
		assert.Equal(t, 2, b.logged("changes feed works again"))
		b.stop()
		assert.Equal(t, map[string][]bool{"requests": {true, false}, "wmstats": {true, false}}, polled)
	}, func(o *Options) {
		o.Hooks.Polling = func(db string, on bool) {
			mu.Lock()
			defer mu.Unlock()
			polled[db] = append(polled[db], on)
		}
	})
}

// Data are stale whatever else answers. Each case writes at several moments
// between two checks.
func TestAChangeThatDoesNotArriveIsStale(t *testing.T) {
	for name, c := range map[string]struct {
		faults []couchfake.Fault
		change func(*Options)
	}{
		"no changes at all":           {faults: []couchfake.Fault{{Match: feedsOf(feeds), Kind: couchfake.Buffer}, {Match: feedsOf(asking), Kind: couchfake.Freeze}}},
		"feeds stop in a row":         {faults: []couchfake.Fault{{Match: feedsOf(feeds), Kind: couchfake.FreezeInRow}, {Match: feedsOf(asking), Kind: couchfake.FreezeInRow}}},
		"only the position answers":   {faults: []couchfake.Fault{{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.Freeze}}},
		"nothing answers":             {faults: []couchfake.Fault{{Kind: couchfake.Freeze}}},
		"slow":                        {faults: []couchfake.Fault{{Match: feedsOf(feeds), Kind: couchfake.Slow, Bytes: 100}, {Match: feedsOf(asking), Kind: couchfake.Slow, Bytes: 100}}},
		"polling, no changes":         {[]couchfake.Fault{{Match: feedsOf(asking), Kind: couchfake.Freeze}}, func(o *Options) { o.PollInterval = 20 * time.Second }},
		"polling, the end is missing": {[]couchfake.Fault{{Match: feedsOf(asking), Kind: couchfake.FreezeAfter, Bytes: 400}}, func(o *Options) { o.PollInterval = 20 * time.Second }},
	} {
		t.Run(name, func(t *testing.T) {
			for offset := range 3 {
				change := c.change
				if change == nil {
					change = func(*Options) {}
				}
				inBubble(t, func(t *testing.T, b *bubble) {
					const n = 60
					b.begin(n)
					time.Sleep(time.Minute + time.Duration(offset)*3700*time.Millisecond)
					for _, fault := range c.faults {
						b.srv.Misbehave(fault)
					}
					b.net.cut(false) // the next feeds are affected
					for i := range n {
						b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "assigned", 1000+i))
					}
					reasons := b.honest(n, 3*time.Minute)
					assert.NotEmpty(t, reasons)
					b.srv.Behave()
					b.until("the end", 5*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
				}, change)
			}
		})
	}
}

// Nothing fails, and changes arrive too late.
func TestASlowSourceIsStale(t *testing.T) {
	for _, interval := range []time.Duration{0, 20 * time.Second} {
		inBubble(t, func(t *testing.T, b *bubble) {
			const n = 60
			b.srv.Misbehave(couchfake.Fault{Match: feedsOf(feeds), Kind: couchfake.Slow, Bytes: 200})
			b.srv.Misbehave(couchfake.Fault{Match: feedsOf(asking), Kind: couchfake.Slow, Bytes: 200})
			b.begin(n)
			time.Sleep(time.Minute)
			require.True(t, b.fresh(), b.store.state().Reason)
			for i := range n {
				b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "assigned", 1000+i))
			}
			assert.Contains(t, b.honest(n, 3*time.Minute), missingText)
			b.until("the end", time.Minute, func() bool { return b.agrees(n) && b.fresh() })
		}, func(o *Options) { o.PollInterval = interval })
	}
}

// A feed is alive and delivers nothing. Hidden changes arrive when they are
// requested, and the records are not stale meanwhile.
func TestAFeedThatHidesChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 10
		b.srv.Misbehave(couchfake.Fault{Match: feedsOf(feeds), Kind: couchfake.EmptyDB})
		b.begin(n)
		for i := range 20 {
			time.Sleep(time.Duration(i) * 1700 * time.Millisecond)
			b.put(wmstatsDB, workDoc("a1", fmt.Sprintf("wf%d", i%n), 1000+i))
			took := b.until("the write", time.Minute, func() bool { return b.agrees(n) })
			assert.LessOrEqual(t, took, 35*time.Second)
			assert.True(t, b.fresh(), b.store.state().Reason)
		}
		b.until("polling", time.Minute, func() bool { return len(b.store.state().Polled) == 1 })
		assert.Equal(t, "wmstats", b.store.state().Polled[0].Database)
	})
}

// Such writes move the position all the time, and nothing is missing. A range
// without changes for us is not searched twice.
func TestWritesThatNobodyFollowsAreNotStale(t *testing.T) {
	refused := couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + wmstatsDB + "/_changes"}, Kind: couchfake.FailStatus, Status: 400}
	for name, c := range map[string]struct {
		fault  couchfake.Fault
		change func(*Options)
	}{
		"feeds":               {},
		"polling":             {change: func(o *Options) { o.PollInterval = 10 * time.Second }},
		"behind a buffer":     {fault: couchfake.Fault{Kind: couchfake.Buffer}},
		"no filter by server": {fault: refused},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*Options) {}
			}
			inBubble(t, func(t *testing.T, b *bubble) {
				if c.fault.Kind != "" {
					b.srv.Misbehave(c.fault)
				}
				b.begin(5)
				if c.fault.Kind == couchfake.Buffer {
					b.until("polling", 5*time.Minute, func() bool { return len(b.store.state().Polled) == 2 })
				}
				before, loaded := b.follower.Positions()[couch.WMStats], b.store.count(loads)
				for i := range 6000 {
					b.put(wmstatsDB, jobDoc(fmt.Sprintf("job-%d", i)))
					time.Sleep(100 * time.Millisecond)
					if state := b.store.state(); state.Stale {
						t.Fatalf("stale after %d writes: %s", i, state.Reason)
					}
				}
				at, ok := b.follower.Positions()[couch.WMStats].Seq.Number()
				require.True(t, ok)
				was, _ := before.Seq.Number()
				assert.Greater(t, at, was+5000, "the position moves: a later search begins there")
				if c.fault.Kind != couchfake.Buffer {
					assert.Empty(t, b.store.state().Polled)
				}
				assert.Equal(t, loaded, b.store.count(loads))
			}, change)
		})
	}
}

// Some changes are always on their way, which is not an error of the feed.
func TestABusyFeedStaysOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		const n = 40
		b.begin(n)
		opened := b.srv.Misbehave(couchfake.Fault{Match: feedsOf(feeds), Kind: couchfake.Delay, Wait: time.Nanosecond})
		for i := range 12000 { // 25 a second
			b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i%n), "assigned", 1000+i))
			time.Sleep(40 * time.Millisecond)
			require.False(t, b.store.state().Stale, b.store.state().Reason)
		}
		assert.Zero(t, opened.Hits(), "one feed throughout")
		b.until("the last", time.Second, func() bool { return b.agrees(n) })
	})
}

// All databases are fresh a few seconds after the end of an outage, however long
// it was.
func TestBackAfterAnOutage(t *testing.T) {
	for _, away := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, 5 * time.Hour} {
		inBubble(t, func(t *testing.T, b *bubble) {
			const n = 5
			b.begin(n)
			b.net.cut(true)
			b.put(requestDB, requestDoc("wf1", "assigned", 9))
			b.put(wmstatsDB, workDoc("a1", "wf2", 9))
			time.Sleep(away)
			require.True(t, b.store.state().Stale)
			b.net.cut(false)
			took := b.until("back", time.Minute, func() bool { return b.agrees(n) && b.fresh() })
			assert.LessOrEqual(t, took, nearWait+time.Second, away)
			most := 6 + 2*int(away/sayEvery)
			assert.LessOrEqual(t, b.logged("changes do not arrive"), most, "not at each attempt")
			assert.Equal(t, 2, b.logged("changes feed recovered"))
		})
	}
}

// TestAnIdleSourceIsAsFreshAsItsChecks: what each check of each database shows is
// passed on within seconds, not with the next check.
func TestAnIdleSourceIsAsFreshAsItsChecks(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.begin(4)
		most := b.follower.o.LookEvery + b.follower.o.LookEvery/2 // checks are not exactly regular
		for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(time.Second) {
			s := b.store.state()
			if time.Since(began) > time.Minute {
				require.Less(t, time.Since(s.RequestsAsOf), most)
				require.Less(t, time.Since(s.AgentsAsOf), most)
			}
		}
	})
}
