package legacy

import (
	"fmt"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
)

// owedFor is how long a request document may be known to be there, and not be
// had, before lists that decide deletions are in doubt.
const owedFor = time.Minute

// snapshot returns the request documents, as long as an answer made of them can't
// be short: all have been read, and the source was heard of not too long ago.
// agents says that the answer names reports of agents too.
func (c *call) snapshot(agents bool) (*documents.Snapshot, error) {
	s, ok := c.h.o.Documents.Snapshot()
	if !ok {
		return nil, notReady("The first full read of the source has not ended.")
	}
	return s, c.fresh(agents, true)
}

// fresh tells whether what is held of requests, or of agents, is recent enough.
func (c *call) fresh(agents, requests bool) error {
	source := c.h.o.Store.Source()
	for _, of := range []struct {
		wanted bool
		asOf   time.Time
		what   string
	}{{requests, source.RequestsAsOf, "requests"}, {agents, source.AgentsAsOf, "agents' documents"}} {
		switch age := c.began.Sub(of.asOf); {
		case !of.wanted:
		case of.asOf.IsZero():
			return notReady("The source has not answered for its " + of.what + " since the start of this server.")
		case age > c.h.o.MaxAge:
			return notReady(fmt.Sprintf("The source was heard of its %s %s ago; more than %s is too long.", of.what, age.Round(time.Second), c.h.o.MaxAge))
		}
	}
	return nil
}

// allRead is the error of answers that need requests in statuses that this
// server does not read.
func (c *call) allRead(wanted func(n uint8) bool) error {
	if c.h.o.Statuses == nil {
		return nil
	}
	for i, status := range Statuses(c.h.o.TierZero) {
		if wanted(uint8(i)) && !slices.Contains(c.h.o.Statuses, status) { //nolint:gosec // there are 16
			return notReady("This server is set up not to read requests in status " + status + ".")
		}
	}
	return nil
}

// certain tells whether a list that decides deletions can be made: no request
// document is known of that could not be read.
func (c *call) certain(s *documents.Snapshot) error {
	for _, u := range s.Unusable() {
		if !u.Whole && !u.Known && !c.h.ignore[u.ID] {
			return notReady("The request document " + u.ID + " can't be read, and nothing is known of it.")
		}
	}
	for _, id := range c.h.o.Owed(owedFor) {
		if !c.h.ignore[id] {
			return notReady("The request document " + id + " could not be read from CouchDB.")
		}
	}
	return nil
}
