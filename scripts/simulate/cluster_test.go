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
		"the log accepts any entry":                     func(c *cluster) { c.engine.Unfence() },
		"servers do not wait for generations of others": func(c *cluster) { c.hasty = true },
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := runWith(t, p, func(w *world) { mistake(w.cluster) })
			require.NotNil(t, b)
			t.Log(b)
		})
	}
}
