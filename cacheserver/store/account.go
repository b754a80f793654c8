package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// Account is the memory of the store in bytes; each byte counts in one field
// only.
type Account struct {
	Records   int64 // of the newest generation: encoded, columns and their dictionaries, sources
	Index     int64 // of the newest generation: data derived from the records for searches, filters and sorts
	Documents int64 // known data of each document and workflow besides the record
	Sums      int64 // of the newest generation
	Changes   int64 // differences between generations
	Heard     int64 // when agents were heard of in the last minutes

	// Within Options.Memory.
	Segments int64 // compressed forms of blocks
	Kept     int64 // memory that only superseded generations hold

	Workflows, DocumentCount, SumCount, ChangeCount, HeardCount, SegmentCount, KeptCount int
}

// accounting is the result of earlier counts.
type accounting struct {
	pending int64        // approximate bytes added since the last count; the writer's
	weighed time.Time    // when documents were last weighed; the writer's
	weight  atomic.Int64 // of the known data of documents, bytes
	number  atomic.Int64 // of documents

	mu       sync.Mutex // guards counting and the fields below
	last     Account
	borrowed bool      // the loan is in use
	said     int64     // broken promises already logged
	sayAt    time.Time // no further log line before
}
