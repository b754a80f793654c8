package follower

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// counts counts the requests that begin with a path.
func (r *rig) counts(method, path string) *couchfake.ActiveFault {
	return r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: method, Path: path}, Kind: couchfake.Delay})
}

// While one database can't be read, the other one is read once and waits, and
// its documents are not requested again.
func TestEachDatabaseIsReadSeparately(t *testing.T) {
	for down, up := range map[string]string{requestDB: wmstatsDB, wmstatsDB: requestDB} {
		for name, fault := range map[string]couchfake.Fault{
			"cut in a row": {Kind: couchfake.CutInRow, Rows: 2},
			"no database":  {Kind: couchfake.NoDatabase},
			"forbidden":    {Kind: couchfake.Forbid},
			"500":          {Kind: couchfake.FailStatus},
		} {
			t.Run(down+" "+name, func(t *testing.T) {
				r := newRig(t)
				r.fill(5)
				fault.Match.Path = "/" + down
				failing := r.srv.Misbehave(fault)
				views := r.counts("", "/"+up+"/_design/")
				r.start()
				r.eventually("the other one", func() bool {
					list := r.follower.Reading()
					return len(list) == 2 && list[0].Done != list[1].Done && list[0].Reason+list[1].Reason != ""
				})
				read := views.Hits()
				require.Positive(t, read)
				hits := failing.Hits()
				r.eventually("more tries", func() bool { return failing.Hits() >= hits+3 || fault.Kind == couchfake.Forbid })
				assert.Equal(t, 0, r.store.count(loads))
				failing.Clear()
				if fault.Kind == couchfake.Forbid {
					return // it is requested once a minute: TestAForbiddenResource
				}
				r.converges(5)
				assert.Equal(t, read, views.Hits(), "read once")
				assert.Equal(t, 1, r.store.count(loads))
				r.eventually("the end of the read", func() bool { return len(r.follower.Reading()) == 0 })
			})
		}
	}
}

// Documents that arrived before are those of another database.
func TestADatabaseCreatedAgainDuringTheRead(t *testing.T) {
	r := newRig(t)
	r.fill(5)
	views := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/"}, Kind: couchfake.CutInRow, Rows: 2})
	r.start()
	r.eventually("a failed attempt", func() bool { return views.Hits() > 3 })
	require.True(t, r.srv.Drop(wmstatsDB))
	r.put(wmstatsDB, infoDoc("a2", 1), workDoc("a2", "wf0", 3))
	views.Clear()
	r.converges(5)
	assert.Equal(t, 1, r.store.count(loads))
}

// A view that times out twice leads to the next way, and the read of the other
// database is not disturbed.
func TestAnIndexIsBuiltDuringTheFirstRead(t *testing.T) {
	r := newRig(t)
	r.fill(5)
	r.srv.BuildIndex(couchfake.IndexBuild{Database: wmstatsDB, Design: "WMStatsErl7", Takes: time.Hour, Timeout: 20 * time.Millisecond})
	views := r.counts("", "/"+requestDB+"/_design/")
	r.start()
	r.converges(5)
	assert.Equal(t, 2, views.Hits(), "the index, and the rows")
	assert.Equal(t, 1, r.store.count(loads))
	assert.False(t, r.store.was(""), "%+v", r.store.states)
}
