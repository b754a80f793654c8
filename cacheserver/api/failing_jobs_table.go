package api

import (
	"fmt"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/failures"
)

// errorTable is one read of the failing jobs of all workflows.
type errorTable struct {
	*failures.Table

	id    string
	time  time.Time // when the read began
	took  time.Duration
	stale string // why there is no newer one, when there should be
}

// share is how much of its time a source spends on these reads at most: one
// twentieth. Measured on CouchDB 3.5, a group costs it 0.1 ms, so that a million
// of them take minutes.
const share = 20

// good is how long a read is good.
func (t *errorTable) good(keep time.Duration) time.Duration { return max(keep, share*t.took) }

// errorTables holds the last reads. They are not in the cache: it may forget or
// drop a value at any time, and the next request would ask the source for
// everything again. The one before the last is there for those who page.
type errorTables struct {
	mu     sync.Mutex
	tables []*errorTable // newest last
	count  int
}

// keptTables is how many reads are held.
const keptTables = 2

func (e *errorTables) newest() *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.tables) == 0 {
		return nil
	}
	return e.tables[len(e.tables)-1]
}

func (e *errorTables) named(id string) *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.tables {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (e *errorTables) add(process string, t *failures.Table, at time.Time, took time.Duration) *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	made := &errorTable{Table: t, id: fmt.Sprintf("%s-e%d", process, e.count), time: at, took: took}
	if e.tables = append(e.tables, made); len(e.tables) > keptTables {
		e.tables = append([]*errorTable(nil), e.tables[1:]...)
	}
	return made
}

// held is the memory of the tables, in bytes, and their number.
func (e *errorTables) held() (bytes, n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.tables {
		bytes += t.Bytes()
	}
	return bytes, int64(len(e.tables))
}
