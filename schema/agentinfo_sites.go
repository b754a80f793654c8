package schema

import "github.com/dmwm/wmstats/schema/internal/jsonscan"

// readWMBS reads what an agent may run at its sites and in which states its
// jobs are, from WMBS_INFO.
func (a *AgentInfoDoc) readWMBS(d *decoder) {
	clear(a.Sites)
	a.Priorities = nil
	if !d.open("WMBS_INFO") {
		return
	}
	mark := d.mark()
	d.pairs(func(key []byte) bool {
		switch string(key) {
		case "thresholds":
			a.readThresholds(d)
		case "thresholdsGQ2LQ":
			a.freeGiven = d.scan.Kind() == jsonscan.Object
			d.each("thresholdsGQ2LQ", func(site string) {
				a.site(site).FreeForQueue = d.float(site)
			})
		case "sitePendCountByPrio":
			a.readPending(d)
		default:
			source := jobStateSource(string(key))
			if source == "" {
				return false
			}
			a.readJobStates(d, string(key), source)
		}
		return true
	})
	d.within(mark, "WMBS_INFO")
}

func (a *AgentInfoDoc) site(name string) *AgentSite {
	s := a.Sites[name]
	if s == nil {
		s = &AgentSite{Site: name, PendingSlots: -1, RunningSlots: -1, FreeForQueue: -1, PendingJobs: -1}
		a.Sites[name] = s
	}
	return s
}

func (a *AgentInfoDoc) readThresholds(d *decoder) {
	d.each("thresholds", func(name string) {
		site := a.site(name)
		site.State, site.PendingSlots, site.RunningSlots = "", -1, -1
		d.object(name, func(key []byte) bool {
			switch string(key) {
			case "state":
				site.State = d.text("state")
			case "pending_slots":
				site.PendingSlots = d.known("pending_slots")
			case "running_slots":
				site.RunningSlots = d.known("running_slots")
			default:
				return false
			}
			return true
		})
	})
}

// object reads the pairs of the object at path, as far as read takes them; it
// reads nothing of a value that is no object.
func (d *decoder) object(path string, read func(key []byte) bool) {
	if !d.open(path) {
		return
	}
	mark := d.mark()
	d.pairs(read)
	d.within(mark, path)
}

// readPending reads the jobs that wait at a site by their priorities, which are
// the keys, and sums them. A site where none waits has a priority 0 with 0 jobs,
// which makes no record.
func (a *AgentInfoDoc) readPending(d *decoder) {
	a.Priorities = nil
	a.pendingGiven = d.scan.Kind() == jsonscan.Object
	d.each("sitePendCountByPrio", func(name string) {
		site := a.site(name)
		site.PendingJobs = 0
		d.each(name, func(priority string) {
			jobs := d.count(priority)
			site.PendingJobs += jobs
			if jobs == 0 {
				return
			}
			n, ok := parseInt([]byte(priority))
			if !ok {
				d.flaw(priority, []byte(priority), "a priority as the key")
				n = 0
			}
			a.Priorities = append(a.Priorities, AgentSitePriority{Site: name, Priority: n, Jobs: jobs})
		})
	})
}
