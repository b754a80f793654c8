// Package bench is the one benchmark of the project. It runs the servers as
// processes, over HTTP, with the CouchDB stand-in (mock/couchfake) or, for more
// documents than fit in memory, with a source that repeats a small world
// (package repeat). It also measures the cache server's answers (package
// answers) and runs the benchmarks beside the code. Each figure is one line:
// name, value, unit and target. Figures that depend on the machine come with a
// ratio to the naive way in the same run.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/scripts/bench/answers"
	"github.com/dmwm/wmstats/scripts/bench/failover"
	"github.com/dmwm/wmstats/scripts/bench/sharedlog"
)

// Options of one run.
type Options struct {
	Bin        string   // folder of the programs
	Self       string   // this program, which is started again as a source or as a server
	Sections   []string // of Sections; none: all
	Workflows  int
	AgentDocs  int // agent_request documents, repeated worlds only; 0: as many as mock makes
	AgentBytes int // mean length of them, repeated worlds only; 0: as mock makes them
	Lean       bool
	Repeat     bool   // take the repeated world also where the stand-in could hold all
	Source     string // URL of a source that runs already, with Workflows in it; "": one is started
	Profile    string // file for the processor time of the cache server from its start until it is ready; "": none
	Seed       int64
	Content    int // workflows of the section content; 0: those of 50 000 agent documents
	Checkpoint int // workflows of the section checkpoint
	Changes    int // changes that the latency is measured over
	PerSecond  int // changes per second meanwhile
	Soak       Soak
	ScaleSizes []int             // workflows of the section scale
	Answers    answers.Options   // of the section api
	DearSizes  []int             // workflows of the section dear
	StoreSizes []int             // workflows of the section store
	StoreTime  string            // length of each of its benchmarks, as -benchtime of go test
	Failover   failover.Options  // of the section ha
	SharedLog  sharedlog.Options // of the section log
	LogSizes   []int             // workflows of the section log
	Bench      string            // benchmarks of the section parts, a pattern
	BenchTime  string            // length of each of them
	Out        io.Writer
	Log        io.Writer // output of the programs
}

// standInHolds is the maximum number of workflows for the stand-in.
const standInHolds = 50_000

// repeats tells whether documents come from a repeated world.
func (o *Options) repeats() bool {
	return o.Repeat || o.Workflows > standInHolds || o.AgentDocs > 0 || o.AgentBytes > 0
}

// section is a part of a run.
type section struct {
	name, what string
	run        func(context.Context, Options) error // nil: measured with others on one source
}

func sections() []section {
	return []section{
		{"firstread", "start until ready, against reading and throwing away; peak and resident memory", nil},
		{"latency", "change to visible", nil},
		{"ui", "what pages cost: time to the first byte, bytes, elements, requests; memory of the UI server", nil},
		{"memory", "40 000 workflows, 50 000 agent documents of 20 KB", runMemory},
		{"content", "content, not revisions: 50 000 agent documents rewritten in each cycle", runContent},
		{"checkpoint", "start from a checkpoint until ready and until the first change is seen; what writing one costs", runCheckpoint},
		{"soak", "memory under the load of a working day, against its bar", runSoak},
		{"legacy", "the old server's API: processor time, memory and what it does to /fetch, against its bars", runLegacy},
		{"ha", "several cache servers that answer as one, while parts of them fail", runFailover},
		{"log", "several cache servers that answer as one, by the number of workflows, beside an independent one", runLog},
		{"scale", "the first three with repeated worlds", runScale},
		{"api", "the API: against nginx, against the naive way, static against dynamic schema", runAnswers},
		{"dear", "the most expensive requests", runDear},
		{"store", "the store alone, processor time", runStore},
		{"parts", "benchmarks of the parts", runParts},
	}
}

// Sections are the names of the parts of a run, in their order.
func Sections() (names []string) {
	for _, s := range sections() {
		names = append(names, s.name)
	}
	return names
}

// Run measures the requested sections.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Sections {
		if !slices.Contains(Sections(), name) {
			return fmt.Errorf("section %q: there are %s", name, strings.Join(Sections(), ", "))
		}
	}
	if len(o.Sections) == 0 {
		o.Sections = Sections()
	}
	shared := o
	shared.Sections = nil
	for _, s := range sections() {
		if s.run == nil && slices.Contains(o.Sections, s.name) {
			fmt.Fprintf(o.Out, "# %s, %d workflows: %s\n", s.name, o.Workflows, s.what)
			shared.Sections = append(shared.Sections, s.name)
		}
	}
	if len(shared.Sections) > 0 {
		if err := runOnce(ctx, shared); err != nil {
			return err
		}
	}
	for _, s := range sections() {
		if s.run == nil || !slices.Contains(o.Sections, s.name) {
			continue
		}
		fmt.Fprintf(o.Out, "# %s: %s\n", s.name, s.what)
		if err := s.run(ctx, o); err != nil {
			return fmt.Errorf("section %s: %w", s.name, err)
		}
	}
	return nil
}

func runMemory(ctx context.Context, o Options) error {
	o.Sections = []string{"firstread"}
	o.Workflows, o.AgentDocs, o.AgentBytes = 40_000, 50_000, 20_000
	return runOnce(ctx, o)
}

func runScale(ctx context.Context, o Options) error {
	o.Sections = []string{"firstread", "latency", "ui"}
	for _, o.Workflows = range o.ScaleSizes {
		if err := runOnce(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func runAnswers(ctx context.Context, o Options) error { return answers.Run(ctx, o.Answers) }

func runDear(ctx context.Context, o Options) error {
	o.Answers.Only, o.Answers.Sizes = []string{answers.Dear}, o.DearSizes
	return answers.Run(ctx, o.Answers)
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
	first := slices.Contains(o.Sections, "firstread")
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
	if slices.Contains(o.Sections, "ui") {
		if err := r.ui(ctx, cache.server); err != nil {
			return err
		}
	}
	if !slices.Contains(o.Sections, "latency") {
		return nil
	}
	if err := r.latency(ctx, source, cache.server); err != nil {
		return err
	}
	return r.memory(ctx, cache.server, "after changes")
}
