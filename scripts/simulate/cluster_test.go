package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frozen is a world in which a server is frozen while it leads, and woken when another
// one does; then all are restarted.
const frozen = `{"Seed":1,"Hours":0.6,"Workflows":12,"Agents":1,"Servers":3}
{"At":"1m","Kind":"report","Doc":1}
{"At":"1m0.001s","Kind":"log-freeze","For":"20s","Server":0}
{"At":"1m0.001s","Kind":"log-freeze","For":"19s","Server":1}
{"At":"1m0.002s","Kind":"report","Doc":2}
{"At":"1m1s","Kind":"report","Doc":3}
{"At":"1m15s","Kind":"report","Doc":4}
{"At":"1m19.5s","Kind":"report","Doc":5}
{"At":"1m40s","Kind":"request","Doc":6,"Status":"acquired"}
{"At":"2m","Kind":"log-freeze","For":"30s","Server":2}
{"At":"2m1s","Kind":"report","Doc":7}
{"At":"2m20s","Kind":"report","Doc":8}
{"At":"3m","Kind":"kill","For":"10s","Server":0}
{"At":"3m20s","Kind":"kill","For":"10s","Server":1}
{"At":"3m40s","Kind":"kill","For":"10s","Server":2}
{"At":"4m30s","Kind":"request","Doc":9,"Status":"failed"}
{"At":"5m","Kind":"log-slow","For":"3m","Wait":"700ms","Server":1}
{"At":"5m10s","Kind":"kill","For":"5s","Server":1}
{"At":"5m20s","Kind":"report","Doc":10}
`

// TestAFrozenServer: whoever leads, the servers stay equal.
func TestAFrozenServer(t *testing.T) {
	p, err := ParsePlan(frozen)
	require.NoError(t, err)
	b, trace := Run(t, p)
	require.Nil(t, b, "%v\n%s", b, trace)
}

// TestAFrozenServerStandsStill: it sends CouchDB and the log nothing, and what they send
// it is read when it wakes.
func TestAFrozenServerStandsStill(t *testing.T) {
	p, err := ParsePlan(`{"Hours":0.2,"Workflows":6,"Agents":1,"Servers":2}
{"At":"2m","Kind":"log-freeze","For":"3m","Server":0}
{"At":"2m","Kind":"log-freeze","For":"3m","Server":1}
{"At":"2m10s","Kind":"request","Doc":2,"Status":"failed"}`)
	require.NoError(t, err)
	const path = "/fetch?fields=Priority&limit=10000"
	var asked, stored int
	var before, during, after []string
	b, trace := runWith(t, p, func(w *world) {
		lists := func() (bodies []string) {
			for _, m := range w.cluster.members {
				bodies = append(bodies, m.get(path).Body.String())
			}
			return bodies
		}
		at := func(d time.Duration, do func()) {
			w.at(w.began.Add(d), func() *Broken { do(); return nil })
		}
		requests := func() int { return w.source.load.total() }
		entries := func() int { return len(w.cluster.engine.Entries()) }
		at(2*time.Minute+time.Second, func() { asked, stored, before = requests(), entries(), lists() })
		at(5*time.Minute-time.Second, func() { asked, stored, during = requests()-asked, entries()-stored, lists() })
		at(6*time.Minute, func() { after = lists() })
	})
	require.Nil(t, b, "%v\n%s", b, trace)
	require.Zero(t, asked, trace)
	require.Zero(t, stored, trace)
	require.Equal(t, before, during)
	require.NotEqual(t, before, after)
	require.Equal(t, after[0], after[1])
}

// TestTheSourceLosesDocuments: the leader reads everything again, and the log gets one
// entry with all that is gone; a server that starts or wakes in the middle has the same.
func TestTheSourceLosesDocuments(t *testing.T) {
	for _, c := range []struct {
		name, plan string
		left       int // workflows
	}{
		{"documents are purged", `{"At":"3m","Kind":"purge","DB":"reqmgr_workload_cache","Doc":2,"N":2}`, 8},
		{"an older backup is restored", `{"At":"1m","Kind":"backup"}
			{"At":"1m30s","Kind":"request","Doc":10,"Status":"acquired"}
			{"At":"1m40s","Kind":"request","Doc":11,"Status":"acquired"}
			{"At":"3m","Kind":"restore","DB":"reqmgr_workload_cache"}`, 10},
		{"a database is created again", `{"At":"3m","Kind":"recreate","DB":"reqmgr_workload_cache","For":"3s","Wait":"2s","N":100}`, 10},
		{"the other database is created again", `{"At":"3m","Kind":"recreate","DB":"wmstats","For":"3s","Wait":"2s","N":100}`, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePlan(`{"Hours":0.4,"Workflows":10,"Agents":1,"Servers":3}
				{"At":"2m50s","Kind":"log-freeze","For":"40s","Server":1}
				{"At":"2m59s","Kind":"kill","For":"8s","Server":2}
				` + c.plan)
			require.NoError(t, err)
			var swept []int64
			var left []int
			var compared bool
			b, trace := runWith(t, p, func(w *world) {
				w.at(w.began.Add(20*time.Minute), func() *Broken {
					for _, m := range w.cluster.members {
						rows, _ := parseRows(m.get(listPath).Body.Bytes())
						swept, left = append(swept, m.machine.swept.Load()), append(left, len(rows))
					}
					compared = w.checked.After(w.quiet)
					return nil
				})
			})
			require.Nil(t, b, "%v\n%s", b, trace)
			require.Equal(t, []int64{1, 1}, swept[:2], trace)
			require.Equal(t, []int{c.left, c.left, c.left}, left, trace)
			require.True(t, compared, "with a server that has just read everything")
		})
	}
}

// TestClusterMistakesAreFound: a log or a server that breaks its rules breaks a promise.
func TestClusterMistakesAreFound(t *testing.T) {
	p, err := ParsePlan(frozen)
	require.NoError(t, err)
	for i := range 30 { // a server is behind for a moment, at a check
		at := Span(10*time.Minute + time.Duration(i)*2*look)
		p.Events = append(p.Events,
			Event{At: at - Span(3*time.Second), Kind: LogBlind, For: Span(4 * time.Second), Server: i % 3},
			Event{At: at - Span(time.Second), Kind: Report, Doc: i % 12})
	}
	for name, mistake := range map[string]func(*cluster){
		"the log accepts any entry":                        func(c *cluster) { c.engine.Unfence() },
		"servers do not wait for generations of others":    func(c *cluster) { c.mistake = hasty },
		"a server is shown before it has caught up":        func(c *cluster) { c.mistake = early },
		"servers count their generations":                  func(c *cluster) { c.mistake = counting },
		"servers apply entries at the time of their clock": func(c *cluster) { c.mistake = late },
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := runWith(t, p, func(w *world) { mistake(w.cluster) })
			require.NotNil(t, b)
			t.Log(b)
		})
	}
}
