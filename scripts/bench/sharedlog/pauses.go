package sharedlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// pauses are the times for which servers applied nothing because of a snapshot.
type pauses struct {
	mu    sync.Mutex
	last  map[*cluster.Program]float64
	times []time.Duration
}

// lookEvery is less than the time between two snapshots.
const lookEvery = 5 * time.Second

// watch looks for new snapshots until ctx ends. A server that is down has none.
func (p *pauses) watch(ctx context.Context, servers []*cluster.Program) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, s := range servers {
			if values, err := metricsOf(ctx, s.Addr); err == nil {
				p.note(s, values["wmstats_log_snapshot_pause_seconds"])
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *pauses) note(server *cluster.Program, took float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if took == 0 || took == p.last[server] {
		return
	}
	if p.last == nil {
		p.last = map[*cluster.Program]float64{}
	}
	p.last[server] = took
	p.times = append(p.times, seconds(took))
}

// result returns the times, shortest first.
func (p *pauses) result() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.times))
}

// checkCounts returns an error unless a server has the counts over time of a week, which
// its snapshots have then too.
func checkCounts(ctx context.Context, server *cluster.Program) error {
	body, err := poller{client: http.DefaultClient}.do(ctx, http.MethodGet, "http://"+server.Addr+"/history?by=state&name=Running", nil, http.StatusOK)
	if err != nil {
		return fmt.Errorf("counts over time: %w", err)
	}
	var points []schema.TimelinePoint
	if err := json.Unmarshal(body, &points); err != nil {
		return fmt.Errorf("read counts over time: %w", err)
	}
	if len(points) == 0 || time.Since(time.Unix(points[0].Time, 0)) < week*9/10 {
		return errors.New("the servers have not taken over the counts over time")
	}
	return nil
}
