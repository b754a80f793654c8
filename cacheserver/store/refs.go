package store

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// Reports names the newest report of each agent on each of the workflows, as
// they are known now, whatever the status of the request.
func (s *Store) Reports(workflows []string) [][]join.ReportRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs := make([][]join.ReportRef, len(workflows))
	for i, name := range workflows {
		refs[i] = s.writer.Reports(name)
	}
	return refs
}

// Teams are the names of teams that agents say to be of, sorted.
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
