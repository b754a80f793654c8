package follower

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// The rest of the source works, so each change arrives in time, and the records
// are not stale. A feed that never works leads to polling, with the reason; one
// that works until it is cut is opened again.
func TestAFeedThatFailsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		fault  couchfake.Fault
		polled string // the reason; "": the feed is followed
	}{
		"500":                  {couchfake.Fault{Kind: couchfake.FailStatus}, "its changes feed fails: the database server answers with status 500"},
		"501":                  {couchfake.Fault{Kind: couchfake.FailStatus, Status: http.StatusNotImplemented}, "its changes feed fails: the database server answers with status 501"},
		"forbidden":            {couchfake.Fault{Kind: couchfake.Forbid}, "its changes feed fails: the database server denies read access"},
		"bad request":          {couchfake.Fault{Kind: couchfake.FailStatus, Status: http.StatusBadRequest}, "its changes feed fails: the database server refuses the request"},
		"a page":               {couchfake.Fault{Kind: couchfake.Page}, "its changes feed fails: the answer is not that of a CouchDB server"},
		"no answer":            {couchfake.Fault{Kind: couchfake.Freeze}, buffered},
		"cut at once":          {couchfake.Fault{Kind: couchfake.Cut}, "its changes feed fails: an answer of the database server was cut"},
		"cut at a heartbeat":   {couchfake.Fault{Kind: couchfake.Cut, Bytes: 1}, ""},
		"cut in a change":      {couchfake.Fault{Kind: couchfake.CutInRow}, ""},
		"frozen in a change":   {couchfake.Fault{Kind: couchfake.FreezeInRow}, buffered},
		"an error in the feed": {couchfake.Fault{Kind: couchfake.ErrorRow, Stop: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				const n = 10
				b.begin(n)
				c.fault.Match = feedsOf(feeds)
				fault := b.srv.Misbehave(c.fault)
				b.net.cut(false) // the next feeds are affected
				write := func(i int) time.Duration {
					b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i%n), "assigned", 1000+i))
					b.put(wmstatsDB, workDoc("a2", fmt.Sprintf("wf%d", i%n), 1000+i))
					return b.until("the write", 2*time.Minute, func() bool { return b.agrees(n) })
				}
				for i := range 30 {
					time.Sleep(time.Duration(i) * 700 * time.Millisecond)
					assert.LessOrEqual(t, write(i), 45*time.Second)
				}
				if c.polled != "" {
					b.until("polling", 5*time.Minute, func() bool { return len(b.store.state().Polled) == 2 })
					assert.Equal(t, c.polled, b.store.state().Polled[0].Why)
					for i := range 20 {
						time.Sleep(time.Duration(i) * 300 * time.Millisecond)
						assert.LessOrEqual(t, write(i), 6*time.Second, "a poll each 5 s")
					}
				}
				b.honest(n, 12*time.Minute) // while a feed is tried
				assert.False(t, b.store.was(""), "never stale: %v", b.store.states)
				assert.Less(t, b.logged("level=WARN"), 10, "%s", b.log)
				fault.Clear()
				b.until("feeds again", 12*time.Minute, func() bool { return len(b.store.state().Polled) == 0 })
				assert.False(t, b.store.was(""), "never stale")
			})
		})
	}
}

// A feed continues, and no check of the database succeeds. The reason says why,
// and a waiting reader learns about changes at once.
func TestReasonWhenNoCheckSucceeds(t *testing.T) {
	for why, fault := range map[string]couchfake.Fault{
		"the database server refuses the credentials": {Kind: couchfake.Deny},
		"the database server denies read access":      {Kind: couchfake.Forbid},
		"the database server answers with status 500": {Kind: couchfake.FailStatus},
		"a database does not exist":                   {Kind: couchfake.NoDatabase},
		"the answer is not that of a CouchDB server":  {Kind: couchfake.Page},
		"the database server took too long":           {Kind: couchfake.Freeze},
	} {
		t.Run(why, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				b.begin(5)
				time.Sleep(time.Minute)
				at := b.srv.Misbehave(fault)
				time.Sleep(75 * time.Second)
				assert.Equal(t, unprovenText+": "+why, b.store.state().Reason)
				at.Clear()
				if fault.Kind == couchfake.FailStatus {
					time.Sleep(3 * time.Second)
					b.follower.TryNow()
					b.until("fresh", time.Second, b.fresh)
				}
				b.until("fresh", 2*time.Minute, b.fresh)
			})
		})
	}
}

// A row without a document has the seq of the change after it, and the answer is
// cut between the two: in a feed, in a request, or in both. The change still
// arrives.
func TestARowBeforeItsChangeMovesNothing(t *testing.T) {
	for _, kind := range []string{feeds, asking, ""} {
		for _, cut := range []couchfake.Fault{
			{Kind: couchfake.CutInRow, Rows: 1}, {Kind: couchfake.FreezeInRow, Rows: 1}, {Kind: couchfake.EndFeed, Rows: 1}, {Kind: couchfake.ErrorRow, Rows: 1, Stop: true},
		} {
			for name, interval := range map[string]time.Duration{"followed": 0, "polled": 20 * time.Second} {
				t.Run(fmt.Sprint(kind, " ", cut.Kind, " ", name), func(t *testing.T) {
					inBubble(t, func(t *testing.T, b *bubble) {
						const n = 5
						b.begin(n)
						b.srv.Misbehave(couchfake.Fault{Match: feedsOf(kind), Kind: couchfake.NullID})
						cut.Match, cut.Times = feedsOf(kind), 4
						b.srv.Misbehave(cut)
						b.net.cut(false) // the next feeds are affected
						for i := range 2 * n {
							time.Sleep(time.Duration(3*i) * time.Second)
							b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i%n), "assigned", 1000+i))
							b.put(wmstatsDB, workDoc("a2", fmt.Sprintf("wf%d", i%n), 1000+i))
						}
						b.honest(n, 3*time.Minute)
						b.until("all of it", 10*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
					}, func(o *Options) { o.PollInterval = interval })
				})
			}
		}
	}
}
