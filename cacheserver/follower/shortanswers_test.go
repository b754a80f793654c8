package follower

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestAnAnswerThatEndsEarlyIsNotTheEnd: an answer that asks for changes is whole
// in its form, and brings one row, or none of those that there are. What it left
// is asked for, all comes while the fault lasts, and until then nothing is called
// fresh that is not.
func TestAnAnswerThatEndsEarlyIsNotTheEnd(t *testing.T) {
	const n = 15
	for name, change := range map[string]func(*Options){
		"followed": func(*Options) {},
		"polled":   func(o *Options) { o.PollInterval = 20 * time.Second },
		"polled, and read again": func(o *Options) {
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
						assert.Less(t, fault.Hits()-before, 300, "questions, each of which brings little")
					}
					calm := fault.Hits()
					b.honest(n, 5*time.Minute)
					assert.Less(t, fault.Hits()-calm, 250, "nothing is asked for again and again; each re-read asks for the list of all")
					assert.Zero(t, b.logged("level=ERROR"), "%s", b.log)
				}, change)
			})
		}
	}
}

// TestAFirstReadThatEndsEarlyIsNotTheEnd: the same of the answers that the first
// read is made of, where no view and no query works.
func TestAFirstReadThatEndsEarlyIsNotTheEnd(t *testing.T) {
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

// TestABusyDatabaseIsFresh: there is always a change that came after the
// question, so that no answer is empty. What the server says of the rest counts
// then, and nothing is asked for in a loop.
func TestABusyDatabaseIsFresh(t *testing.T) {
	for name, fault := range map[string]couchfake.Fault{
		"changes feed recovered": {Kind: couchfake.Replay, Rows: 3},
		"all comes again":        {Kind: couchfake.RewindSeqs},
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
				assert.Less(t, at.Hits(), 33*2*6, "questions in six minutes")
			}, func(o *Options) { o.PollInterval = 10 * time.Second })
		})
	}
}
