package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded is a store with n workflows, an agent's document of each, and ten
// agents, and the changes that it was given.
func guarded(t *testing.T, o Options, n int) (*Store, []Change) {
	t.Helper()
	m := newMaker(41)
	var changes []Change
	for i := range n {
		changes = append(changes, m.requestChange(nameOf(i)), m.partChange(nameOf(i), i%9, start))
	}
	for i := range 10 {
		changes = append(changes, m.infoChange(i, start))
	}
	return loaded(t, o, changes), changes
}

// reads commits a full read of all changes but the first lost ones of a kind.
func reads(s *Store, changes []Change, kind Kind, lost int) error {
	l := s.BeginLoad()
	l.Add(slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		if c.Kind != kind || lost == 0 {
			return false
		}
		lost--
		return true
	}))
	_, err := l.Commit()
	return err
}

// TestASourceThatHidesALargePartIsNotBelieved: with the options of a server
// that was told nothing, whichever kind of document is hidden.
func TestASourceThatHidesALargePartIsNotBelieved(t *testing.T) {
	const n = 100
	for _, c := range []struct {
		kind Kind
		lost int
		held bool
	}{
		{ReqMgr, n, true}, {ReqMgr, n / 2, true}, {ReqMgr, n/2 - 1, true}, {ReqMgr, 38, true}, {ReqMgr, n / 5, true}, {ReqMgr, n/5 - 1, false}, {ReqMgr, 1, false},
		{AgentWork, n, true}, {AgentWork, n / 2, true}, {AgentWork, n/2 - 1, true}, {AgentWork, n / 5, true}, {AgentWork, n/5 - 1, false},
		{AgentInfo, 10, true}, {AgentInfo, 5, true}, {AgentInfo, 4, false}, {AgentInfo, 1, false},
	} {
		t.Run(fmt.Sprint(c.kind, " ", c.lost), func(t *testing.T) {
			s, changes := guarded(t, Options{}, n)
			before := s.census()
			err := reads(s, changes, c.kind, c.lost)
			if !c.held {
				require.NoError(t, err)
				require.NotEqual(t, before, s.census())
				return
			}
			var shrunk *ShrunkError
			require.ErrorAs(t, err, &shrunk)
			require.Equal(t, c.lost, shrunk.Lost)
			require.Equal(t, before, s.census(), "nothing is gone")
			require.NoError(t, reads(s, changes, c.kind, 0), "the whole is believed at once")
		})
	}
}

// TestTheGuardIsNotOutnumbered: what a read brings in addition does not make up
// for what it misses, however often it is tried.
func TestTheGuardIsNotOutnumbered(t *testing.T) {
	s, changes := guarded(t, Options{}, 20)
	m := newMaker(42)
	var others []Change
	for i := range 400 {
		others = append(others, m.requestChange("other"+nameOf(i)))
	}
	for range 3 {
		var shrunk *ShrunkError
		require.ErrorAs(t, reads(s, others, AgentWork, 0), &shrunk)
		require.Equal(t, ShrunkError{What: "requests", Had: 20, Lost: 20}, *shrunk)
		require.Equal(t, 420, must(s).Total(), "what was known stays, what is new is there")
	}
	s.opt.MaxLoss = 1
	require.NoError(t, reads(s, others, AgentWork, 0), "an operator says that it is true")
	require.Equal(t, 400, must(s).Total())
	require.Empty(t, s.docs)
	s.opt.MaxLoss = 0.2
	var shrunk *ShrunkError
	require.ErrorAs(t, reads(s, changes, AgentWork, 0), &shrunk, "the measure is what was believed last")
}

func TestDeletionsBetweenReadsAreNoLoss(t *testing.T) {
	s, changes := guarded(t, Options{}, 50)
	l := s.BeginLoad()
	l.Abort() // the source failed in the middle
	for i := range 40 {
		s.Apply([]Change{{Kind: ReqMgr, ID: nameOf(i), Deleted: true}, {Kind: AgentWork, ID: changes[2*i+1].ID, Deleted: true}})
	}
	require.NoError(t, reads(s, changes[80:], ReqMgr, 1), "one of the ten that are left")
	require.Equal(t, 9, must(s).Total())
}

// TestWhatWasThereIsBelievedAgain: a source that showed other documents for a
// while (another database in its place, documents under other ids) is believed
// as soon as it shows those that were there, also over a checkpoint; what only
// the reads in between have brought goes then, but for what the feed brought too.
func TestWhatWasThereIsBelievedAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			s, changes := guarded(t, Options{}, 20)
			before := s.census()
			m := newMaker(42)
			var others []Change
			for i := range 30 {
				others = append(others, m.requestChange("other"+nameOf(i)), m.partChange("other"+nameOf(i), i%9, start), m.infoChange(20+i, start))
			}
			broken := s.BeginLoad() // one that fails in the middle
			broken.Add(others[:30])
			broken.Abort()
			for range 2 {
				var shrunk *ShrunkError
				require.ErrorAs(t, reads(s, others, 0, 0), &shrunk)
				require.Equal(t, ShrunkError{What: "requests", Had: 20, Lost: 20}, *shrunk)
			}
			s.Apply(others[:1])
			if restart {
				s = again(t, s, Options{})
			}
			var shrunk *ShrunkError
			require.ErrorAs(t, reads(s, changes, ReqMgr, 10), &shrunk, "half of what was there")
			require.Equal(t, 11, shrunk.Lost, "with the one of the feed")
			require.NoError(t, reads(s, append(slices.Clone(changes), others[0]), 0, 0))
			want := before
			want.requests++
			require.Equal(t, want, s.census())
			require.Empty(t, s.doubtful)
			require.ErrorAs(t, reads(s, nil, 0, 0), &shrunk)
			require.Equal(t, 21, shrunk.Lost, "all that is there is believed now")
		})
	}
}
