package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// Many lines, some of their labels, some of their points: the same counts as
// those of each line alone.
func TestLinesOfMany(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{}, c)
	s := loaded(t, c, few(70, 0))
	for i := range 30 {
		s.Apply(few(70, i+1))
		require.True(t, observe(t, h, s))
		c.at += 300
	}
	q := Query{By: ByState, Kind: Site, Names: []string{Followed}, Labels: []string{"running", "Failure"}, Points: 5, Since: start + 1000}
	all, began, err := h.Points(t.Context(), q)
	require.NoError(t, err)
	assert.EqualValues(t, start, began)
	var each []schema.TimelinePoint
	times := map[int64]bool{}
	for _, name := range h.Names(Site) {
		one := q
		one.Names = []string{name}
		points, _, err := h.Points(t.Context(), one)
		require.NoError(t, err)
		each = append(each, points...)
		for i, p := range points {
			assert.Equal(t, []string{name, []string{"Running", "Failure"}[i%2]}, []string{p.Site, p.Name}, "also labels without counts")
			times[p.Time] = true
		}
		whole, _, err := h.Points(t.Context(), Query{By: ByState, Kind: Site, Names: []string{name}})
		require.NoError(t, err)
		for _, p := range points {
			if p.Count > 0 {
				assert.Contains(t, whole, p)
			}
		}
	}
	assert.Equal(t, each, all)
	assert.Len(t, h.Names(Site), 5)
	assert.True(t, times[h.times[len(h.times)-1]], "the newest point is included")
	var at []int64
	for one := range times {
		assert.GreaterOrEqual(t, one, q.Since)
		at = append(at, one)
	}
	assert.LessOrEqual(t, len(at), 5)
	slices.Sort(at)
	for i := range len(at) - 2 {
		assert.Equal(t, at[i+1]-at[i], at[i+2]-at[i+1], "at even distances")
	}
}

// The start is that of the requested lines: a name that came later has a
// shorter one.
func TestStartOfALine(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{}, c)
	s := loaded(t, c, few(1, 0))
	require.True(t, observe(t, h, s))
	c.at += 300
	s.Apply(few(2, 1))
	require.True(t, observe(t, h, s))
	for name, want := range map[string]int64{"C0": start, "C1": start + 300, Followed: start} {
		_, began, err := h.Points(t.Context(), Query{Kind: Campaign, Names: []string{name}})
		require.NoError(t, err)
		assert.Equal(t, want, began, name)
	}
}

func TestTooManyPoints(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{}, c)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 1200 {
		counts := random(rnd, h, 0)
		for i := range 20 { // without gaps
			k := key{Site, fmt.Sprint("s", i)}
			counts[k] = make([]int64, len(h.named.labels))
			counts[k][h.named.states] = 1
		}
		h.append(c.at, counts)
		c.at += 300
	}
	labels := h.Labels(Site, ByState)
	require.Equal(t, []string{"Pending", "Running", "Success", "Failure"}, labels)
	var many *TooManyError
	names := h.Names(Site)
	_, _, err := h.Points(t.Context(), Query{By: ByState, Kind: Site, Names: append(names, names...), Labels: labels})
	require.ErrorAs(t, err, &many)
	assert.Greater(t, many.Points, MostPoints)
	points, _, err := h.Points(t.Context(), Query{By: ByState, Kind: Site, Names: []string{Followed}, Labels: labels})
	require.NoError(t, err)
	assert.Len(t, points, 20*1200*4)
}
