package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

func newJournal() (j *Journal, advance func()) {
	now := time.Unix(1795239792, 0)
	return New(func() time.Time { return now }), func() { now = now.Add(time.Second) }
}

func TestAnswers(t *testing.T) {
	j, advance := newJournal()
	assert.Equal(t, []wire.SourceAnswers{}, j.Answers())
	for i := range 1000 {
		j.Answered("b", time.Duration(i)*time.Millisecond)
	}
	advance()
	j.Answered("a", 3*time.Second)
	assert.Equal(t, []wire.SourceAnswers{
		{What: "a", Count: 1, Last: 3, Median: 3, Most: 3, Time: 1795239793},
		{What: "b", Count: 1000, Last: .999, Median: .95, Most: .999, Time: 1795239792},
	}, j.Answers(), "of the last hundred")
	for i := range 1000 {
		j.Answered(fmt.Sprint("kind ", i), time.Second)
	}
	all := j.Answers()
	require.Len(t, all, mostKinds+1)
	var count int64
	for _, a := range all {
		count += a.Count
	}
	assert.EqualValues(t, 2001, count, "each is counted somewhere")
}

func TestErrors(t *testing.T) {
	j, advance := newJournal()
	assert.Equal(t, []wire.SourceError{}, j.Errors())
	j.Failed("requests", "does not answer")
	advance()
	j.Failed("wmstats", "does not answer")
	advance()
	j.Failed("requests", "does not answer")
	assert.Equal(t, []wire.SourceError{
		{Database: "requests", Reason: "does not answer", First: 1795239792, Last: 1795239794, Count: 2},
		{Database: "wmstats", Reason: "does not answer", First: 1795239793, Last: 1795239793, Count: 1},
	}, j.Errors())
	for i := range 100 {
		j.Failed("wmstats", fmt.Sprint("reason ", i))
	}
	got := j.Errors()
	require.Len(t, got, mostErrors)
	assert.Equal(t, "reason 99", got[0].Reason)
	assert.Equal(t, "reason 80", got[mostErrors-1].Reason)
}
