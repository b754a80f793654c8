package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// numbered is the log that stores apply.
type numbered struct {
	epoch  string
	number int64
	moment time.Time
}

func (n *numbered) input() (string, int64) { return n.epoch, n.number }
func (n *numbered) now() time.Time         { return n.moment }

// TestNamesOfMoments: stores that have applied the same inputs make the same lists of
// agents and sites of a named moment, whatever has come since and whatever their clocks.
func TestNamesOfMoments(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	log := &numbered{epoch: "aaaaaa", moment: time.Unix(start, 0)}
	late := func() time.Time { return log.moment.Add(4 * time.Minute) }
	var stores []*Store
	for _, now := range []func() time.Time{log.now, late} {
		s, err := New(Options{Moment: log.now, Now: now, Input: log.input, KeepAll: true})
		require.NoError(t, err)
		stores = append(stores, s)
	}
	apply := func(changes ...join.Change) {
		log.number++
		for _, s := range stores {
			s.Apply(changes)
		}
	}
	log.number++
	for _, s := range stores {
		_, err := s.BeginLoad().Commit()
		require.NoError(t, err)
	}
	type promised struct {
		generation, name, want string
		used                   time.Time
	}
	var promises []promised
	list := func(s *Store, generation, name string) string {
		g, ok := s.Generation(generation)
		require.True(t, ok, "%s of %s", generation, name)
		at, ok := g.AsOfNamed(name)
		require.True(t, ok, name)
		return fmt.Sprint(g.AgentsAt(at), g.SitesAt(at))
	}
	changes := map[string]bool{}
	for range 600 {
		log.moment = log.moment.Add(time.Duration(rng.IntN(6000)) * time.Millisecond)
		agent := fmt.Sprint("agent", rng.IntN(5))
		c := report(agent, log.moment.Unix(), []string{"Normal", "Down"}[rng.IntN(2)], rng.Int64N(3), 1)
		if rng.IntN(3) > 0 {
			c.Hash = uint64(len(agent)) // heard of, and nothing else
		}
		if rng.IntN(60) == 0 {
			c = join.Change{Kind: join.AgentInfo, ID: agent, Hash: rng.Uint64() | 1, Deleted: true}
		}
		apply(c)
		g := must(stores[0])
		now := g.Now()
		changes[fmt.Sprint(g.AgentsAt(now))] = true
		promises = append(promises, promised{g.ID(), now.Name(), fmt.Sprint(g.AgentsAt(now), g.SitesAt(now)), log.moment})
		p := &promises[rng.IntN(len(promises))]
		if log.moment.Sub(p.used) > 10*time.Minute {
			continue
		}
		for _, s := range stores {
			require.Equal(t, p.want, list(s, p.generation, p.name))
		}
		p.used = log.moment
	}
	require.Greater(t, len(changes), 300, "the test proves nothing")
	g := must(stores[1])
	for _, name := range []string{"", "a", "aaaaaa-5", "aaaaaa-5.", "aaaaaa-5.x", "aaaaaa-05.7", "aaaaaa-0.7", "aaaaaa-9999.7", "bbbbbb-500.7"} {
		_, ok := g.AsOfNamed(name)
		require.False(t, ok, name)
	}
	for range 2 {
		log.moment = log.moment.Add(16 * time.Minute)
		for i := range 5 {
			apply(report(fmt.Sprint("agent", i), log.moment.Unix(), "Normal", 1, 1))
		}
	}
	_, ok := g.AsOfNamed(promises[0].name)
	require.False(t, ok, "nobody has used it for long")
	bytes, n := g.with.heard.bytes()
	require.Equal(t, 10, n, "all older ones are dropped")
	require.Positive(t, bytes)

	log.epoch, log.number = "bbbbbb", 1
	apply(report("agent0", log.moment.Unix(), "Normal", 1, 1))
	_, ok = must(stores[0]).AsOfNamed(promises[len(promises)-1].name)
	require.False(t, ok, "another log")
	_, ok = must(stores[0]).AsOfNamed(must(stores[0]).Now().Name())
	require.True(t, ok)
}

// TestManyReportsOfAnAgent: the number of remembered times of an agent is bounded.
func TestManyReportsOfAnAgent(t *testing.T) {
	at := &clock{start}
	s := loaded(t, Options{Now: at.now}, nil)
	first := must(s).Now().Name()
	for i := range 2 * mostValues {
		s.Apply([]join.Change{{Kind: join.AgentInfo, ID: "a", Hash: 1, Time: start + int64(i), Info: report("a", start+int64(i), "Normal", 1, 1).Info}})
		at.at++
		if i < 10 {
			_, ok := must(s).AsOfNamed(first)
			require.True(t, ok)
		}
	}
	_, n := must(s).with.heard.bytes()
	require.LessOrEqual(t, n, mostValues)
	_, ok := must(s).AsOfNamed(first)
	require.False(t, ok, "it says that it does not know, also for a name that is in use")
	_, ok = must(s).AsOfNamed(must(s).Now().Name())
	require.True(t, ok)
}
