package alertmanager_test

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/alertfile"
	"github.com/dmwm/wmstats/cacheserver/alertmanager"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/flat"
)

// BenchmarkLook measures a look at a new generation, of which there is at most
// one a second, on WMSTATS_BENCH_N workflows (20 000 by default): with the rules
// that people are notified of by default, with all rules, and with few failed
// workflows as in production. It looks at another generation each time.
func BenchmarkLook(b *testing.B) {
	n := 20_000
	if text := os.Getenv("WMSTATS_BENCH_N"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	kept, err := cache.New(64 << 20)
	require.NoError(b, err)
	defer kept.Close()
	rules := alertfile.Defaults()
	s, err := store.New(store.Options{Process: "t", Limits: rules.Limits, Cache: kept, Memory: 1 << 30})
	require.NoError(b, err)
	source, hash := flat.New(1), uint64(0)
	request := func(i int) join.Change {
		w, _ := source.Sides(i)
		hash++
		return join.Change{Kind: join.Request, ID: w.Workflow, Rev: "1", Hash: hash<<2 | 1, Workflow: &w}
	}
	load := s.BeginLoad()
	for i := range n {
		changes := []join.Change{request(i)}
		_, reports := source.Sides(i)
		for k := range reports {
			r := &reports[k]
			hash++
			changes = append(changes, join.Change{Kind: join.AgentReport, ID: r.Agent + "-" + r.Workflow, Rev: "1", Hash: hash<<2 | 2, Time: r.Time, Report: r})
		}
		load.Add(changes)
	}
	_, err = load.Commit()
	require.NoError(b, err)
	s.SetSource(store.SourceState{CheckTime: time.Now(), Complete: true})

	all := map[string]bool{}
	for _, name := range attention.RuleNames() {
		all[name] = true
	}
	for name, notify := range map[string]map[string]bool{"default rules": nil, "all rules": all} {
		b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
			rules := rules
			if notify != nil {
				rules.Notify = notify
			}
			var held, summed int
			p, err := alertmanager.New(alertmanager.Options{
				Store: s, Rules: func() attention.Options { return rules }, URLs: []string{"http://127.0.0.1:1"}, Every: time.Minute,
				Counted: func(alerts, sums int) { held, summed = alerts, sums },
			})
			require.NoError(b, err)
			var used, before, after syscall.Rusage
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				s.Apply([]join.Change{request(i % n)})
				require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
				b.StartTimer()
				require.True(b, p.Look(b.Context()))
				b.StopTimer()
				require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
				used.Utime.Sec += after.Utime.Sec - before.Utime.Sec
				used.Utime.Usec += after.Utime.Usec - before.Utime.Usec
				b.StartTimer()
			}
			b.ReportMetric(float64(used.Utime.Nano())/1000/float64(b.N), "cpu-us/op")
			b.ReportMetric(float64(held), "alerts")
			b.ReportMetric(float64(summed), "summed")
		})
	}
}
