package join

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table/block"
)

func newMachine(t testing.TB, o Options) *machine {
	t.Helper()
	j, err := New(o)
	require.NoError(t, err)
	return &machine{Join: j}
}

// framesOf returns the frames of a checkpoint.
func framesOf(t testing.TB, j *Join) (frames [][]byte) {
	t.Helper()
	saved, ok := j.Save()
	require.True(t, ok)
	require.NoError(t, saved.Write(func(frame []byte) error {
		frames = append(frames, bytes.Clone(frame))
		return nil
	}))
	return frames
}

// restoredOf returns a machine that was saved and restored.
func restoredOf(t testing.TB, m *machine, o Options) *machine {
	t.Helper()
	o.Limits = m.limits
	j, err := Restore(checkpoint.FramesOf(t.Context(), framesOf(t, m.Join)), o, m.moment)
	require.NoError(t, err)
	return &machine{Join: j}
}

// TestEqualInputsMakeEqualStates passes the same random inputs to two machines.
// One of them is saved and restored repeatedly. Their results are equal byte by
// byte, except for the columns by which tables are searched.
func TestEqualInputsMakeEqualStates(t *testing.T) {
	const n = 10_000
	w := newWorld(1)
	o := Options{MaxLoss: 0.3}
	a, b := newMachine(t, o), newMachine(t, o)
	did := map[string]int{}
	reading := false
	r := renderer{rows: map[any][]byte{}}
	var textA, textB []byte
	for i := range n {
		in, what := w.input(reading)
		before := a.state
		outA, alsoA := in(a)
		outB, alsoB := in(b)
		require.Equal(t, alsoA, alsoB, "input %d: %s", i, what)
		require.Equal(t, outA.Result, outB.Result, "input %d: %s", i, what)
		require.Equal(t, outA.Diff, outB.Diff, "input %d: %s", i, what)
		require.Equal(t, outA.Publish, outB.Publish, "input %d: %s", i, what)
		require.Equal(t, outA.Freshness, outB.Freshness, "input %d: %s", i, what)
		if outA.Publish {
			textA, textB = r.bytes(textA[:0], outA.State), r.bytes(textB[:0], outB.State)
			require.True(t, bytes.Equal(textA, textB), "input %d: %s", i, what)
			if len(r.rows) > 5000 {
				clear(r.rows)
			}
			did["states"]++
		}
		did[what]++
		switch {
		case what == "begin":
			reading = true
		case what == "commit" && fmt.Sprint(alsoA) != "<nil>" && a.state == before:
			did["held back"]++
			reading = false
		case what == "commit" || what == "abort":
			reading = false
		}
		did["refetched"] += len(outA.Refetch)
		did["swept"] += len(outA.Swept)
		did["unmatched"] += outA.Unmatched
		if !reading && a.state != nil && w.rng.IntN(40) == 0 {
			b = restoredOf(t, b, o)
			sameKnowledge(t, a.Join, b.Join)
			did["restored"]++
		}
	}
	t.Log(did)
	for _, what := range []string{
		"apply", "tick", "rules", "remove", "begin", "add", "missing", "commit", "abort", "held back", "states", "refetched", "swept", "unmatched", "restored",
	} {
		require.Greater(t, did[what], 3, what)
	}
}

// renderer renders all of a State as text. Records of sums are immutable, and
// their text is cached by address.
type renderer struct{ rows map[any][]byte }

// bytesOf returns all of a State as text.
func bytesOf(s *State) string { return string(new(renderer).bytes(nil, s)) }

func (r *renderer) bytes(out []byte, s *State) []byte {
	s.Table.Range(0, s.Table.Len(), func(b *block.Block, i, j int) bool {
		for ; i < j; i++ {
			src := b.Source(i)
			out = append(append(out, b.Record(i)...), src.IDs...)
			out = binary.LittleEndian.AppendUint64(out, src.Version)
			request := s.EachReport(src, func(r JoinedReport) {
				out = append(append(append(out, r.ID...), r.Agent...), byte(r.Silent), byte(r.Failed))
			})
			out = append(out, request...)
		}
		return true
	})
	out = appendRows(r, out, s.Sums.Campaigns)
	out = appendRows(r, out, s.Sums.Releases)
	out = appendRows(r, out, s.Sums.Statuses)
	out = appendRows(r, out, s.Sums.Sites)
	out = appendRows(r, out, s.Sums.Agents)
	out = appendRows(r, out, s.Sums.Strays)
	recoveries := map[string][]string{}
	for _, shard := range s.Recoveries.shards {
		if shard != nil {
			maps.Copy(recoveries, shard.by)
		}
	}
	out = append(out, asText([]any{s.Moment, s.Limits, recoveries, s.Names, s.Documents, s.Unmatched})...)
	for _, a := range s.Agents {
		out = append(out, asText([]any{a.ID, *a.Detail, a.Heard})...)
	}
	return out
}

func appendRows[R any](r *renderer, out []byte, rows sums.Rows[R]) []byte {
	for row := range rows.All() {
		text, known := r.rows[row]
		if !known {
			text = asText(*row)
			if r.rows != nil {
				r.rows[row] = text
			}
		}
		out = append(out, text...)
	}
	return out
}

// asText returns a value without pointers as text.
func asText(v any) []byte { return fmt.Appendf(nil, "%v\n", v) }

// sameKnowledge compares all state of two writers.
func sameKnowledge(t testing.TB, a, b *Join) {
	t.Helper()
	require.Equal(t, []any{a.limits, a.again, a.unmatched, a.believed, a.names.Texts(), a.fresh.reports}, []any{b.limits, b.again, b.unmatched, b.believed, b.names.Texts(), b.fresh.reports})
	require.Len(t, b.doubtful, len(a.doubtful))
	for d := range a.doubtful {
		require.True(t, b.doubtful[d], d)
	}
	require.Len(t, b.workflows, len(a.workflows))
	for name, w := range a.workflows {
		require.Equal(t, described(w), described(b.workflows[name]))
	}
	require.Len(t, b.aliases, len(a.aliases))
	for id, w := range a.aliases {
		require.Equal(t, w.name, b.aliases[id].name)
	}
	require.Len(t, b.reports, len(a.reports))
	require.Len(t, b.agents, len(a.agents))
	for id, n := range a.agents {
		o := b.agents[id]
		require.Equal(t, []any{n.id, n.hash, n.heard, n.detail}, []any{o.id, o.hash, o.heard, o.detail})
	}
	for i := range a.known.shards {
		require.Equal(t, a.known.shards[i].hashes, b.known.shards[i].hashes)
	}
}

// described returns what is known of a workflow besides its record.
func described(w *workflow) (out []any) {
	out = append(out, w.name, w.hash, w.due, w.has, w.request, w.requestID(), w.matches())
	for _, d := range w.duplicates() {
		out = append(out, d.id, d.hash, d.packed)
	}
	for _, r := range w.reports {
		one := *r
		one.workflow, one.seen = nil, 0
		out = append(out, one)
	}
	return out
}

// TestACheckpointHasAllState compares the fields of mutable types with a list of
// how a checkpoint treats each: a new field needs a decision.
func TestACheckpointHasAllState(t *testing.T) {
	const (
		kept = "written and read"
		made = "rebuilt when it is read"
		none = "of one process, or of a read in progress"
	)
	for _, c := range []struct {
		of   any
		want map[string]string
	}{
		{workflow{}, map[string]string{
			"name": kept, "hash": kept, "due": kept, "reports": kept, "more": kept, "has": kept, "request": none, "seen": none, "own": kept,
		}},
		{requests{}, map[string]string{"id": kept, "duplicates": kept}},
		{duplicate{}, map[string]string{"id": kept, "hash": kept, "packed": kept, "seen": none}},
		{agentReport{}, map[string]string{
			"id": kept, "workflow": made, "hash": kept, "time": kept, "content": kept, "ahead": kept, "silent": kept, "stray": kept, "packed": kept, "seen": none, "idle": kept,
		}},
		{agentInfo{}, map[string]string{"id": kept, "hash": kept, "heard": kept, "turned": kept, "detail": kept, "seen": none}},
		{Join{}, map[string]string{
			"opt": none, "layout": kept, "columns": none, "editor": none, "moment": none, "limits": kept, "own": made, "again": kept, "state": kept, "names": kept, "sums": made,
			"workflows": made, "aliases": made, "reports": made, "agents": made, "unmatched": made, "strays": made, "known": made, "recovery": made, "fresh": kept,
			"dues": made, "epoch": none, "reading": none, "believed": kept, "doubtful": kept, "work": none,
		}},
	} {
		of := reflect.TypeOf(c.of)
		for i := range of.NumField() {
			require.NotEmpty(t, c.want[of.Field(i).Name], "%s.%s is new: decide what a checkpoint does with it", of, of.Field(i).Name)
		}
		require.Len(t, c.want, of.NumField(), "%s", of)
	}
}

// TestAFirstCommitThatIsStopped keeps no document, and a repeated read behaves
// as if it had not happened.
func TestAFirstCommitThatIsStopped(t *testing.T) {
	w := newWorld(2)
	changes := w.changes(3000)
	m := newMachine(t, Options{})
	r := m.BeginRead()
	r.Add(w.moment(), changes)
	_, err := r.Commit(w.moment(), func() bool { return true })
	require.ErrorIs(t, err, ErrReadEnded)
	require.True(t, m.Empty())
	require.Nil(t, m.State())
	for _, c := range changes {
		_, known := m.Known().Hash(c.Kind, c.ID)
		require.False(t, known, c.ID)
	}
	whole := func(m *machine) *State {
		r := m.BeginRead()
		r.Add(w.moment(), changes)
		out, err := r.Commit(w.moment(), func() bool { return false })
		require.NoError(t, err)
		require.True(t, out.Publish)
		return out.State
	}
	require.Equal(t, bytesOf(whole(newMachine(t, Options{}))), bytesOf(whole(m)))
}

// Later inputs do not change a returned State.
func TestAStateIsImmutable(t *testing.T) {
	w := newWorld(3)
	m := newMachine(t, Options{MaxLoss: 1})
	type was struct {
		state *State
		fresh *Freshness
		bytes string
	}
	all := func(f *Freshness) string { return fmt.Sprint(f.Reports, f.Agents) }
	var seen []was
	reading := false
	for range 600 {
		in, what := w.input(reading)
		out, _ := in(m)
		reading = what == "begin" || reading && what != "commit" && what != "abort"
		if out.Publish {
			seen = append(seen, was{out.State, out.Freshness, bytesOf(out.State) + all(out.Freshness)})
		}
	}
	require.Greater(t, len(seen), 100)
	for _, s := range seen {
		require.Equal(t, s.bytes, bytesOf(s.state)+all(s.fresh))
	}
}

// Files of other versions are never misread.
func TestFilesOfOtherVersionsAreRefused(t *testing.T) {
	w := newWorld(4)
	m := newMachine(t, Options{})
	r := m.BeginRead()
	r.Add(w.moment(), w.changes(50))
	_, err := r.Commit(w.moment(), func() bool { return false })
	require.NoError(t, err)
	frames := framesOf(t, m.Join)
	for _, version := range []byte{1, 2, 3, savedVersion + 1} {
		other := slices.Clone(frames)
		other[0] = bytes.Clone(frames[0])
		other[0][0] = version
		_, err := Restore(checkpoint.FramesOf(t.Context(), other), Options{}, time.Unix(start, 0))
		require.ErrorIs(t, err, checkpoint.ErrForeign, version)
	}
}
