package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// guarded returns a store with n workflows, an agent's document of each, and ten
// agents, and the changes that were applied.
func guarded(t *testing.T, o Options, n int) (*Store, []join.Change) {
	t.Helper()
	m := newMaker(41)
	var changes []join.Change
	for i := range n {
		changes = append(changes, m.requestChange(nameOf(i)), m.partChange(nameOf(i), i%9, start))
	}
	for i := range 10 {
		changes = append(changes, m.infoChange(i, start))
	}
	return loaded(t, o, changes), changes
}

// counts returns the numbers of requests, agent reports and agent_info
// documents.
func counts(s *Store) []int64 {
	i := s.Info()
	return []int64{i.Workflows, i.AgentReports + i.UnmatchedReports, int64(len(must(s).state.Agents))}
}

// reads commits a full read of all changes but the first lost ones of a kind.
func reads(s *Store, changes []join.Change, kind join.Kind, lost int) error {
	l := s.BeginLoad()
	l.Add(slices.DeleteFunc(slices.Clone(changes), func(c join.Change) bool {
		if c.Kind != kind || lost == 0 {
			return false
		}
		lost--
		return true
	}))
	_, err := l.Commit()
	return err
}

// With a server's default options, whichever kind of document is hidden.
func TestASourceThatHidesALargePartIsRejected(t *testing.T) {
	const n = 100
	for _, c := range []struct {
		kind join.Kind
		lost int
		held bool
	}{
		{join.Request, n, true}, {join.Request, n / 2, true}, {join.Request, n/2 - 1, true}, {join.Request, 38, true}, {join.Request, n / 5, true}, {join.Request, n/5 - 1, false}, {join.Request, 1, false},
		{join.AgentReport, n, true}, {join.AgentReport, n / 2, true}, {join.AgentReport, n/2 - 1, true}, {join.AgentReport, n / 5, true}, {join.AgentReport, n/5 - 1, false},
		{join.AgentInfo, 10, true}, {join.AgentInfo, 5, true}, {join.AgentInfo, 4, false}, {join.AgentInfo, 1, false},
	} {
		t.Run(fmt.Sprint(c.kind, " ", c.lost), func(t *testing.T) {
			s, changes := guarded(t, Options{}, n)
			before := counts(s)
			err := reads(s, changes, c.kind, c.lost)
			if !c.held {
				require.NoError(t, err)
				require.NotEqual(t, before, counts(s))
				return
			}
			var shrunk *join.ShrunkError
			require.ErrorAs(t, err, &shrunk)
			require.Equal(t, c.lost, shrunk.Lost)
			require.Equal(t, before, counts(s), "nothing is removed")
			require.NoError(t, reads(s, changes, c.kind, 0), "a complete read is accepted at once")
		})
	}
}

// Additional documents of a read do not make up for missed ones, however often
// it is repeated.
func TestTheGuardIsNotOutnumbered(t *testing.T) {
	s, changes := guarded(t, Options{}, 20)
	m := newMaker(42)
	var others []join.Change
	for i := range 400 {
		others = append(others, m.requestChange("other"+nameOf(i)))
	}
	for range 3 {
		var shrunk *join.ShrunkError
		require.ErrorAs(t, reads(s, others, join.AgentReport, 0), &shrunk)
		require.Equal(t, join.ShrunkError{What: "requests", Had: 20, Lost: 20}, *shrunk)
		require.Equal(t, 420, must(s).Total(), "known and new workflows")
	}
	s = again(t, s, Options{MaxLoss: 1})
	require.NoError(t, reads(s, others, join.AgentReport, 0), "an operator confirms the loss")
	require.Equal(t, 400, must(s).Total())
	require.Zero(t, s.Info().AgentReports+s.Info().UnmatchedReports)
	s = again(t, s, Options{})
	var shrunk *join.ShrunkError
	require.ErrorAs(t, reads(s, changes, join.AgentReport, 0), &shrunk, "the last accepted read is the reference")
}

func TestDeletionsBetweenReadsAreNotALoss(t *testing.T) {
	s, changes := guarded(t, Options{}, 50)
	l := s.BeginLoad()
	l.Abort() // the source failed during the read
	for i := range 40 {
		s.Apply([]join.Change{{Kind: join.Request, ID: nameOf(i), Deleted: true}, {Kind: join.AgentReport, ID: changes[2*i+1].ID, Deleted: true}})
	}
	require.NoError(t, reads(s, changes[80:], join.Request, 1), "one of the remaining ten")
	require.Equal(t, 9, must(s).Total())
}

// A source that showed other documents for a while (another database, or other
// ids) is accepted as soon as it shows the earlier ones, even over a checkpoint;
// documents that only the reads in between returned are removed, except those
// that the feed delivered too.
func TestTheEarlierDocumentsAreAcceptedAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			s, changes := guarded(t, Options{}, 20)
			before := counts(s)
			m := newMaker(42)
			var others []join.Change
			for i := range 30 {
				others = append(others, m.requestChange("other"+nameOf(i)), m.partChange("other"+nameOf(i), i%9, start), m.infoChange(20+i, start))
			}
			broken := s.BeginLoad() // fails halfway
			broken.Add(others[:30])
			broken.Abort()
			for range 2 {
				var shrunk *join.ShrunkError
				require.ErrorAs(t, reads(s, others, 0, 0), &shrunk)
				require.Equal(t, join.ShrunkError{What: "requests", Had: 20, Lost: 20}, *shrunk)
			}
			s.Apply(others[:1])
			if restart {
				s = again(t, s, Options{})
			}
			var shrunk *join.ShrunkError
			require.ErrorAs(t, reads(s, changes, join.Request, 10), &shrunk, "half of the known ones")
			require.Equal(t, 11, shrunk.Lost, "including the feed's")
			require.NoError(t, reads(s, append(slices.Clone(changes), others[0]), 0, 0))
			before[0]++
			require.Equal(t, before, counts(s))
			require.ErrorAs(t, reads(s, nil, 0, 0), &shrunk)
			require.Equal(t, 21, shrunk.Lost, "all documents are accepted now")
		})
	}
}
