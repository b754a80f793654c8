package schema

// readWMBS reads what an agent may run at its sites, from WMBS_INFO. Its job
// states and the LocalWQ_INFO beside it are no part of the records.
func (a *AgentInfoDoc) readWMBS(d *decoder) {
	clear(a.Sites)
	if !d.open("WMBS_INFO") {
		return
	}
	mark := d.mark()
	d.pairs(func(key []byte) bool {
		switch string(key) {
		case "thresholds":
			a.readThresholds(d)
		case "thresholdsGQ2LQ":
			d.each("thresholdsGQ2LQ", func(site string) {
				a.site(site).FreeForQueue = d.float(site)
			})
		case "sitePendCountByPrio":
			a.readPending(d)
		default:
			return false
		}
		return true
	})
	d.within(mark, "WMBS_INFO")
}

func (a *AgentInfoDoc) site(name string) *AgentSite {
	s := a.Sites[name]
	if s == nil {
		s = &AgentSite{Site: name}
		a.Sites[name] = s
	}
	return s
}

func (a *AgentInfoDoc) readThresholds(d *decoder) {
	d.each("thresholds", func(name string) {
		site := a.site(name)
		site.State, site.PendingSlots, site.RunningSlots = "", 0, 0
		if !d.open(name) {
			return
		}
		mark := d.mark()
		d.pairs(func(key []byte) bool {
			switch string(key) {
			case "state":
				site.State = d.text("state")
			case "pending_slots":
				site.PendingSlots = d.count("pending_slots")
			case "running_slots":
				site.RunningSlots = d.count("running_slots")
			default:
				return false
			}
			return true
		})
		d.within(mark, name)
	})
}

// readPending sums the jobs that wait at a site over their priorities, which
// are the keys.
func (a *AgentInfoDoc) readPending(d *decoder) {
	d.each("sitePendCountByPrio", func(name string) {
		site := a.site(name)
		site.PendingJobs = 0
		d.each(name, func(priority string) { site.PendingJobs += d.count(priority) })
	})
}
