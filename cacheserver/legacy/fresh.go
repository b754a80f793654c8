package legacy

import (
	"fmt"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
)

// owedFor is how long a request document that CouchDB lists may be unavailable
// before the lists that decide deletions are refused.
const owedFor = time.Minute

// snapshot returns the request documents if they are complete: all have been read,
// and the last contact with the source is recent. agents: the same must hold for
// agents' reports, because the answer contains them or depends on them.
func (c *call) snapshot(agents bool) (*documents.Snapshot, error) {
	s, ok := c.h.o.Documents.Snapshot()
	if !ok {
		return nil, notReady("The first full read of the source has not finished.")
	}
	return s, c.fresh(agents, true)
}

// fresh returns an error if the last contact with the source about requests, or
// about agents' reports, is too long ago.
func (c *call) fresh(agents, requests bool) error {
	source := c.h.o.Store.Source()
	for _, of := range []struct {
		needed bool
		asOf   time.Time
		what   string
	}{{requests, source.RequestsAsOf, "requests"}, {agents, source.AgentsAsOf, "agents' reports"}} {
		switch age := c.began.Sub(of.asOf); {
		case !of.needed:
		case of.asOf.IsZero():
			return notReady("The source has not answered for " + of.what + " since this server started.")
		case age > c.h.o.MaxAge:
			return notReady(fmt.Sprintf("The last contact with the source for %s was %s ago; the limit is %s.", of.what, age.Round(time.Second), c.h.o.MaxAge))
		}
	}
	return nil
}

// firstHand returns an error if the source lacks what the answer needs.
func (c *call) firstHand() error {
	if !c.h.o.SecondHand {
		return nil
	}
	return notReady("This server reads the requestcache of another one, which is not enough for this answer.")
}

// allRead returns an error if the answer needs requests in a status that this
// server is configured not to read.
func (c *call) allRead(needed func(n uint8) bool) error {
	if c.h.o.Statuses == nil {
		return nil
	}
	for i, status := range Statuses(c.h.o.TierZero) {
		if needed(uint8(i)) && !slices.Contains(c.h.o.Statuses, status) { //nolint:gosec // there are 16
			return notReady("This server is configured not to read requests in status " + status + ".")
		}
	}
	return nil
}

// certain returns an error if a request document exists that could not be read: a
// list that decides deletions might lack its names.
func (c *call) certain(s *documents.Snapshot) error {
	for _, u := range s.Unusable() {
		if !u.Whole && !u.Known && !c.h.ignore[u.ID] {
			return notReady("The request document " + u.ID + " cannot be decoded, and no earlier version of it is known.")
		}
	}
	for _, id := range c.h.o.Owed(owedFor) {
		if !c.h.ignore[id] {
			return notReady("The request document " + id + " could not be read from CouchDB.")
		}
	}
	return nil
}
