package follower

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// framesOf returns the frames of a section.
func framesOf(t testing.TB, s checkpoint.Section) (frames [][]byte) {
	t.Helper()
	write, err := s.Capture()
	require.NoError(t, err)
	require.NoError(t, write(func(data []byte) error {
		frames = append(frames, bytes.Clone(data))
		return nil
	}))
	return frames
}

// reborn stops the follower, and creates another one from its section that
// continues with the same store.
func (r *rig) reborn(change func(*Options)) {
	r.t.Helper()
	r.stop()
	// Read after the stop: until then a poll may return another form of the
	// same position.
	at := r.follower.Positions()
	frames := framesOf(r.t, r.follower.Section())
	o := r.follower.o
	if change != nil {
		change(&o)
	}
	next, err := New(o)
	require.NoError(r.t, err)
	commit, err := next.Section().Restore(checkpoint.FramesOf(r.t.Context(), frames))
	require.NoError(r.t, err)
	require.Empty(r.t, next.Positions(), "nothing before the commit")
	commit()
	require.Equal(r.t, at, next.Positions())
	r.follower = next
}

func TestResume(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(5)
		r.put(wmstatsDB, `{"_id":"bad-one","type":"agent_request"}`)
		r.start()
		r.converges(5)
		r.eventually("the bad document", func() bool { return len(r.follower.Quarantined()) == 1 })
		bad := r.follower.Quarantined()
		r.reborn(nil)
		require.Len(t, r.follower.Quarantined(), 1)
		require.Equal(t, bad[0].Reason, r.follower.Quarantined()[0].Reason)
		require.True(t, bad[0].First.Equal(r.follower.Quarantined()[0].First))
		state := r.store.state()
		require.True(t, state.Stale)
		require.Equal(t, notAsked, state.Reason)
		require.NotEmpty(t, state.Source)
		require.False(t, state.CheckTime.IsZero())

		r.put(requestDB, requestDoc("wf5", "new", 1), requestDoc("wf1", "assigned", 1))
		require.True(t, r.srv.Delete(wmstatsDB, "a1-wf2"))
		r.start()
		r.converges(6)
		r.eventually("fresh again", func() bool { return !r.store.state().Stale && r.store.state().Complete })
		assert.Equal(t, 1, r.store.count(loads), "no full read")
	})
}

func TestResumeWithAPositionThatIsLost(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(5)
		r.start()
		r.converges(5)
		r.reborn(nil)
		r.put(requestDB, requestDoc("wf5", "new", 1))
		lost := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.ForgetSeqs})
		r.start()
		r.eventually("the loss", func() bool { return r.store.was("no longer knows the position") })
		lost.Clear()
		r.converges(6)
		assert.Greater(t, r.store.count(loads), 1)
	})
}

// The records of the store then have no position, and a later process has to do
// a full read too.
func TestNoPositionDuringAFullRead(t *testing.T) {
	r := newRig(t)
	r.fill(5)
	r.start()
	r.converges(5)
	for _, way := range []string{"/_all_docs", "/_design/", "/_find", "/_changes"} {
		r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + way}, Kind: couchfake.FailStatus})
	}
	require.True(t, r.srv.Drop(requestDB))
	require.NoError(t, r.srv.Create(requestDB))
	r.put(requestDB, requestDoc("wf1", "new", 1), requestDoc("wf2", "new", 1), requestDoc("wf3", "new", 1))
	r.eventually("created again", func() bool { return r.store.was("created again") })
	require.Empty(t, r.follower.Positions())
	r.reborn(nil)
	require.False(t, r.store.state().Complete)
	r.srv.Behave()
	r.start()
	r.converges(5)
	assert.Equal(t, 2, r.store.count(loads))
}

// The first generation exists before its positions do. A checkpoint of that
// moment would have records and no position, and the next start would have to do
// a full read.
func TestNothingIsSavedWithoutPositions(t *testing.T) {
	var r *rig
	var loaded []bool
	r = newRig(t, func(o *Options) {
		o.Store = committing{newStoreFake(), func() { loaded = append(loaded, r.follower.Loaded()) }}
	})
	require.False(t, r.follower.Loaded())
	r.fill(2)
	r.start()
	r.eventually("positions", func() bool { return len(r.follower.Positions()) == 2 })
	require.True(t, r.follower.Loaded())
	r.stop()
	require.Equal(t, []bool{false}, loaded)
	other, err := New(r.follower.o)
	require.NoError(t, err)
	commit, err := other.Section().Restore(checkpoint.FramesOf(t.Context(), framesOf(t, r.follower.Section())))
	require.NoError(t, err)
	require.False(t, other.Loaded())
	commit()
	require.True(t, other.Loaded())
}

// committing is a store that calls a function when a full read is committed.
type committing struct {
	*storeFake
	committed func()
}

func (c committing) BeginLoad() Load { return committingLoad{c.storeFake.BeginLoad(), c.committed} }

type committingLoad struct {
	Load
	committed func()
}

func (l committingLoad) Commit() (store.Result, error) {
	result, err := l.Load.Commit()
	l.committed()
	return result, err
}

func TestResumeRefuses(t *testing.T) {
	r := newRig(t)
	r.fill(2)
	r.start()
	r.converges(2)
	r.stop()
	frames := framesOf(t, r.follower.Section())
	o := r.follower.o
	o.Statuses = []string{"new"}
	other, err := New(o)
	require.NoError(t, err)
	_, err = other.Section().Restore(checkpoint.FramesOf(t.Context(), frames))
	require.ErrorIs(t, err, checkpoint.ErrForeign)
	require.Empty(t, other.Positions())
	for _, data := range [][]byte{nil, []byte("{"), []byte(`[]`), []byte(`{"Positions":7}`)} {
		_, err = r.follower.Section().Restore(checkpoint.FramesOf(t.Context(), [][]byte{data}))
		require.Error(t, err)
	}
	_, err = r.follower.Section().Restore(checkpoint.FramesOf(t.Context(), nil))
	require.ErrorIs(t, err, checkpoint.ErrBroken)
	require.Contains(t, r.follower.Positions(), couch.Requests)
}
