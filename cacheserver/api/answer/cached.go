package answer

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// Generation is what an answer is cut from. Values are compared: the same one
// has to be the same value.
type Generation interface {
	ID() string
	Time() time.Time
	// Promise says that an answer gave an address of another page of the
	// generation, so that it is to be kept for some time from now on.
	Promise()
}

// answerCache has the answers of the newest generation by the words of their
// requests: what it saves is reading the request and picking again, not the body,
// whose chunks are the store's or the cache's own. It ends with its generation
// and with the state of the source, and an answer of which a part was read on
// demand when that part would be read again: so nothing in it can be old.
// docs/explanation/decisions/0006 has what it gains.
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

// cacheKey is all of a request that an answer depends on.
type cacheKey struct{ path, query, accept, encoding, prefix string }

// Key is what an answer can be kept under; the zero one keeps nothing.
type Key struct {
	of  *answersOf
	key cacheKey
}

// cachedAnswer is an answer of which nothing is left to be made. It is immutable
// and shared by all requests that get it.
type cachedAnswer struct {
	header http.Header
	lines  []byte   // the same as it is sent
	length []string // Content-Length
	body   made
	tag    string

	stream, promises bool
	expires          time.Time // zero: with its generation

	cost int64 // bytes that keeping it takes
}

// Bounds of what is kept of one generation.
const (
	mostAnswers = 1024
	mostOfOne   = 16 // the share of all that one answer may take: one in
	longestKey  = 2 << 10
)

// keyOf reads the words of a request; ok is false when they are too long, or
// when a header is there twice.
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
