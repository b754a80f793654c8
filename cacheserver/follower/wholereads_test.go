package follower

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// leaving are faults that leave documents out of well-formed answers.
func leaving() map[string]couchfake.Fault {
	return map[string]couchfake.Fault{
		"every row":      {Kind: couchfake.OmitRow},
		"some of them":   {Kind: couchfake.OmitRow, IDs: []string{"wf1", "wf2", "a1-wf1", "a1-wf7", "a1"}},
		"all of them":    {Kind: couchfake.EmptyDB},
		"none in the db": {Kind: couchfake.NoDatabase},
	}
}

// Views leave documents out for the whole read. The first generation is
// complete.
func TestAFullReadThatReturnsAPart(t *testing.T) {
	const n = 30
	for name, fault := range leaving() {
		for _, db := range []string{requestDB, wmstatsDB} {
			t.Run(name+" of "+db, func(t *testing.T) {
				inBubble(t, func(t *testing.T, b *bubble) {
					fault.Match = couchfake.Match{Path: "/" + db + "/_design/"}
					b.srv.Misbehave(fault)
					b.fill(n)
					b.start()
					b.until("the first generation", time.Minute, func() bool { return b.store.count(loads) > 0 })
					assert.True(t, b.agrees(n), b.log)
					b.until("fresh", time.Minute, b.fresh)
					assert.Empty(t, b.honest(n, 5*time.Minute))
					assert.Empty(t, b.follower.Quarantined())
				})
			})
		}
	}
}

// The feed has hidden documents, and the views of the next re-read leave them
// out as well. The re-read finds them, and removes nothing.
func TestARereadThatReturnsAPart(t *testing.T) {
	const n = 30
	for name, fault := range leaving() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				b.begin(n - 5)
				var hidden []string
				for i := n - 5; i < n; i++ {
					hidden = append(hidden, fmt.Sprint("wf", i), fmt.Sprint("a1-wf", i))
				}
				for _, db := range []string{requestDB, wmstatsDB} {
					hide := b.srv.Misbehave(couchfake.Fault{Kind: couchfake.OmitRow, IDs: hidden, Match: couchfake.Match{Path: "/" + db + "/_changes"}})
					defer hide.Clear()
				}
				b.net.cut(false) // open feeds would deliver them
				time.Sleep(time.Minute)
				b.fill(n)
				time.Sleep(2 * time.Minute)
				b.srv.Behave()
				require.NotContains(t, b.store.content(), key(join.Request, "wf29"))
				if fault.IDs != nil {
					fault.IDs = append(fault.IDs, hidden...)
				}
				for _, db := range []string{requestDB, wmstatsDB} {
					fault.Match = couchfake.Match{Path: "/" + db + "/_design/"}
					b.srv.Misbehave(fault)
				}
				b.until("the re-read", 12*time.Minute, func() bool { return b.agrees(n) })
				b.until("fresh", time.Minute, b.fresh)
				assert.Zero(t, b.logged("held back"))
				assert.Empty(t, b.follower.Quarantined())
			}, func(o *Options) { o.RereadEvery = 10 * time.Minute })
		})
	}
}

// Documents that are written, created and deleted during a full read do not lead
// to another one, and are not owed for long.
func TestAReadWhileOthersWrite(t *testing.T) {
	const n = 60
	inBubble(t, func(t *testing.T, b *bubble) {
		b.srv.Misbehave(couchfake.Fault{Kind: couchfake.Slow, Bytes: 1000, Match: couchfake.Match{Path: "/" + requestDB + "/_design/"}})
		b.srv.Misbehave(couchfake.Fault{Kind: couchfake.Slow, Bytes: 1000, Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design/"}})
		b.fill(n / 2)
		b.start()
		for i := range 750 { // 25 a second
			wf := fmt.Sprint("wf", i%n)
			switch i % 10 {
			case 7:
				b.srv.Delete(requestDB, wf)
			case 8:
				b.srv.Delete(wmstatsDB, "a1-"+wf)
			default:
				b.put(requestDB, requestDoc(wf, "running-open", 1000+i))
				b.put(wmstatsDB, workDoc("a1", wf, 1000+i))
			}
			time.Sleep(40 * time.Millisecond)
		}
		b.until("the same as the source", time.Minute, func() bool { return b.agrees(n) && b.fresh() })
		assert.Equal(t, 1, b.store.count(loads))
		assert.Zero(t, b.logged("level=ERROR"), b.log)
		b.until("nothing owed", time.Minute, func() bool { return len(b.follower.Quarantined()) == 0 })
	})
}
