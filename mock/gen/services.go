package gen

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// Census counts active workflows, as ReqMgr's heartbeat reports them.
type Census struct {
	status   map[Status]int
	campaign map[Status]map[string]int
	priority map[Status]map[string]int
	events   map[Status]int64
}

// NewCensus returns a census of no workflows.
func NewCensus() *Census {
	return &Census{map[Status]int{}, map[Status]map[string]int{}, map[Status]map[string]int{}, map[Status]int64{}}
}

// CountIn adds workflow i in its status.
func (w *World) CountIn(c *Census, i int, s Status) {
	c.status[s]++
	if c.campaign[s] == nil {
		c.campaign[s], c.priority[s] = map[string]int{}, map[string]int{}
	}
	campaign := w.campaigns[w.head(i).campaign].name
	if a := w.actor(i); a != nil {
		campaign = a.campaign
	}
	c.campaign[s][campaign]++
	d := w.dice(forInfo, -i-2)
	c.priority[s][fmt.Sprint(w.drawPriority(&d)/5000*5000)]++
	c.events[s] += int64(d.between(1, 900)) * 1000
}

// Services returns the agent_info documents of the central services.
func (w *World) Services(c *Census, now int64) []Doc {
	return []Doc{
		w.service("global_workqueue", now, func(j *jsonout.Buf, d *dice) {
			w.workQueue(j, d, w.sites[:w.cast.sites], w.castPossible(), []string{"uniqueJobsPerSite", "possibleJobsPerSite", "uniqueJobsPerSiteAAA", "possibleJobsPerSiteAAA"})
			w.workByAgent(j, d)
		}),
		w.service("reqmgr2", now, func(j *jsonout.Buf, _ *dice) { c.write(j) }),
		w.service("wmstats", now, func(*jsonout.Buf, *dice) {}),
	}
}

func (w *World) service(name string, now int64, body func(*jsonout.Buf, *dice)) Doc {
	d := w.dice(forInfo, int(now))
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", name)
	j.Str("type", "agent_info")
	j.Str("agent_url", name)
	j.Str("agent", name)
	j.Str("agent_team", "")
	j.Str("agent_version", "2.4.3")
	j.Int("timestamp", now)
	j.Strings("down_components", nil)
	j.Strings("down_component_detail", nil)
	body(j, &d)
	j.Int("total_query_time", int64(d.n(20)))
	j.Close('}')
	return Doc{design.WMStatsDB, name, j.B}
}

func (w *World) workByAgent(j *jsonout.Buf, d *dice) {
	for _, field := range []string{"workByAgentAndStatus", "workByAgentAndPriority"} {
		j.List(field)
		for _, h := range w.hosts {
			j.Open('{')
			j.Str("agent_name", h.name)
			if field == "workByAgentAndStatus" {
				j.Str("status", "Running")
			} else {
				j.Int("priority", 85000)
			}
			work(j, d)
			j.Int("max_jobs_elem", int64(d.between(100, 9000)))
			j.Close('}')
		}
		j.Close(']')
	}
}

func (c *Census) write(j *jsonout.Buf) {
	statuses := slices.Sorted(maps.Keys(c.status))
	j.Object("requestsByStatus")
	for _, s := range statuses {
		j.Int(s.String(), int64(c.status[s]))
	}
	j.Close('}')
	for _, part := range []struct {
		field string
		of    map[Status]map[string]int
	}{{"requestsByStatusAndCampaign", c.campaign}, {"requestsByStatusAndPrio", c.priority}} {
		j.Object(part.field)
		for _, s := range statuses {
			j.Object(s.String())
			for _, k := range slices.Sorted(maps.Keys(part.of[s])) {
				j.Int(k, int64(part.of[s][k]))
			}
			j.Close('}')
		}
		j.Close('}')
	}
	j.Object("requestsByStatusAndNumEvts")
	for _, s := range statuses {
		j.Int(s.String(), c.events[s])
	}
	j.Close('}')
}
