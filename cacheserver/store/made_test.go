package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema/wire"
)

// The newest generations are listed, each with its changes, and the last full
// read however long ago it was.
func TestOriginsOfGenerations(t *testing.T) {
	m, at := newMaker(71), &clock{start}
	s := newStore(t, Options{Process: "a", Now: at.now})
	require.Empty(t, s.Made())
	l := s.BeginLoad()
	l.Add(someChanges(m, 5))
	at.at += 3
	_, err := l.Commit()
	require.NoError(t, err)
	require.Equal(t, []wire.AboutGeneration{
		{Generation: "a-1", By: wire.CausedByRead, Time: start + 3, Seconds: 3, Records: 5, Added: 5, Bytes: s.Info().Bytes},
	}, s.Made())

	name := nameOf(99)
	s.Apply([]join.Change{m.requestChange(name)})
	s.Apply([]join.Change{{Kind: join.Request, ID: name, Deleted: true}})
	made := s.Made()
	require.Equal(t, []string{"a-3", "a-2", "a-1"}, []string{made[0].Generation, made[1].Generation, made[2].Generation})
	require.EqualValues(t, []int64{0, 0, 1, 5}, []int64{made[0].Added, made[0].Changed, made[0].Removed, made[0].Records})
	require.Equal(t, wire.CausedByChanges, made[1].By)
	require.EqualValues(t, 1, made[1].Added)

	for i := range 2 * toldNewest {
		s.Apply([]join.Change{m.requestChange(nameOf(100 + i))})
	}
	made = s.Made()
	require.Len(t, made, toldNewest+1)
	require.Equal(t, must(s).ID(), made[0].Generation)
	require.Equal(t, "a-1", made[toldNewest].Generation, "the full read is still listed")
}
