package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/repeat"
)

// restarts is the number of measured starts; each printed figure is the median.
const restarts = 3

// restart holds the measurements of one start from a checkpoint.
type restart struct {
	ready, seen time.Duration // from the start of the process
	cpu         time.Duration // until it was ready
	peak        float64       // bytes of resident memory, by then
}

// runCheckpoint measures a server that resumes from its checkpoint. The source
// counts its requests: a start that reads everything again is an error.
func runCheckpoint(ctx context.Context, o Options) error {
	o.Repeat, o.Workflows = true, o.Checkpoint
	r := &run{Options: o, client: &http.Client{}}
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		return fmt.Errorf("make a folder for the checkpoint: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	defer r.stopAll() // first: a server writes its checkpoint when it ends
	file := filepath.Join(dir, "checkpoint")
	source, err := r.startSource(ctx)
	if err != nil {
		return err
	}
	cache, err := r.startCacheWith(ctx, source, "--checkpoint", file, "--checkpoint-every", "1s")
	if err != nil {
		return err
	}
	names, err := r.someWorkflows(ctx, cache.server)
	if err != nil {
		return err
	}
	r.size("checkpoint_full_read", cache.took.Seconds(), "s")
	if err := r.writing(ctx, source, cache.server, names); err != nil {
		return err
	}
	var all []restart
	for n := range restarts {
		if err := r.stopWriting(ctx, source, cache.server, file, names[0], 300_000+2*n, n == 0); err != nil {
			return err
		}
		var one restart
		if cache, one, err = r.restart(ctx, source, file, names[1%len(names)], 300_001+2*n); err != nil {
			return err
		}
		all = append(all, one)
	}
	r.printRestarts(all)
	return r.memory(ctx, cache.server, "from a checkpoint")
}

// size prints a figure of the size of the run, as in checkpoint_ready_100k.
func (r *run) size(name string, value float64, unit string) {
	n := strconv.Itoa(r.Workflows)
	if k, ok := strings.CutSuffix(n, "000"); ok {
		n = k + "k"
	}
	r.line(name+"_"+n, value, unit)
}

// writing prints how much changes are delayed by a checkpoint that is captured
// and written while they arrive.
func (r *run) writing(ctx context.Context, source, cache server, names []string) error {
	writes := func() (float64, error) { return r.metric(ctx, cache, `wmstats_checkpoint_writes_total{result="done"}`) }
	var slowest, p99 float64
	for round := 0; ; round++ {
		before, err := writes()
		if err != nil && round == 0 {
			before = 0 // no line before the first write
		} else if err != nil {
			return err
		}
		times, err := r.change(ctx, source, cache, names, 200_000+round*r.Changes)
		if err != nil {
			return err
		}
		slowest, p99 = quantile(times, 1), quantile(times, 0.99)
		if after, err := writes(); err == nil && after > before {
			break // a write ended during this round
		}
		if round == 60 {
			return errors.New("no checkpoint was written while changes arrived")
		}
	}
	r.size("checkpoint_change_to_visible_p99_meanwhile", p99, "ms")
	r.size("checkpoint_change_to_visible_slowest_meanwhile", slowest, "ms")
	pause, err := r.metric(ctx, cache, "wmstats_checkpoint_pause_seconds")
	if err != nil {
		return err
	}
	r.size("checkpoint_pause", pause*1000, "ms")
	return nil
}

// metric reads one line of /metrics.
func (r *run) metric(ctx context.Context, s server, name string) (float64, error) {
	_, body, err := r.do(ctx, http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				return 0, fmt.Errorf("read metric %s: %w", name, err)
			}
			return v, nil
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}

// stopWriting changes a document, so that the server has a reason to write, and
// ends the server. The first time it prints what the last file cost.
func (r *run) stopWriting(ctx context.Context, source, cache server, file, name string, priority int, first bool) error {
	if _, err := r.oneChange(ctx, source, cache, name, priority); err != nil {
		return err
	}
	before, began := cache.cpu(), time.Now()
	if err := cache.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if err := cache.cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended: %w", err)
	}
	r.procs = slices.DeleteFunc(r.procs, func(c *exec.Cmd) bool { return c == cache.cmd })
	took := time.Since(began)
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("look for the checkpoint: %w", err)
	}
	if first {
		used := cache.cmd.ProcessState.UserTime() + cache.cmd.ProcessState.SystemTime() - before
		r.size("checkpoint_file", float64(info.Size())/1e6, "MB")
		r.size("checkpoint_last_write_and_end", took.Seconds(), "s")
		r.size("checkpoint_last_write_and_end_processor", used.Seconds(), "s")
	}
	return nil
}

// restart changes a workflow while no server runs, and starts one that has to
// find the change from the position of its checkpoint.
func (r *run) restart(ctx context.Context, source server, file, name string, priority int) (c loadedCache, out restart, err error) {
	if err := r.prioritize(ctx, source, name, priority); err != nil {
		return c, out, err
	}
	before, err := r.asked(ctx, source)
	if err != nil {
		return c, out, err
	}
	began := time.Now()
	if c, err = r.startCacheWith(ctx, source, "--checkpoint", file); err != nil {
		return c, out, err
	}
	if err := r.seen(ctx, c.server, name, priority); err != nil {
		return c, out, err
	}
	out = restart{ready: c.took, seen: time.Since(began), cpu: c.cpu, peak: c.peak}
	after, err := r.asked(ctx, source)
	if err != nil {
		return c, out, err
	}
	if after.Reads != before.Reads {
		return c, out, fmt.Errorf("the start from a checkpoint read %d views: it did not resume from it", after.Reads-before.Reads)
	}
	for since, n := range after.Since {
		if n > before.Since[since] && since != "" && since != "0" && since != "0-x" {
			return c, out, nil // enough: one of the two databases never changes
		}
	}
	return c, out, fmt.Errorf("no feed was followed from the stored position: %v", after.Since)
}

// asked returns the requests that the source has received so far.
func (r *run) asked(ctx context.Context, source server) (a repeat.Asked, err error) {
	_, body, err := r.do(ctx, http.MethodGet, source.url+"/_asked", nil)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("read the counts of the source's requests: %w", err)
	}
	return a, nil
}

func (r *run) printRestarts(all []restart) {
	middle := func(of func(restart) float64) float64 {
		var values []float64
		for _, one := range all {
			values = append(values, of(one))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	r.size("checkpoint_ready", middle(func(s restart) float64 { return s.ready.Seconds() }), "s")
	r.size("checkpoint_ready_processor", middle(func(s restart) float64 { return s.cpu.Seconds() }), "s")
	r.size("checkpoint_first_change", middle(func(s restart) float64 { return s.seen.Seconds() }), "s")
	r.size("checkpoint_ready_peak_memory", middle(func(s restart) float64 { return s.peak / 1e6 }), "MB")
}
