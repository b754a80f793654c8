package answer

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// Generation is the generation of an answer. Values are compared: the same
// generation must be the same value.
type Generation interface {
	ID() string
	Time() time.Time
	// Promise records that an answer contained the address of another page of
	// the generation, so it must be kept for some time from now on.
	Promise()
}

// answerCache has the answers of the newest generation by their cache keys. It
// saves parsing the request and computing the result, not the body, whose
// chunks belong to the store or the cache. It is emptied with its generation
// and when the state of the source changes; an answer with a part that was
// read on demand expires when that part would be read again. So nothing in it
// can be outdated. The gain is in docs/explanation/decisions/0006.
type answerCache struct {
	most   int64 // bytes
	newest atomic.Pointer[answersOf]
}

// answersOf are the answers of one generation, in one state of the source.
type answersOf struct {
	generation Generation
	stale      bool
	reason     string

	mu      sync.RWMutex
	answers map[cacheKey]*cachedAnswer
	bytes   int64
}

// cacheKey is everything in a request that an answer depends on.
type cacheKey struct{ path, query, accept, encoding, prefix string }

// Key is the cache key of an answer; the zero value caches nothing.
type Key struct {
	of  *answersOf
	key cacheKey
}

// cachedAnswer is a complete answer. It is immutable and shared by all
// requests that get it.
type cachedAnswer struct {
	header http.Header
	lines  []byte   // the same as header lines
	length []string // Content-Length
	body   made
	tag    string

	stream, promises bool
	expires          time.Time // zero: with its generation

	cost int64 // bytes that keeping it takes
}

// Limits of the answers that are kept of one generation.
const (
	mostAnswers = 1024
	mostOfOne   = 16 // the largest part of the cache for one answer: one nth
	longestKey  = 2 << 10
)

// keyOf returns the cache key of a request; ok is false if the request is too
// long, or if a header appears twice.
func keyOf(c echo.Context) (k cacheKey, ok bool) {
	req := c.Request()
	ok = true
	one := func(name string) string {
		values := req.Header[name]
		if len(values) == 0 {
			return ""
		}
		ok = ok && len(values) == 1
		return values[0]
	}
	k = cacheKey{req.URL.Path, req.URL.RawQuery, one("Accept"), one("Accept-Encoding"), one(wire.HeaderPrefix)}
	return k, ok && len(k.path)+len(k.query)+len(k.accept)+len(k.encoding)+len(k.prefix) <= longestKey
}
