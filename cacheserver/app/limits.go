package app

import (
	"github.com/dmwm/wmstats/program/settings"
)

// Limits are the limits on clients beyond those of access.Settings.
type Limits struct {
	StreamsPerClient int   // concurrent limit=all
	MaxStreams       int   // the same, of all clients
	FeedsPerClient   int   // streams and long polls of /changes
	MaxFeeds         int   // the same, of all clients
	MaxBody          int64 // bytes of a request's body
}

func defaultLimits() Limits {
	return Limits{StreamsPerClient: 2, MaxStreams: 64, FeedsPerClient: 20, MaxFeeds: 1000, MaxBody: 64 << 10}
}

func (l *Limits) add(t *settings.Table) {
	t.Int("streams-per-client", &l.StreamsPerClient, "maximum concurrent limit=all requests of one client")
	t.Int("max-streams", &l.MaxStreams, "maximum concurrent limit=all requests of all clients")
	t.Int("feeds-per-client", &l.FeedsPerClient, "maximum concurrent streams and long polls of /changes of one client")
	t.Int("max-feeds", &l.MaxFeeds, "maximum concurrent streams and long polls of /changes of all clients")
	t.Bytes("max-body", &l.MaxBody, "largest accepted request body")
}

func (l *Limits) validate(f *settings.Faults) {
	settings.Positive(f, "streams-per-client", l.StreamsPerClient)
	settings.Positive(f, "max-streams", l.MaxStreams)
	settings.Positive(f, "feeds-per-client", l.FeedsPerClient)
	settings.Positive(f, "max-feeds", l.MaxFeeds)
	settings.Positive(f, "max-body", l.MaxBody)
}
