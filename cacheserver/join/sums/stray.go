package sums

import "github.com/dmwm/wmstats/schema"

// stray is a workflow with jobs that should not be there; nil: none.
type stray struct{ of *schema.StrayWorkflow }

func (s *stray) empty() bool { return s.of == nil }

func (s *stray) record(string) *schema.StrayWorkflow { return s.of }

// strays are the stray jobs of an agent or site.
type strays struct{ workflows, running, pending int64 }

func (s *strays) change(c *schema.JobCounts, workflows, sign int64) {
	s.workflows += sign * workflows
	s.running += sign * max(c.Running, 0)
	s.pending += sign * max(c.Pending, 0)
}

// AddStray adds a workflow with stray jobs, and the reports that have them, one
// of each agent. The record must not be changed afterwards.
func (s *Sums) AddStray(w *schema.StrayWorkflow, reports []schema.AgentReport) {
	s.strays.at(w.Workflow).of = w
	s.changeStray(reports, 1)
}

// RemoveStray undoes AddStray.
func (s *Sums) RemoveStray(workflow string, reports []schema.AgentReport) {
	s.strays.at(workflow).of = nil
	s.changeStray(reports, -1)
}

func (s *Sums) changeStray(reports []schema.AgentReport, sign int64) {
	seen := map[string]bool{}
	for i := range reports {
		p := &reports[i]
		a := s.agents.at(p.Agent)
		a.strays.change(&p.Counts, 1, sign)
		a.name(p, sign)
		p.EachSite(func(site string, c *schema.JobCounts) {
			if !c.IsStray() {
				return
			}
			workflows := int64(1)
			if seen[site] {
				workflows = 0
			}
			seen[site] = true
			s.sites.at(site).strays.change(c, workflows, sign)
		})
	}
}
