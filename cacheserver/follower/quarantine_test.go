package follower

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestQuarantineTellsWhenAndHowOften: first and last seen, count and newest
// revision of each document; the one that was quiet for longest makes room; one
// that left begins anew.
func TestQuarantineTellsWhenAndHowOften(t *testing.T) {
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
