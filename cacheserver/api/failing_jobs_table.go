package api

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/failures"
)

// failingJobsTable is one read of the failing jobs of all workflows.
type failingJobsTable struct {
	*failures.Table

	id    string
	time  time.Time // when the read began
	took  time.Duration
	stale string // why there is no newer one, although it is due
}

// share limits the part of its time that a source spends on these reads to one
// twentieth. Measured on CouchDB 3.5, a group costs it 0.1 ms, so a million of
// them take minutes.
const share = 20

// good returns how long a read is valid.
func (t *failingJobsTable) good(keep time.Duration) time.Duration { return max(keep, share*t.took) }

// failingJobsTables holds the last reads. They are not in the cache: it may
// drop a value at any time, and the next request would read everything from
// the source again. The last but one is kept for clients that are paging.
type failingJobsTables struct {
	mu     sync.Mutex
	tables []*failingJobsTable // newest last
	tag    string              // of this process, in the ids of its tables
	count  int
}

// mostTables is the maximum number of held reads.
const mostTables = 2

// tagLength is the length of the tag. Generations have no such tag where several servers
// answer as one: each of them has reads of its own.
const tagLength = 8

func (f *failingJobsTables) newest() *failingJobsTable {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.tables) == 0 {
		return nil
	}
	return f.tables[len(f.tables)-1]
}

func (f *failingJobsTables) named(id string) *failingJobsTable {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tables {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (f *failingJobsTables) add(t *failures.Table, at time.Time, took time.Duration) *failingJobsTable {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tag == "" {
		f.tag = strings.ToLower(rand.Text()[:tagLength])
	}
	f.count++
	made := &failingJobsTable{Table: t, id: fmt.Sprintf("%s-e%d", f.tag, f.count), time: at, took: took}
	if f.tables = append(f.tables, made); len(f.tables) > mostTables {
		f.tables = append([]*failingJobsTable(nil), f.tables[1:]...)
	}
	return made
}

// held returns the memory of the tables, in bytes, and their number.
func (f *failingJobsTables) held() (bytes, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tables {
		bytes += t.Bytes()
	}
	return bytes, int64(len(f.tables))
}
