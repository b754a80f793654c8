package store

import "time"

// SourceState is what the follower knows of the source.
type SourceState struct {
	Source              string // for people: URL without user and password, or "mock seed 1"
	Stale               bool
	Reason              string    // why stale, fit for the public: no URL, no path
	CheckTime           time.Time // when the source last answered
	RequestsAsOf        time.Time // as of when all request documents of the source are known to be applied; zero: not yet since the start
	AgentsAsOf          time.Time // the same of the agents' documents
	LoadSeconds         float64
	Complete            bool
	BadDocuments, Flaws int64
	Owed                int64    // documents that are there, for all that is known, and could not be read
	Polled              []Polled // databases whose changes feed is not followed though it should be
}

// Polled is a database that is polled because its changes feed brings nothing.
type Polled struct{ Database, Why string }
