package block

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// anyRecord returns records whose values need wide and narrow columns by turns.
func anyRecord(rng *rand.Rand, name string) schema.Workflow {
	texts := func() (out []string) {
		out = []string{}
		for range rng.IntN(4) {
			out = append(out, []string{"", "a", "b", "/d/e/F", `q"uote`, fmt.Sprint(rng.IntN(2000))}[rng.IntN(6)])
		}
		return out
	}
	whole := func() int64 {
		return []int64{0, -1, 1, 255, 70_000, math.MaxInt64, math.MinInt64, rng.Int64N(1000)}[rng.IntN(8)]
	}
	w := schema.Workflow{
		Workflow: name, Status: fmt.Sprint(rng.IntN(3)), Priority: whole(), InputEvents: whole(),
		TimePerEvent: []float64{0, 0.25, 1.0 / 3, -1, 1e300}[rng.IntN(5)], SizePerEvent: float64(rng.IntN(3)),
		StatusKnown: rng.IntN(2) == 0, PrepID: fmt.Sprint(rng.IntN(4)),
		Campaigns: texts(), Sites: texts(), PrepIDs: texts(), InputDatasets: texts(), OutputDatasets: texts(),
	}
	schema.Join(&w, nil)
	return w
}

// TestReplaceEqualsANewBlock changes records of blocks one by one; old blocks
// stay unchanged, even if two blocks are derived from the same one.
func TestReplaceEqualsANewBlock(t *testing.T) {
	l, rng := layout(t), rand.New(rand.NewPCG(3, 3))
	b := NewBuilder(l)
	for round := range 6 {
		n := 1 + rng.IntN(60)
		var list []schema.Workflow
		for i := range n {
			list = append(list, anyRecord(rng, fmt.Sprintf("w%03d", i)))
		}
		now, _ := built(l, list...)
		for range 30 {
			i := rng.IntN(n)
			w := anyRecord(rng, list[i].Workflow)
			if rng.IntN(2) == 0 { // the searched texts stay
				w.PrepIDs, w.InputDatasets, w.OutputDatasets = list[i].PrepIDs, list[i].InputDatasets, list[i].OutputDatasets
			}
			src := Source{IDs: []byte(w.Workflow + fmt.Sprint(rng.IntN(2))), Version: rng.Uint64()}
			if rng.IntN(2) == 0 {
				signAll(now, l)
			}
			look := requireRecords // which does not pack replacements
			if rng.IntN(3) == 0 {
				look = requireSame
			}
			other := b.Replace(now, i, &list[i], now.Record(i), now.Source(i))
			next := b.Replace(now, i, &w, schema.AppendJSON(nil, &w), src)
			look(t, l, other, list, round)
			look(t, l, now, list, round)
			list = slices.Clone(list)
			list[i] = w
			look(t, l, next, list, round)
			require.Equal(t, src, next.Source(i))
			require.Less(t, Own([]*Block{next}, []*Block{now}), next.Size())
			require.Greater(t, Own([]*Block{next}, []*Block{now}), int64(len(next.Record(i))))
			now = next
		}
		requireSame(t, l, now, list, round)
	}
}

// TestColumnsArePackedDuringReads has many readers of a block with replacements:
// all see the same, whoever packs the columns.
func TestColumnsArePackedDuringReads(t *testing.T) {
	l, rng := layout(t), rand.New(rand.NewPCG(5, 5))
	var list []schema.Workflow
	for i := range 50 {
		list = append(list, anyRecord(rng, fmt.Sprintf("w%03d", i)))
	}
	now, _ := built(l, list...)
	b := NewBuilder(l)
	for _, i := range []int{3, 49, 0} {
		list[i] = anyRecord(rng, list[i].Workflow)
		now = b.Replace(now, i, &list[i], schema.AppendJSON(nil, &list[i]), Source{IDs: []byte("id")})
	}
	want, _ := built(l, list...)
	for k := range l.Columns {
		if c := &l.Columns[k]; c.Kind == Int {
			assert.Equal(t, want.AppendInts(nil, c), now.AppendInts(nil, c))
		}
	}
	require.Len(t, now.packed.Load().replacements, 3, "reading whole columns does not pack them")
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range list {
				if i == 5*n {
					if n%4 == 3 {
						now.columns()
					}
					for k := range l.Columns {
						if c := &l.Columns[k]; c.Kind == Int {
							assert.Equal(t, want.AppendInts(nil, c), now.AppendInts(nil, c))
						}
					}
				}
				assert.Equal(t, want.Workflow(l, i), now.Workflow(l, i))
			}
		})
	}
	all.Wait()
	require.Empty(t, now.packed.Load().replacements)
}

// requireRecords compares records without reading whole columns.
func requireRecords(t *testing.T, l *Layout, got *Block, list []schema.Workflow, round int) {
	t.Helper()
	want, encoded := built(l, list...)
	for i := range list {
		require.Equal(t, encoded[i], string(got.Record(i)), round)
		require.Equal(t, encoded[i], string(schema.AppendJSON(nil, got.Workflow(l, i))), round)
		for k := range l.Columns {
			if c := &l.Columns[k]; c.Kind == Codes {
				require.Equal(t, slices.Clone(want.Codes(c, i)), slices.Clone(got.Codes(c, i)), c.Key)
			}
		}
		at, found := got.Search(l, list[i].Workflow)
		require.True(t, found)
		require.Equal(t, i, at)
	}
}

func requireSame(t *testing.T, l *Layout, got *Block, list []schema.Workflow, round int) {
	t.Helper()
	want, encoded := built(l, list...)
	require.Equal(t, want.Len(), got.Len())
	require.Equal(t, want.EncodedBytes(), got.EncodedBytes())
	for i := range list {
		require.Equal(t, encoded[i], string(got.Record(i)), round)
		require.Equal(t, want.Hash(i), got.Hash(i))
		require.Equal(t, encoded[i], string(schema.AppendJSON(nil, got.Workflow(l, i))))
	}
	for k := range l.Columns {
		c := &l.Columns[k]
		switch c.Kind {
		case Int, Bool:
			require.Equal(t, want.AppendInts(nil, c), got.AppendInts(nil, c), c.Key)
		case Float:
			require.Equal(t, want.AppendFloats(nil, c), got.AppendFloats(nil, c), c.Key)
		case Code:
			require.Equal(t, want.AppendCodes(nil, c), got.AppendCodes(nil, c), c.Key)
		case Codes:
			wc, we := want.AppendLists(nil, nil, c)
			gc, ge := got.AppendLists(nil, nil, c)
			require.Equal(t, wc, gc, c.Key)
			require.Equal(t, we, ge, c.Key)
		}
	}
	if isSigned(got) {
		signAll(want, l)
		require.Equal(t, want.signed.Load(), got.signed.Load())
	}
}
