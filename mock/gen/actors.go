package gen

import "fmt"

const (
	hour = 3600
	day  = 24 * hour
)

// actorsOf returns the workflows of a scenario. Their numbers are the right
// answers: Answers adds them up.
func actorsOf(s Scenario) []actor {
	var out []actor
	switch s {
	case AgentBroken:
		out = brokenActors()
	case SiteFails:
		out = []actor{failingActor()}
	case SiteDown:
		out = downActors()
	case AgentDrains:
		out = drainActors()
	case StrayJobs:
		out = strayActors()
	case ReportsLag:
		out = lagActors()
	case PriorityAhead:
		out = aheadActors()
	case HalfAName:
		out = nameActors()
	case Forgotten:
		out = []actor{{label: "Archived", campaign: "DemoArchived", status: NormalArchived, age: 40 * day, priority: 63_000, jobs: 500, sites: []int{siteIsFine}}}
	case TwoCampaigns:
		out = append(pairActors("DemoPairGood", 20), pairActors("DemoPairPoor", 200)...)
	}
	for k := range out {
		out[k].scenario = s
	}
	return out
}

// jobsAt returns the jobs that an agent has at a site.
func jobsAt(host, site int, counts Counts) placed {
	if counts.SubmittedFirst == 0 { // the agents count these jobs twice: by attempt and by progress
		counts.SubmittedFirst = counts.Running + counts.Pending
	}
	return placed{host, site, counts}
}

// runningActor returns a workflow in running-closed.
func runningActor(campaign, label string, age int64, priority int, site int, work ...placed) actor {
	return actor{campaign: campaign, label: label, status: RunningClosed, age: age, priority: priority, sites: []int{site}, work: work}
}

func brokenActors() (out []actor) {
	for k := range 24 {
		out = append(out, runningActor("DemoBrokenAgent", fmt.Sprintf("Broken%02d", k+1), int64(k+2)*hour, 85_000, siteIsFine,
			jobsAt(hostBroken, siteIsFine, Counts{Success: 400, Pending: 60, QueuedFirst: 40})))
	}
	return out
}

// failingActor has more failed jobs than any other workflow can have jobs.
func failingActor() actor {
	a := runningActor("DemoFailingSite", "Failing", 3*day, 110_000, siteIsFailing,
		jobsAt(hostSteady, siteIsFailing, Counts{Success: 8_000, FailureException: 600_000, Running: 200}),
		jobsAt(hostSteady, siteIsFine, Counts{Success: 21_000, FailureException: 150, Running: 90}))
	a.sites = []int{siteIsFine, siteIsFailing}
	a.failed = reported{18, siteIsFailing, exit{60307, "stageOut1", "StageOutFailure", "gfal-copy to the storage of T2_ZA_Karoo failed: [Errno 28] No space left on device"}}
	return a
}

func downActors() []actor {
	waits := func(label string, age int64, status Status, work ...placed) actor {
		a := runningActor("DemoSiteDown", label, age, 90_000, siteIsDown, work...)
		a.status, a.sites = status, []int{siteIsDown, siteIsFine}
		return a
	}
	queued := waits("Queued", 2*day, Acquired)
	queued.jobs, queued.work = 700, []placed{}
	return []actor{
		queued,
		waits("HalfSent", 3*day, RunningClosed, jobsAt(hostSteady, siteIsDown, Counts{QueuedFirst: 300}), jobsAt(hostSteady, siteIsFine, Counts{Success: 200, Running: 10})),
		waits("NotSent", 4*day, RunningClosed, jobsAt(hostSteady, siteIsDown, Counts{QueuedFirst: 120})),
		waits("Sent", day, RunningClosed, jobsAt(hostSteady, siteIsFine, Counts{Success: 80, Running: 20})),
	}
}

func drainActors() []actor {
	done := runningActor("DemoDrain", "Done", 9*day, 85_000, siteIsFine, jobsAt(hostDrains, siteIsFine, Counts{Success: 900}))
	done.status = Completed
	return []actor{
		runningActor("DemoDrain", "Oldest", 11*day, 85_000, siteIsFine, jobsAt(hostDrains, siteIsFine, Counts{Success: 40, Running: 12, Pending: 8, CooloffJob: 3})),
		runningActor("DemoDrain", "Middle", 5*day, 85_000, siteIsFine, jobsAt(hostDrains, siteIsFine, Counts{Success: 90, Running: 240, QueuedFirst: 30})),
		runningActor("DemoDrain", "Newest", 2*day, 85_000, siteIsFine, jobsAt(hostDrains, siteIsFine, Counts{Running: 70, PausedJob: 2}), jobsAt(hostSteady, siteIsFine, Counts{Success: 25, Running: 5})),
		done,
	}
}

// strayActors have jobs that their requests do not allow.
func strayActors() []actor {
	announced := runningActor("DemoStray", "Announced", 6*day, 85_000, siteIsFine,
		jobsAt(hostSteady, siteIsFine, Counts{Success: 50, Running: 7, Pending: 4}), jobsAt(hostDrains, siteIsFine, Counts{Success: 20, Running: 2}))
	announced.status = Announced
	archived := runningActor("DemoStray", "Archived", 20*day, 85_000, siteIsFine, jobsAt(hostSteady, siteIsFine, Counts{Success: 10, Running: 5}))
	archived.status = AbortedArchived
	unknown := runningActor("DemoStray", "Unknown", 8*day, 85_000, siteIsFailing, jobsAt(hostSteady, siteIsFailing, Counts{Pending: 31, Running: 1}))
	unknown.absent = true
	return []actor{announced, archived, unknown}
}

func lagActors() []actor {
	some := runningActor("DemoReportsLag", "Some", 30*hour, 80_000, siteIsFine, jobsAt(hostSteady, siteIsFine, Counts{Success: 60_000, FailureException: 5_200, Running: 300}))
	some.failed = reported{3, siteIsFine, exitCodes()[1]}
	none := runningActor("DemoReportsLag", "None", 20*hour, 80_000, siteIsFine, jobsAt(hostSteady, siteIsFine, Counts{Success: 9_000, FailureException: 480, Running: 50}))
	return []actor{some, none}
}

// Priorities of PriorityAhead, and the jobs of each that wait at its site.
const (
	priorityLow, priorityHigh = 63_000, 110_000
	waitsLow, waitsHigh       = 40, 700
)

func aheadActors() []actor {
	return []actor{
		runningActor("DemoBehind", "Behind", 4*day, priorityLow, siteIsCrowded, jobsAt(hostSteady, siteIsCrowded, Counts{Success: 10, Pending: waitsLow})),
		runningActor("DemoInFront", "InFront", day, priorityHigh, siteIsCrowded, jobsAt(hostSteady, siteIsCrowded, Counts{Success: 500, Running: 900, Pending: waitsHigh})),
	}
}

// Fragments of HalfAName.
const (
	fragmentOne   = "higgsino"
	fragmentOther = "pu140bx25"
)

func nameActors() (out []actor) {
	for _, label := range []string{
		"TChiHH_Higgsino_M-650_TuneCP5_PU140BX25_v3", // the one with both
		"TChiHH_Higgsino_M-650_TuneCP5_NoPU_v3", "TChiWZ_Wino_M-650_TuneCP5_PU140BX25_v3",
	} {
		out = append(out, runningActor("DemoNames", label, 5*hour, 85_000, siteIsFine, jobsAt(hostSteady, siteIsFine, Counts{Success: 30, Running: 30})))
	}
	return out
}

// pairActors are four workflows of which some permille of the ended jobs failed.
func pairActors(campaign string, permille int64) (out []actor) {
	for k := range int64(4) {
		ended := 1000 * (k + 1)
		failed := ended * permille / 1000
		out = append(out, runningActor(campaign, fmt.Sprintf("Part%d", k+1), (10+k)*hour, 85_000, siteIsFine,
			jobsAt(hostSteady, siteIsFine, Counts{Success: ended - failed, FailureException: failed, Running: 25})))
	}
	return out
}
