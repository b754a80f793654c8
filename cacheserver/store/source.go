package store

import "time"

// SourceState is the state of the data source as the follower knows it.
type SourceState struct {
	Source              string // for people: URL without user and password, or "mock seed 1"
	Stale               bool
	Reason              string    // why stale, safe to publish: no URL, no path
	CheckTime           time.Time // when the source last answered
	RequestsAsOf        time.Time // time up to which all request documents of the source are known to be applied; zero: not yet since the start
	AgentsAsOf          time.Time // the same for agents' documents
	LoadSeconds         float64
	Complete            bool
	BadDocuments, Flaws int64
	Owed                int64    // documents that are assumed to exist and could not be read
	Polled              []Polled // databases whose changes feed should be followed and is not
}

// Polled is a database that is polled because its changes feed delivers nothing.
type Polled struct{ Database, Why string }
