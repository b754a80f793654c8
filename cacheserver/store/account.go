package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// Account is what the store holds, in bytes, each piece in one part only.
type Account struct {
	Records   int64 // of the newest generation: encoded, columns and their dictionaries, what they were made of
	Index     int64 // of the newest generation: what searches, filters and sorts have made of the records
	Documents int64 // what is known of each document and workflow beside the record
	Sums      int64 // of the newest generation
	Changes   int64 // differences between generations

	// Within Options.Memory.
	Segments int64 // compressed forms of blocks
	Kept     int64 // what superseded generations alone hold

	Workflows, DocumentCount, SumCount, ChangeCount, SegmentCount, KeptCount int
}

// accounting is what the counts before have found.
type accounting struct {
	pending int64        // about what has come since the last one; of the writer
	weighed time.Time    // when documents were weighed; of the writer
	weight  atomic.Int64 // of what is known of documents, bytes
	number  atomic.Int64 // of documents

	mu       sync.Mutex // of those who count
	last     Account
	borrowed bool      // the loan is taken
	said     int64     // broken promises that the log has
	sayAt    time.Time // when it may say more
}
