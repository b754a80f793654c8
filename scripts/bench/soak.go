package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/scripts/bench/soak"
	"github.com/dmwm/wmstats/scripts/freeport"
)

// Soak has the length and the load of the section soak; zero values mean the
// defaults of package soak.
type Soak struct {
	soak.Options
	PerSecond float64  // documents with new content per second; 0: 25
	Flags     []string // more flags of the cache server, such as --memory 512MiB
}

// The target of resident memory: a floor, an amount per workflow, and a share of
// the budget beyond its records.
const (
	soakFloor     = 60e6
	soakWorkflow  = 7.8e3
	soakOfBudget  = 1.25
	soakPerSecond = 25
)

// runSoak measures a pair of servers under the load of a working day, and prints
// whether the cache server's memory stayed below the target.
func runSoak(ctx context.Context, o Options) error {
	r := &run{Options: o, prefix: fmt.Sprintf("%d: soak: ", o.Workflows), client: &http.Client{}}
	defer r.stopAll()
	rate := o.Soak.PerSecond
	if rate <= 0 {
		rate = soakPerSecond
	}
	source, err := r.startLiving(ctx, rate)
	if err != nil {
		return err
	}
	cache, err := r.startCacheWith(ctx, source, o.Soak.Flags...)
	if err != nil {
		return err
	}
	if _, err := r.settled(ctx, cache.server, 3*time.Second); err != nil {
		return err
	}
	if err := r.memory(ctx, cache.server, "at rest"); err != nil {
		return err
	}
	if err := r.explained(ctx, cache.server, "at rest"); err != nil {
		return err
	}
	ui, err := r.startUI(ctx, cache.server)
	if err != nil {
		return err
	}
	load := o.Soak.Options
	load.Cache, load.UI, load.Seed = cache.url, ui.url, uint64(o.Seed) //nolint:gosec // any number will do
	var most float64
	load.Sampled = func(s soak.Sample) {
		rss := cache.status("VmRSS")
		if s.After >= 0 {
			most = max(most, rss)
		}
		fmt.Fprintf(r.Out, "%s%6s  resident %6.1f MB  UI server %5.1f MB  live %6.1f MB  account %6.1f MB (%.2f of live)  %s\n",
			r.prefix, s.After.Round(time.Second), rss/1e6, ui.status("VmRSS")/1e6, float64(s.Memory.Live)/1e6, float64(s.Memory.Counted())/1e6,
			float64(s.Memory.Counted())/float64(max(s.Memory.Live, 1)), parts(s))
	}
	cpu := cache.server.cpu()
	report, err := soak.Run(ctx, load)
	if err != nil {
		return err
	}
	used := (cache.server.cpu() - cpu).Seconds()
	broken, err := r.metric(ctx, cache.server, "wmstats_promises_broken_total")
	if err != nil {
		return err
	}
	r.soaked(report, cache.server, most, used)
	r.line("promises that memory ended early, target 0", broken, "generations")
	return r.explained(ctx, cache.server, "after the load")
}

// explained compares the account with the live heap without load, when the live
// heap of the last collection is current.
func (r *run) explained(ctx context.Context, cache server, when string) error {
	if _, err := r.settled(ctx, cache, 10*time.Second); err != nil {
		return err
	}
	_, body, err := r.do(ctx, http.MethodGet, cache.url+"/about", nil)
	if err != nil {
		return err
	}
	var about wire.About
	if err := json.Unmarshal(body, &about); err != nil {
		return fmt.Errorf("read /about: %w", err)
	}
	r.line("account "+when, float64(about.Memory.Counted())/1e6, "MB")
	r.line("account to live heap, "+when, float64(about.Memory.Counted())/float64(max(about.Memory.Live, 1)), "x")
	return nil
}

// startLiving starts the stand-in with documents that keep changing.
func (r *run) startLiving(ctx context.Context, rate float64) (server, error) {
	addr, err := freeport.Addr(ctx)
	if err != nil {
		return server{}, err
	}
	cmd, err := r.start("mock", "couch", "--listen", addr, "--workflows", strconv.Itoa(r.Workflows),
		"--seed", strconv.FormatInt(r.Seed, 10), "--live", strconv.FormatFloat(rate, 'g', -1, 64))
	if err != nil {
		return server{}, err
	}
	s := server{url: "http://" + addr, cmd: cmd}
	return s, r.ready(ctx, s.url+"/_up")
}

// parts writes the parts of the account in a row.
func parts(s soak.Sample) string {
	var text strings.Builder
	for _, p := range s.Memory.Parts {
		fmt.Fprintf(&text, " %s %.1f/%d", p.Part, float64(p.Bytes)/1e6, p.Count)
	}
	return text.String()
}

// soaked prints the results of a soak, and the target.
func (r *run) soaked(report soak.Report, cache server, most, cpu float64) {
	r.line("first pages", float64(report.Pages), "answers")
	r.line("scans to the end", float64(report.Scans), "scans")
	r.line("pages of scans", float64(report.Scanned), "answers")
	r.line("pages of the dashboard", float64(report.Views), "answers")
	r.line("scans that met 410", float64(report.Gone), "scans")
	r.line("promised generations requested again when old", float64(report.Promised), "answers")
	r.line("of them 410", float64(report.Broken), "answers")
	r.line("failures", float64(report.Failures), "answers")
	for _, fault := range report.FirstFault {
		fmt.Fprintln(r.Out, r.prefix+fault)
	}
	r.line("processor time, cache server", cpu, "s")
	budget := 256e6
	if n := len(report.Samples); n > 0 {
		last := &report.Samples[n-1].Memory
		budget = float64(last.Budget)
		least, greatest := 9.0, 0.0
		for _, s := range report.Samples {
			share := float64(s.Memory.Counted()) / float64(max(s.Memory.Live, 1))
			least, greatest = min(least, share), max(greatest, share)
		}
		r.line("account to live heap as last collected, least", least, "x")
		r.line("account to live heap as last collected, most", greatest, "x")
	}
	bar := soakFloor + soakWorkflow*float64(r.Workflows) + soakOfBudget*budget
	r.line("highest resident memory since the start", cache.status("VmHWM")/1e6, "MB")
	r.line("resident memory, most", most/1e6, "MB")
	r.line("resident memory, bar", bar/1e6, "MB")
	verdict := "below the bar"
	if most > bar {
		verdict = "ABOVE THE BAR"
	}
	r.line("resident memory, of the bar", most/bar, "x, "+verdict)
}
