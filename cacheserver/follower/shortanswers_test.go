package follower

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// An answer to a request for changes is well formed, and has one row, or none of
// the existing ones. The rest is requested, everything arrives while the fault
// lasts, and until then nothing is fresh that should not be.
func TestAnAnswerThatEndsEarlyIsNotComplete(t *testing.T) {
	const n = 15
	for name, change := range map[string]func(*Options){
		"followed": func(*Options) {},
		"polled":   func(o *Options) { o.PollInterval = 20 * time.Second },
		"polled, with re-reads": func(o *Options) {
			o.PollInterval, o.RereadEvery = 46*time.Second, 3*time.Minute
		},
	} {
		for rows := range 3 {
			t.Run(fmt.Sprintf("%s, %d rows", name, rows), func(t *testing.T) {
				inBubble(t, func(t *testing.T, b *bubble) {
					b.begin(n)
					fault := b.srv.Misbehave(couchfake.Fault{Match: feedsOf(asking), Kind: couchfake.EndFeed, Rows: rows})
					for round := range 2 {
						b.net.cut(true) // the changes wait for a poll, or for the next feed
						for i := range n {
							b.put(wmstatsDB, jobDoc(fmt.Sprintf("job-%d-%d", round, i))) // nobody follows these
							b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "assigned", 1000*(round+1)+i))
							b.put(wmstatsDB, workDoc("a2", fmt.Sprintf("wf%d", i), 1000*(round+1)+i))
						}
						b.net.cut(false)
						before := fault.Hits()
						b.honest(n, 90*time.Second)
						b.until("all changes", 5*time.Minute, func() bool { return b.agrees(n) && b.fresh() })
						assert.Less(t, fault.Hits()-before, 300, "requests, each of which returns little")
					}
					calm := fault.Hits()
					b.honest(n, 5*time.Minute)
					assert.Less(t, fault.Hits()-calm, 250, "no repeated requests; each re-read requests the list of all")
					assert.Zero(t, b.logged("level=ERROR"), "%s", b.log)
				}, change)
			})
		}
	}
}

// The same for the answers of a full read when no view and no query works.
func TestAFullReadThatEndsEarlyIsNotComplete(t *testing.T) {
	const n = 20
	for rows := range 3 {
		t.Run(fmt.Sprint(rows, " rows"), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				for _, path := range []string{"/_design/", "/_find"} {
					for _, db := range []string{requestDB, wmstatsDB} {
						b.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + db + path}, Kind: couchfake.NoDatabase})
					}
				}
				b.srv.Misbehave(couchfake.Fault{Match: feedsOf(asking), Kind: couchfake.EndFeed, Rows: rows})
				b.begin(n)
				b.until("all of it", time.Second, func() bool { return b.agrees(n) && b.fresh() })
			})
		})
	}
}

// There is always a newer change, so no answer is empty. Then the server's
// number of pending changes decides, and there is no loop of requests.
func TestABusyDatabaseIsFresh(t *testing.T) {
	for name, fault := range map[string]couchfake.Fault{
		"repeated changes":    {Kind: couchfake.Replay, Rows: 3},
		"everything repeated": {Kind: couchfake.RewindSeqs},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				const n = 5
				b.begin(n)
				fault.Match = feedsOf(asking)
				at := b.srv.Misbehave(fault)
				for i := range 30 {
					b.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i%n), "assigned", 1000+i))
					b.put(wmstatsDB, jobDoc(fmt.Sprint("job", i)))
					b.honest(n, 11*time.Second)
					assert.True(t, b.fresh(), b.store.state().Reason)
				}
				assert.Less(t, at.Hits(), 33*2*6, "requests in six minutes")
			}, func(o *Options) { o.PollInterval = 10 * time.Second })
		})
	}
}
