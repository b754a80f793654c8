package gen

import (
	"fmt"
	"slices"
)

// DefaultNow is the present time of a world whose options name none, so that
// documents do not depend on the day of their generation.
const DefaultNow = 1_760_000_000

// Options say what a world contains. The zero value of each field has a
// meaning.
type Options struct {
	Seed         uint64
	Workflows    int    // active workflows; 0 is an empty world with agents
	Now          int64  // the present, Unix s; 0: DefaultNow
	JobSummaries int    // jobsummary documents of a workflow with 1000 failed jobs; others in proportion to the logarithm, at least 1; 0: 3, negative: none
	Lean         bool   // few sites and tasks and no performance figures: agent documents of about 2 KB
	NoEdges      bool   // leave the edge cases out: every document is consistent
	Edge         string // the name of an edge case that every workflow carries; "": each case has its few places
	Storable     bool   // leave out bytes that a CouchDB refuses to store (invalid UTF-8)

	Scenarios []Scenario // parts in which operators' questions have known answers: see Answers
}

// World generates the documents of one set of options. It is immutable and safe
// for concurrent use.
type World struct {
	opts      Options
	sites     []site
	badSites  []badSite // by position in sites
	campaigns []campaign
	releases  []string
	hosts     []host

	siteWeights, campaignWeights, releaseWeights weights
	statusWeights, kindWeights, priorityWeights  weights
	exitWeights                                  weights
	edges                                        []edge
	every                                        *edge // nil, or the one of Options.Edge
	cast                                         cast
}

// New checks the options and draws the tables that all workflows share.
func New(opts Options) (*World, error) {
	if opts.Workflows < 0 {
		return nil, fmt.Errorf("workflows %d: must not be negative", opts.Workflows)
	}
	if opts.Workflows > maxWorkflows {
		return nil, fmt.Errorf("workflows %d: at most %d have distinct names", opts.Workflows, maxWorkflows)
	}
	if opts.Now < 0 {
		return nil, fmt.Errorf("now %d: must not be negative", opts.Now)
	}
	if opts.Now == 0 {
		opts.Now = DefaultNow
	}
	if opts.JobSummaries == 0 {
		opts.JobSummaries = 3
	}
	w := &World{opts: opts, edges: allEdges()}
	if opts.Edge != "" {
		i := slices.IndexFunc(w.edges, func(e edge) bool { return e.name == opts.Edge })
		if i < 0 {
			return nil, fmt.Errorf("edge case %q: no edge case has this name", opts.Edge)
		}
		w.every = &w.edges[i]
	}
	w.releaseWeights = zipf(scaled(opts.Workflows, 60, 120))
	w.releases = w.makeReleases(len(w.releaseWeights))
	w.campaigns = w.makeCampaigns(scaled(opts.Workflows, 150, 400))
	w.campaignWeights = zipf(len(w.campaigns))
	w.sites = w.makeSites()
	w.badSites = w.makeBadSites()
	for _, s := range w.sites {
		w.siteWeights = append(w.siteWeights, s.weight)
	}
	w.siteWeights = newWeights(w.siteWeights...)
	w.hosts = w.makeHosts()
	w.statusWeights = newWeights(statusShares()...)
	w.kindWeights = newWeights(450, 300, 80, 120, 30, 20)
	w.priorityWeights = newWeights(14, 16, 18, 14, 12, 16, 8, 2)
	w.exitWeights = zipf(len(exitCodes()))
	if err := w.addCast(); err != nil {
		return nil, err
	}
	return w, nil
}

// scaled returns the number of names in use by n workflows: low for a thousand,
// high from 25 000 on, and fewer than low in small worlds.
func scaled(n, low, high int) int {
	if n < 1000 {
		return max(10, low*n/1000)
	}
	return min(high, low+(high-low)*(n-1000)/24000)
}

// maxWorkflows is the number from which names would repeat (see Sketch.Name).
const maxWorkflows = 30_000_000

// Options returns the options with defaults filled in.
func (w *World) Options() Options { return w.opts }

// Hosts returns the names of the agents.
func (w *World) Hosts() []string {
	names := make([]string, len(w.hosts))
	for i, h := range w.hosts {
		names[i] = h.name
	}
	return names
}

// Archived is the number of workflows beyond the active ones that are archived:
// their request documents stay, and the documents that agents wrote about them
// wait for the clean-up.
func (w *World) Archived() int { return w.opts.Workflows / 12 }

// Units is the number of workflows with documents, active and archived, but for
// those of scenarios. Workflows 0..Units-1 form the world; greater numbers are
// workflows that arrive later in a simulation, and at the end Actors.
func (w *World) Units() int { return w.opts.Workflows + w.Archived() }
