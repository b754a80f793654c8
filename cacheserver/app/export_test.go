package app

import "github.com/dmwm/wmstats/cacheserver/timeline"

// Timeline returns the App's counts over time.
func (a *App) Timeline() *timeline.Timeline { return a.timeline }

// Mark returns the mark of a checkpoint written now.
func (a *App) Mark() string { return a.mark() }

// SectionNames returns the names of the sections of a checkpoint, in their
// order.
func (a *App) SectionNames() (names []string) {
	for _, s := range a.sections() {
		names = append(names, s.Name)
	}
	return names
}
