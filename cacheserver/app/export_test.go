package app

import "github.com/dmwm/wmstats/cacheserver/timeline"

// Timeline is what the App counts over time.
func (a *App) Timeline() *timeline.Timeline { return a.timeline }

// Mark is what a checkpoint written now would be named.
func (a *App) Mark() string { return a.mark() }

// SectionNames are the names of the sections of a checkpoint, in their order.
func (a *App) SectionNames() (names []string) {
	for _, s := range a.sections() {
		names = append(names, s.Name)
	}
	return names
}
