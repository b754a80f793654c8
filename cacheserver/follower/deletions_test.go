package follower

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// deletions puts half as many requests, each with an agent's document, into the
// source, lets the real store load them, deletes them all while the server is
// unreachable, and waits until the store has removed them. No two requests have
// the same priority or time of status, which is the worst case for the sums:
// each removed one is an extreme. It returns how long the feeds and the store
// took for the deletions.
func deletions(t testing.TB, documents int) time.Duration {
	t.Helper()
	s := realStore(t)
	var loads atomic.Int64
	r := newRig(t, func(o *Options) {
		near, ok := o.Source.(*couch.Client)
		require.True(t, ok)
		// The stand-in takes longer to build such a large view than the rig's
		// deadlines.
		patient, err := couch.New(couch.Options{URL: near.PublicURL()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, patient.Close()) })
		o.Source, o.Store = patient, OfStore(s)
		o.Hooks.Loaded = func(int64, int64, time.Duration) { loads.Add(1) }
	})
	n := documents / 2
	requests, work := make([][]byte, n), make([][]byte, n)
	for i := range n {
		wf := fmt.Sprintf("wf%d", i)
		requests[i], work[i] = []byte(requestDoc(wf, "running-open", i)), []byte(workDoc("a1", wf, i))
	}
	require.NoError(t, r.srv.Put(requestDB, requests...))
	require.NoError(t, r.srv.Put(wmstatsDB, work...))
	r.start()
	holds := func(workflows, agentDocuments int) func() bool {
		return func() bool {
			i := s.Info()
			return i.Workflows == int64(workflows) && i.AgentReports == int64(agentDocuments)
		}
	}
	r.eventually("all", holds(n, n))
	require.NoError(t, r.end.Refuse())
	for i := range n {
		wf := fmt.Sprintf("wf%d", i)
		require.True(t, r.srv.Delete(requestDB, wf))
		require.True(t, r.srv.Delete(wmstatsDB, "a1-"+wf))
	}
	r.put(requestDB, requestDoc("last", "new", 1))
	began := time.Now()
	require.NoError(t, r.end.Accept())
	r.eventually("none but the last", holds(1, 0))
	took := time.Since(began)
	r.eventually("fresh", func() bool { return !s.Source().Stale })
	r.eventually("no unmatched report", func() bool { return s.Info().UnmatchedReports == 0 })
	assert.EqualValues(t, 1, loads.Load(), "no full read")
	return took
}

// Thousands of documents are gone when the feeds come back. WMSTATS_DELETIONS
// sets the number; the benchmark uses 100 000.
func TestManyDeletionsAtOnce(t *testing.T) {
	n := 10_000
	if text := os.Getenv("WMSTATS_DELETIONS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err, "WMSTATS_DELETIONS")
		require.Positive(t, n/2, "WMSTATS_DELETIONS")
	}
	deletions(t, n)
}

// BenchmarkDeletions deletes 100 000 documents at once, half of them requests
// with records. s/deletions is the time from the new connection until the store
// has removed them; cpu-s is the processor time of everything, including the
// stand-in and the load.
func BenchmarkDeletions(b *testing.B) {
	const n = 100_000
	var took time.Duration
	before := processorTime(b)
	for b.Loop() {
		took += deletions(b, n)
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s/deletions")
	b.ReportMetric(n*float64(b.N)/took.Seconds(), "deletions/s")
	b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "cpu-s")
	b.ReportMetric(0, "ns/op")
}

// processorTime returns the processor time of this process so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
