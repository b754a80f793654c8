// Package answers measures how the cache server answers: its pages against
// nginx serving the same bytes, against the naive way to build them, how the
// cost grows with records and connections, and what the static schema saves
// against the documents it is built from. Each figure is one line: name, value,
// unit and, in brackets, the target.
//
// Servers are separate processes on one core, the load (wrk) runs on another.
// Compared things are measured in turn, in several rounds, and medians are
// reported. On a machine that others use, the processor time of the server for
// each request, from /proc/PID/task/*/schedstat, says more than requests per
// second. The package is not part of any installed program.
package answers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// Options of one run.
type Options struct {
	Program string        // path of the command itself: it is started again as the server
	Sizes   []int         // numbers of workflows, the first of which is that of most figures
	Rounds  int           // of each measurement
	Length  time.Duration // of one round
	Only    []string      // groups to measure; empty: all of Groups
	Out     io.Writer
	Log     io.Writer // what the servers print
}

// run is one run of all groups.
type run struct {
	Options
	children []*child
}

// Dear is the group of the most expensive requests, which is measured only when
// it is named.
const Dear = "dear"

// groupOf is a group of figures.
type groupOf struct {
	name, what string
	measure    func(*run, context.Context) error
	asked      bool // only when it is named: it has a section of its own
}

func groups() []groupOf {
	return []groupOf{
		{"made", "pages built in this process, against the naive way (bars 2, 3)", (*run).made, false},
		{"details", "one workflow, and 1 500 documents of 12 KB (bar 5)", (*run).details, false},
		{"schemas", "static against dynamic schema (bar 7)", (*run).schemas, false},
		{"nginx", "hot pages against nginx, and with changes (bar 1)", (*run).hot, false},
		{"growth", "with more records and more connections (bar 8)", (*run).growth, false},
		{Dear, "the most expensive requests of each resource: answer, processor time, memory, and how long the work continues after the client left", (*run).dear, true},
	}
}

// Groups are the names of the groups of figures.
func Groups() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// Run measures.
func Run(ctx context.Context, o Options) error {
	if len(o.Sizes) == 0 || o.Rounds < 1 || o.Length <= 0 {
		return errors.New("sizes, rounds and length are required")
	}
	for _, name := range o.Only {
		if !slices.Contains(Groups(), name) {
			return fmt.Errorf("unknown group %q; the groups are %q", name, Groups())
		}
	}
	r := &run{Options: o}
	defer r.stopAll()
	for _, g := range groups() {
		if !slices.Contains(o.Only, g.name) && (len(o.Only) > 0 || g.asked) {
			continue
		}
		fmt.Fprintf(o.Out, "# %s: %s\n", g.name, g.what)
		if err := g.measure(r, ctx); err != nil {
			return fmt.Errorf("measure %s: %w", g.name, err)
		}
	}
	return nil
}

// line prints one figure. bar is the target; empty for figures that explain.
func (r *run) line(name string, value float64, unit, bar string) {
	figures.Line(r.Out, name, value, unit, bar)
}

// missing names the programs that are not installed.
func missing(programs ...string) (names []string) {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			names = append(names, p)
		}
	}
	return names
}
