package sharedlog

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/scripts/cluster"
)

// metricsOf returns the metrics of a server by their name with labels.
func metricsOf(ctx context.Context, addr string) (map[string]float64, error) {
	text, err := poller{client: http.DefaultClient}.do(ctx, http.MethodGet, "http://"+addr+"/metrics", nil, http.StatusOK)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndexByte(strings.TrimSpace(line), ' '); i > 0 && line[0] != '#' {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
			if err != nil {
				return nil, fmt.Errorf("metric %q: %w", line[:i], err)
			}
			values[line[:i]] = v
		}
	}
	return values, nil
}

// leads reports whether the server of these metrics is the leader.
func leads(values map[string]float64) bool {
	for name, v := range values {
		if strings.HasPrefix(name, "wmstats_log_leader{") {
			return v == 1
		}
	}
	return false
}

// histogram is the number of observations up to each bound.
type histogram map[float64]float64

// lags returns the histogram of all servers' lags behind the log.
func lags(ctx context.Context, servers []*cluster.Program) (histogram, error) {
	sum := histogram{}
	for _, p := range servers {
		values, err := metricsOf(ctx, p.Addr)
		if err != nil {
			return nil, err
		}
		for name, v := range values {
			text, ok := strings.CutPrefix(name, `wmstats_log_lag_seconds_bucket{le="`)
			if !ok {
				continue
			}
			bound, err := strconv.ParseFloat(strings.TrimSuffix(text, `"}`), 64)
			if err != nil {
				return nil, fmt.Errorf("metric %q: %w", name, err)
			}
			sum[bound] += v
		}
	}
	return sum, nil
}

func (h histogram) minus(other histogram) histogram {
	rest := histogram{}
	for bound, v := range h {
		rest[bound] = v - other[bound]
	}
	return rest
}

// quantile interpolates within a bucket, as Prometheus does.
func (h histogram) quantile(q float64) time.Duration {
	want, lower, below := q*h[math.Inf(1)], 0.0, 0.0
	for _, bound := range slices.Sorted(maps.Keys(h)) {
		if n := h[bound]; n >= want && n > below {
			if math.IsInf(bound, 1) {
				break
			}
			return seconds(lower + (bound-lower)*(want-below)/(n-below))
		}
		lower, below = bound, h[bound]
	}
	return seconds(lower)
}

func seconds(s float64) time.Duration {
	if math.IsInf(s, 0) {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// highest returns the highest resident memory of a program; 0 without /proc.
func highest(p *cluster.Program) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}
