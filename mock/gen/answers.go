package gen

// Answers are the right answers of a world with scenarios. Those of scenarios
// that it does not have are empty.
type Answers struct {
	Broken   BrokenAnswer
	Failing  FailingAnswer
	Down     DownAnswer
	Drain    DrainAnswer
	Stray    StrayAnswer
	Lag      LagAnswer
	Ahead    AheadAnswer
	Half     HalfAnswer
	Archived ArchivedAnswer
	Ending   EndingAnswer
	Pair     PairAnswer
}

// BrokenAnswer is of AgentBroken: which agent is broken, and who acts?
type BrokenAnswer struct {
	Agent, Component string
	Workflows        int
	Jobs             int64 // created and not successful
}

// FailingAnswer is of SiteFails: which workflow fails most, where, how, and
// where are its logs?
type FailingAnswer struct {
	Workflow, Site  string
	ExitCode        int
	Failed, Reports int64
	Text            string // in the error of each report
	Logs            string // begin of the addresses of logs
}

// DownAnswer is of SiteDown: why is a campaign slow?
type DownAnswer struct {
	Campaign, Site string
	Sites          int   // that its workflows may use
	Workflows      int   // that wait for the site
	Queued         int64 // their jobs that agents could send
}

// DrainAnswer is of AgentDrains: what does the drain of an agent wait for?
type DrainAnswer struct {
	Agent, Oldest string
	Workflows     int
	Jobs          int64 // not ended
}

// StrayAnswer is of StrayJobs: which jobs should not be there?
type StrayAnswer struct {
	Workflows []string
	Running   int64
	Pending   int64
	ByAgent   map[string]StrayCounts
	BySite    map[string]StrayCounts
}

// StrayCounts are the stray jobs of an agent or at a site.
type StrayCounts struct{ Workflows, Running, Pending int64 }

// LagAnswer is of ReportsLag: how many failed jobs have been reported?
type LagAnswer struct {
	Workflow        string
	Failed, Reports int64
	None            string // a workflow without any report
	NoneFailed      int64
}

// AheadAnswer is of PriorityAhead: which jobs are ahead of a workflow?
type AheadAnswer struct {
	Workflow, Site string
	Jobs           int64 // of higher priority at its site
	Priority       int64 // theirs
}

// HalfAnswer is of HalfAName: which workflow has both fragments in its name?
type HalfAnswer struct {
	Fragments []string
	Workflow  string
}

// ArchivedAnswer is of Forgotten: what became of a request?
type ArchivedAnswer struct {
	Workflow, Campaign string
	Since              int64 // Unix s
}

// EndingAnswer is of Ending: which workflow completes? World.Ended returns the
// documents with which it does.
type EndingAnswer struct {
	Workflow string
	Jobs     int64
}

// PairAnswer is of TwoCampaigns: which campaign fails more?
type PairAnswer struct{ Good, Poor CampaignFigures }

// CampaignFigures are the figures of a campaign.
type CampaignFigures struct {
	Campaign                          string
	Workflows                         int
	Success, Failed, Running, AllJobs int64
}

// Answers returns the right answers.
func (w *World) Answers() Answers {
	var a Answers
	for k := range w.cast.actors {
		i := firstActor + k
		act := &w.cast.actors[k]
		st := w.Initial(i)
		name := w.Sketch(i, st.Created()).Name
		a.add(w, act, name, &st)
	}
	if i, ok := w.Ends(0); ok {
		st := w.Initial(i)
		sk := w.Sketch(i, st.Created())
		a.Ending = EndingAnswer{sk.Name, int64(sk.Jobs)}
	}
	return a
}

func (a *Answers) add(w *World, act *actor, name string, st *State) {
	sum := act.sum()
	switch act.scenario {
	case AgentBroken:
		b := &a.Broken
		b.Agent, b.Component = w.hosts[w.cast.hosts+hostBroken].name, "JobSubmitter"
		b.Workflows++
		b.Jobs += sum.created() - sum.Success
	case SiteFails:
		a.Failing = FailingAnswer{
			Workflow: name, Site: w.castSite(act.failed.site), ExitCode: act.failed.exit.code, Failed: sum.FailureException,
			Reports: int64(act.failed.n), Text: act.failed.exit.text, Logs: logsAt + name + "/",
		}
	case SiteDown:
		d := &a.Down
		d.Campaign, d.Site, d.Sites = act.campaign, w.castSite(siteIsDown), len(act.sites)
		if act.status == Acquired || sum.QueuedFirst > 0 {
			d.Workflows++
			d.Queued += sum.QueuedFirst
		}
	case AgentDrains:
		a.Drain.add(w, act, name, st)
	case StrayJobs:
		a.Stray.add(w, act, name)
	case ReportsLag:
		if act.failed.n == 0 {
			a.Lag.None, a.Lag.NoneFailed = name, sum.FailureException
		} else {
			a.Lag.Workflow, a.Lag.Failed, a.Lag.Reports = name, sum.FailureException, int64(act.failed.n)
		}
	case PriorityAhead:
		if act.priority == priorityLow {
			a.Ahead = AheadAnswer{name, w.castSite(siteIsCrowded), waitsHigh, priorityHigh}
		}
	case HalfAName:
		if a.Half.Workflow == "" {
			a.Half = HalfAnswer{[]string{fragmentOne, fragmentOther}, name}
		}
	case Forgotten:
		a.Archived = ArchivedAnswer{name, act.campaign, st.TimeOf(NormalArchived)}
	case TwoCampaigns:
		f := &a.Pair.Good
		if f.Campaign != "" && f.Campaign != act.campaign {
			f = &a.Pair.Poor
		}
		f.Campaign = act.campaign
		f.Workflows++
		f.Success += sum.Success
		f.Failed += sum.FailureException
		f.Running += sum.Running
		f.AllJobs += sum.created()
	}
}

// castSite returns the name of a site of scenarios.
func (w *World) castSite(n int) string { return w.sites[w.cast.sites+n].name }

// sum adds up the jobs of an actor.
func (a *actor) sum() (c Counts) {
	for _, p := range a.work {
		c.add(&p.counts)
	}
	return c
}

func (d *DrainAnswer) add(w *World, act *actor, name string, st *State) {
	d.Agent = w.hosts[w.cast.hosts+hostDrains].name
	if !st.Status().Running() {
		return
	}
	d.Workflows++
	if d.Oldest == "" { // they are in the order of their ages
		d.Oldest = name
	}
	for _, p := range act.work {
		if c := p.counts; p.host == hostDrains {
			d.Jobs += c.created() - c.Success - c.FailureException
		}
	}
}

func (s *StrayAnswer) add(w *World, act *actor, name string) {
	if s.ByAgent == nil {
		s.ByAgent, s.BySite = map[string]StrayCounts{}, map[string]StrayCounts{}
	}
	s.Workflows = append(s.Workflows, name)
	seen := map[string]bool{}
	for _, p := range act.work {
		s.Running += p.counts.Running
		s.Pending += p.counts.Pending
		for key, of := range map[string]map[string]StrayCounts{w.hosts[w.cast.hosts+p.host].name: s.ByAgent, w.castSite(p.site): s.BySite} {
			c := of[key]
			if !seen[key] {
				c.Workflows++
			}
			seen[key] = true
			c.Running += p.counts.Running
			c.Pending += p.counts.Pending
			of[key] = c
		}
	}
}

// Ended returns the documents of the workflow of Ending when it has completed.
func (w *World) Ended(now int64) []Doc {
	i, ok := w.Ends(0)
	if !ok {
		return nil
	}
	st := w.Initial(i)
	for k := range st.Agents {
		st.Agents[k].Done, st.Agents[k].Time = Ended, now
		st.Agents[k].Revs++
	}
	st.Transitions = append(st.Transitions, Transition{Completed, now})
	return w.Docs(i, &st)
}
