package store

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// Reports returns the newest known report of each agent on each of the
// workflows, whatever the status of the request.
func (s *Store) Reports(workflows []string) [][]join.ReportRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs := make([][]join.ReportRef, len(workflows))
	for i, name := range workflows {
		refs[i] = s.writer.Reports(name)
	}
	return refs
}

// Teams returns the teams that agents report, sorted.
func (g *Generation) Teams() []string {
	teams := []string{}
	for _, a := range g.state.Agents {
		if team := a.Detail.Agent.Team; team != "" {
			teams = append(teams, team)
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}
