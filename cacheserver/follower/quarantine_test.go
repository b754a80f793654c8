package follower

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// First and last seen, count and newest revision of each document; the least
// recently active one makes room; the count of one that left starts again.
func TestQuarantineRecordsTimesAndCounts(t *testing.T) {
	q := newQuarantine(2)
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	see := func(id string, s int64) {
		q.add(Quarantined{ID: id, Database: "wmstats", Rev: fmt.Sprint(s), Last: at(s)})
	}
	see("a", 10)
	see("b", 20)
	see("a", 30)
	want := []Quarantined{
		{ID: "a", Database: "wmstats", Rev: "30", First: at(10), Last: at(30), Count: 2},
		{ID: "b", Database: "wmstats", Rev: "20", First: at(20), Last: at(20), Count: 1},
	}
	require.Equal(t, want, q.list())
	see("c", 40)
	require.Equal(t, []Quarantined{{ID: "c", Database: "wmstats", Rev: "40", First: at(40), Last: at(40), Count: 1}, want[0]}, q.list())
	q.remove("requests", "a")
	require.Len(t, q.list(), 2, "of another database")
	q.remove("wmstats", "a")
	see("a", 50)
	assert.Equal(t, at(50), q.list()[0].First)
	assert.EqualValues(t, 1, q.list()[0].Count)
}

// After any changes the list has the documents that had trouble last, and a
// restart restores the same list.
func TestQuarantineAtItsBound(t *testing.T) {
	const limit, documents = 20, 60
	rng := rand.New(rand.NewPCG(3, 5))
	q, model := newQuarantine(limit), []Quarantined{} // least recently active first
	for step := range int64(3000) {
		d := Quarantined{ID: fmt.Sprint("d", rng.IntN(documents)), Database: "wmstats", Last: time.Unix(step, 0)}
		known := slices.IndexFunc(model, func(m Quarantined) bool { return m.ID == d.ID })
		if rng.IntN(5) == 0 {
			q.remove(d.Database, d.ID)
			if known >= 0 {
				model = slices.Delete(model, known, known+1)
			}
			continue
		}
		q.add(d)
		d.First, d.Count = d.Last, 1
		switch {
		case known >= 0:
			d.First, d.Count = model[known].First, model[known].Count+1
			model = slices.Delete(model, known, known+1)
		case len(model) == limit:
			model = slices.Delete(model, 0, 1)
		}
		model = append(model, d)
		newest := slices.Clone(model)
		slices.Reverse(newest)
		require.Equal(t, newest, q.list(), "step %d", step)
		if step%100 == 0 {
			q = newQuarantine(limit)
			q.restore(newest)
			smaller := newQuarantine(limit / 2)
			smaller.restore(newest)
			require.Equal(t, newest[:min(limit/2, len(newest))], smaller.list(), "the newest fit")
		}
	}
	assert.Len(t, model, limit)
}

// BenchmarkQuarantine adds a new document to a full list: the time must not
// depend on the list's length.
func BenchmarkQuarantine(b *testing.B) {
	for _, limit := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("full/limit=%d", limit), func(b *testing.B) {
			q := newQuarantine(limit)
			ids := make([]string, 2*limit)
			for i := range ids {
				ids[i] = fmt.Sprint("document", i)
				q.add(Quarantined{ID: ids[i], Database: "wmstats", Last: time.Unix(int64(i), 0)})
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.add(Quarantined{ID: ids[i%len(ids)], Database: "wmstats", Last: time.Unix(int64(len(ids)+i), 0)})
			}
		})
	}
}
