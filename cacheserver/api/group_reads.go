package api

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// groupReads are lists of totals whose pages clients may still follow and that
// change while their generation does not. Each is stored under the hash of its
// content, so that an unchanged list is stored once.
type groupReads struct {
	mu    sync.Mutex
	reads map[string]*groupRead
	bytes int64
}

type groupRead struct {
	records any   // []T
	bytes   int64 // approximate memory
	until   time.Time
}

const (
	readsPromised = 15 * time.Minute
	mostReads     = 16 << 20 // bytes; beyond this limit the oldest is dropped
)

// keepRead keeps a list for as long as URLs that name it are valid.
func keepRead[T any](r *groupReads, list []T, now time.Time) (id string) {
	id, size := readID(list)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reads == nil {
		r.reads = map[string]*groupRead{}
	}
	if old := r.reads[id]; old != nil {
		old.until = now.Add(readsPromised)
		return id
	}
	r.reads[id] = &groupRead{list, size, now.Add(readsPromised)}
	r.bytes += size
	for name, read := range r.reads {
		if now.After(read.until) {
			r.drop(name)
		}
	}
	for r.bytes > mostReads && len(r.reads) > 1 {
		oldest := ""
		for name, read := range r.reads {
			if name != id && (oldest == "" || read.until.Before(r.reads[oldest].until)) {
				oldest = name
			}
		}
		r.drop(oldest)
	}
	return id
}

func (r *groupReads) drop(id string) {
	r.bytes -= r.reads[id].bytes
	delete(r.reads, id)
}

// readAgain returns the list that a URL names: the current one if it is the
// same.
func readAgain[T any](r *groupReads, c echo.Context, given []string, now []T) ([]T, error) {
	if len(given) > 1 || given[0] == "" {
		return nil, wire.BadValue("read", fmt.Sprintf("%q belongs to the URLs in Link headers; use it once and unchanged.", "read"))
	}
	r.mu.Lock()
	read := r.reads[given[0]]
	r.mu.Unlock()
	if read != nil {
		if list, ok := read.records.([]T); ok {
			return list, nil
		}
	}
	if id, _ := readID(now); id == given[0] {
		return now, nil
	}
	p := wire.GenerationExpired(given[0], restartURL(c), "")
	p.Param, p.Detail = "read", "The list of that time is no longer available."
	return nil, p
}

// readID returns a name for the content of a list, and its approximate memory.
func readID[T any](list []T) (id string, size int64) {
	var all []byte
	for i := range list {
		all = append(schema.AppendJSON(all, &list[i]), '\n')
	}
	return strconv.FormatUint(xxhash.Sum64(all), 16), int64(len(all))
}

// held returns the memory of the lists, in bytes, and their number.
func (r *groupReads) held() (bytes, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes, int64(len(r.reads))
}
