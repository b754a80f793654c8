package timeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// random returns random values of all, and of some names of each kind.
func random(rnd *rand.Rand, h *Timeline, names int) map[key][]int64 {
	keys := []key{{}}
	for i := range names {
		for _, kind := range Kinds() {
			if rnd.IntN(10) > 0 {
				keys = append(keys, key{kind, fmt.Sprint("n", i)})
			}
		}
	}
	counts := map[key][]int64{}
	for _, k := range keys {
		values := make([]int64, len(h.layout(k).labels))
		for i := range values {
			if rnd.IntN(3) == 0 {
				values[i] = rnd.Int64N(1_000_000)
			}
		}
		counts[k] = values
	}
	return counts
}

// Points survive chunks, trimming and encoding.
func TestPointsComeBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := &clock{start}
	o := Options{Keep: 200 * 5 * time.Minute}
	h := empty(t, o, c)
	taken := map[int64]map[key][]int64{}
	for range 500 {
		counts := random(rnd, h, 3)
		h.append(c.at, counts)
		h.trim(c.at)
		taken[c.at] = counts
		c.at += 300 + rnd.Int64N(100)
	}
	again := empty(t, o, c)
	require.NoError(t, again.Decode(h.Encode()))
	third := empty(t, o, c)
	require.NoError(t, third.Decode(again.Encode()))
	require.True(t, slices.EqualFunc(third.Encode(), again.Encode(), slices.Equal), "the same points have the same bytes")
	for _, h := range []*Timeline{h, again} {
		assert.LessOrEqual(t, len(h.times), 200)
		assert.Greater(t, len(h.times), 100)
		for _, kind := range append(Kinds(), "") {
			k := key{kind, "n1"}
			if kind == "" {
				k = key{}
			}
			for _, by := range []By{"", ByState} {
				got := map[string]int64{}
				points, _, err := h.Points(t.Context(), Query{By: by, Kind: kind, Names: []string{"n1"}})
				require.NoError(t, err)
				for _, p := range points {
					got[fmt.Sprint(p.Time, p.Name)] = p.Count
				}
				layout := h.layout(k)
				from, to := layout.columns(by == ByState)
				for _, at := range h.times {
					for i := from; i < to; i++ {
						want := int64(0)
						if taken[at][k] != nil {
							want = taken[at][k][i]
						}
						require.Equal(t, want, got[fmt.Sprint(at, layout.labels[i])])
					}
				}
			}
		}
	}
}

// The bytes of version 0.1.0 are read: its statuses become groups, and states
// that names do not have any more are dropped.
func TestBytesOfTheFirstVersion(t *testing.T) {
	raw, err := os.ReadFile("testdata/first-version.bin")
	require.NoError(t, err)
	c := &clock{start + 600}
	h := empty(t, Options{Statuses: []string{"completed", "assigned", "staging"}}, c)
	require.NoError(t, h.Decode([][]byte{raw}))
	at := c.at // its third point
	assert.Equal(t, map[string]int64{"assigned": 3, "staging": 2, "completed": 4, OtherStatus: 8}, counted(t, h, Query{}, at))
	assert.Equal(t, map[string]int64{"Queued": 11, "Pending": 14, "Running": 13, "Success": 14, "Failure": 17, "Cooloff": 16, "Paused": 17, "Canceled": 18, "Transition": 19},
		counted(t, h, Query{By: ByState}, at))
	assert.Equal(t, map[string]int64{"Waiting": 1, "Done": 6, OtherStatus: 8}, counted(t, h, Query{Kind: Campaign, Names: []string{"C"}}, at))
	assert.Equal(t, map[string]int64{"Pending": 12, "Running": 15, "Success": 14, "Failure": 15}, counted(t, h, Query{Kind: Campaign, Names: []string{"C"}, By: ByState}, at))
	assert.Equal(t, map[string]int64{"Running": 2}, counted(t, h, Query{Kind: Site, Names: []string{"T2_XX"}, By: ByState}, at))
	assert.Equal(t, []int64{start, start + 300, start + 600}, h.times)
	for n := range raw {
		before := h.Encode()
		require.Error(t, h.Decode([][]byte{raw[:n]}), "truncated after %d", n)
		require.Equal(t, before, h.Encode(), "an error changes nothing")
	}
}

// Statuses that this program does not count are counted as others; broken
// bytes, and those of a later version, change nothing.
func TestBytesOfAnotherProgram(t *testing.T) {
	c := &clock{start}
	old := empty(t, Options{Statuses: []string{"new", "gone", "completed"}}, c)
	rnd := rand.New(rand.NewPCG(1, 2))
	old.append(start, random(rnd, old, 2))
	old.series[key{}].cut(0, len(old.all.labels))
	old.series[key{}].append(0, []int64{1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	h := empty(t, Options{Statuses: []string{"completed", "new"}}, c)
	whole := old.Encode()
	require.NoError(t, h.Decode(whole))
	assert.Equal(t, map[string]int64{"completed": 3, "new": 1, OtherStatus: 6}, counted(t, h, Query{}, start))
	assert.EqualValues(t, 11, counted(t, h, Query{By: ByState}, start)["Queued"])
	assert.Equal(t, old.Names(Agent), h.Names(Agent))

	before := h.Encode()
	for f := range whole {
		for n := range whole[f] {
			cut := slices.Clone(whole[:f+1])
			cut[f] = cut[f][:n]
			require.Error(t, h.Decode(cut), "truncated after %d of %d", n, f)
			require.Equal(t, before, h.Encode(), "an error changes nothing")
		}
		more := slices.Clone(whole)
		more[f] = append(slices.Clone(more[f]), 0)
		require.Error(t, h.Decode(more))
	}
	require.Error(t, h.Decode(nil))
	whole[0][0]++
	require.ErrorContains(t, h.Decode(whole), "version 4")
	c.at += 8 * 86400
	whole[0][0]--
	require.NoError(t, h.Decode(whole))
	assert.Empty(t, h.times, "too old")
	assert.Empty(t, h.series)
}

func FuzzDecode(f *testing.F) {
	c := &clock{start}
	h := empty(f, Options{}, c)
	rnd := rand.New(rand.NewPCG(1, 2))
	f.Add(h.Encode()[0], []byte{})
	for range 3 {
		h.append(c.at, random(rnd, h, 2))
		c.at += 300
	}
	frames := h.Encode()
	f.Add(frames[0], frames[1])
	first, err := os.ReadFile("testdata/first-version.bin")
	require.NoError(f, err)
	f.Add(first, []byte{})
	f.Fuzz(func(t *testing.T, head, rest []byte) {
		h := empty(t, Options{}, c)
		if h.Decode([][]byte{head, rest}) != nil {
			return
		}
		again := empty(t, Options{}, c)
		require.NoError(t, again.Decode(h.Encode()))
		require.Equal(t, h.Encode(), again.Encode())
	})
}
