package replica

import "github.com/dmwm/wmstats/cacheserver/store"

// Shown is the store without generations until this server has caught up with the
// log: one that serves before answers from a generation of minutes ago.
type Shown struct {
	*store.Store

	Replica *Replica
}

// Newest returns the newest generation.
func (s Shown) Newest() (*store.Generation, bool) {
	if !s.Replica.CaughtUp() {
		return nil, false
	}
	return s.Store.Newest()
}

// Wait returns a channel that is closed when there is a newer generation than after.
func (s Shown) Wait(after string) <-chan struct{} {
	if !s.Replica.CaughtUp() {
		return s.Replica.Started()
	}
	return s.Store.Wait(after)
}
