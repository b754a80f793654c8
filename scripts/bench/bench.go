// Package bench measures the two servers as they run: as processes, over HTTP,
// with the CouchDB stand-in beside them, or, for more documents than memory
// holds, a source that repeats a small world (package repeat). Each figure is
// one line: name, value, unit. Figures that depend on the machine come with a
// ratio to the naive way in the same run. The parts' own benchmarks (go test
// -bench) are beside their code; scripts/bench.sh runs both.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Options of one run.
type Options struct {
	Bin        string   // folder of the programs
	Self       string   // this program, which serves the repeated world with --serve
	Only       []string // sections; none: firstread and latency
	Workflows  int
	AgentDocs  int // agent_request documents, repeated worlds only; 0: as many as mock makes
	AgentBytes int // mean length of them, repeated worlds only; 0: as mock makes them
	Lean       bool
	Repeat     bool   // take the repeated world also where the stand-in could hold all
	Source     string // URL of a source that runs already, with Workflows in it; "": one is started
	Profile    string // file for the processor time of the cache server from its start until it is ready; "": none
	Seed       int64
	Content    int // workflows of the section content; 0: those of 50 000 agent documents
	Changes    int // changes that the latency is measured over
	PerSecond  int // changes per second meanwhile
	Soak       Soak
	Out        io.Writer
	Log        io.Writer // what the programs print
}

// standInHolds is how many workflows the stand-in is asked to hold.
const standInHolds = 50_000

// repeats tells whether documents come from a repeated world.
func (o *Options) repeats() bool {
	return o.Repeat || o.Workflows > standInHolds || o.AgentDocs > 0 || o.AgentBytes > 0
}

// Sections are the names of the parts of a run.
//
//   - firstread: start until ready, against reading and throwing away; peak and resident memory
//   - latency: change to visible
//   - ui: what pages cost: time to the first byte, bytes, elements, requests; memory of the UI server
//   - memory: firstread of 40 000 workflows with 50 000 agent documents of 20 KB
//   - content: what cycles cost in which agents rewrite 50 000 documents
//   - soak: memory under the load of a working day, against its bar
//   - checkpoint: start until ready and until the first change is seen, from a checkpoint; what writing one costs
func Sections() []string {
	return []string{"firstread", "latency", "ui", "memory", "content", "checkpoint", "soak"}
}

// Run measures the sections that are asked for.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Only {
		if !slices.Contains(Sections(), name) {
			return fmt.Errorf("section %q: there are %s", name, strings.Join(Sections(), ", "))
		}
	}
	if len(o.Only) == 0 {
		o.Only = []string{"firstread", "latency", "ui"}
	}
	if slices.ContainsFunc(o.Only, func(s string) bool { return s == "firstread" || s == "latency" || s == "ui" }) {
		if err := runOnce(ctx, o); err != nil {
			return err
		}
	}
	if slices.Contains(o.Only, "content") {
		if err := runContent(ctx, o); err != nil {
			return err
		}
	}
	if slices.Contains(o.Only, "checkpoint") {
		if err := runCheckpoint(ctx, o); err != nil {
			return err
		}
	}
	if slices.Contains(o.Only, "soak") {
		if err := runSoak(ctx, o); err != nil {
			return err
		}
	}
	if !slices.Contains(o.Only, "memory") {
		return nil
	}
	o.Only = []string{"firstread"}
	o.Workflows, o.AgentDocs, o.AgentBytes = 40_000, 50_000, 20_000
	return runOnce(ctx, o)
}

// runOnce measures one source.
func runOnce(ctx context.Context, o Options) error {
	r := &run{Options: o, prefix: fmt.Sprintf("%d: ", o.Workflows), client: &http.Client{}}
	defer r.stopAll()
	source, err := r.startSource(ctx)
	if err != nil {
		return err
	}
	var thrown thrownAway
	first := slices.Contains(o.Only, "firstread")
	if first {
		if thrown, err = r.throwAway(ctx, source); err != nil {
			return err
		}
	}
	cache, err := r.startCache(ctx, source)
	if err != nil {
		return err
	}
	if first {
		if err := r.firstRead(ctx, cache, thrown); err != nil {
			return err
		}
	}
	if slices.Contains(o.Only, "ui") {
		if err := r.ui(ctx, cache.server); err != nil {
			return err
		}
	}
	if !slices.Contains(o.Only, "latency") {
		return nil
	}
	if err := r.latency(ctx, source, cache.server); err != nil {
		return err
	}
	return r.memory(ctx, cache.server, "after changes")
}
