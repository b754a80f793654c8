package app

import "github.com/dmwm/wmstats/cacheserver/history"

// History is what the App counts over time.
func (a *App) History() *history.History { return a.history }

// Mark is what a checkpoint written now would be named.
func (a *App) Mark() string { return a.mark() }

// SectionNames are the names of the sections of a checkpoint, in their order.
func (a *App) SectionNames() (names []string) {
	for _, s := range a.sections() {
		names = append(names, s.Name)
	}
	return names
}
