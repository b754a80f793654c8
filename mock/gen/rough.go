package gen

// SiteCounts are the counters of one site.
type SiteCounts struct {
	Site   string
	Counts Counts
}

// Rough is what one agent has done for a workflow, as if the workflow had one
// task only: enough for flat records, at a fraction of the cost of a document.
type Rough struct {
	Agent, Team, Version string
	Sites                []SiteCounts // jobs that have a site
	Total                Counts       // all jobs, also those without a site
	InWMBS, InQueue      int64
	Events, Lumis        int64 // of each output dataset
	Skipped              bool
}

// Rough returns what the k-th agent of a workflow has done.
func (w *World) Rough(sk *Sketch, st *State, k int) Rough {
	ag := &st.Agents[k]
	h := w.hosts[ag.Host]
	a := &agentWriter{w: w, sk: sk, st: st}
	r := Rough{Agent: h.name, Team: h.team, Version: h.version, Skipped: a.skips(k)}
	if st.Cleaned {
		return r
	}
	r.InWMBS, r.InQueue = a.pulled(k)
	mine := share(int64(sk.Jobs), int64(k), int64(len(st.Agents)))
	sum, before, lead := int64(0), int64(0), a.lead(true)
	for _, s := range sk.Sites {
		sum += a.weight(k, s)
	}
	r.Sites = make([]SiteCounts, 0, len(sk.Sites))
	for _, s := range sk.Sites {
		after := before + a.weight(k, s)
		c := cell{jobs: mine*after/sum - mine*before/sum, done: int64(ag.Done), lead: lead, killed: st.killed(), fail: int64(max(sk.FailPermille, w.badSites[s].permille))}
		before = after
		if c.jobs == 0 {
			continue
		}
		c.luck = mix(mix(uint64(sk.Index)<<20^w.opts.Seed) ^ uint64(k<<8|s))
		c.createUp = sk.createUp()
		placed, unplaced := c.counts()
		if placed != (Counts{}) {
			r.Sites = append(r.Sites, SiteCounts{w.sites[s].name, placed})
		}
		r.Total.add(&placed)
		r.Total.add(&unplaced)
	}
	merged := taskDone(int64(ag.Done), 100_000)
	r.Events = mine * int64(sk.EventsPerJob) / 1000 * merged / 1000
	r.Lumis = mine * int64(sk.LumisPerJob) * merged / Ended
	return r
}

// TaskCount returns the number of tasks of a workflow.
func (w *World) TaskCount(sk *Sketch) int {
	if sk.Kind == Resubmission {
		return len(sk.tasks(w.opts.Lean))
	}
	return sk.countTasks(w.opts.Lean)
}

// SiteNames returns the names of the sites that a workflow may use: Sites.
func (w *World) SiteNames(sk *Sketch) []string {
	names := make([]string, len(sk.Sites))
	for k, s := range sk.Sites {
		names[k] = w.sites[s].name
	}
	return names
}

// EventSize returns the size of one event of a dataset, in bytes.
func EventSize(dataset string) int64 { return sizeOf(dataset) }
