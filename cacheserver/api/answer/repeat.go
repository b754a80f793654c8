package answer

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/schema/wire"
)

// Cached is an answer from the answer cache.
type Cached struct {
	sender     *Sender
	generation Generation
	answer     *cachedAnswer
	began      time.Time
}

// Cached returns the newest generation's answer to an identical request. If
// there is none, ok is false, and the answer computed from newest may be
// cached under key.
func (s *Sender) Cached(c echo.Context, newest Generation) (cached Cached, ok bool, key Key) {
	began := s.o.Now()
	words, ok := keyOf(c)
	if !ok {
		return cached, false, key
	}
	reason, stale := s.o.Stale()
	of := s.cache.newest.Load()
	if of == nil || of.generation != newest || of.stale != stale || of.reason != reason {
		fresh := &answersOf{generation: newest, stale: stale, reason: reason, answers: map[cacheKey]*cachedAnswer{}}
		if !s.cache.newest.CompareAndSwap(of, fresh) {
			return cached, false, key // replaced concurrently, perhaps for a newer generation
		}
		of = fresh
	}
	of.mu.RLock()
	found := of.answers[words]
	of.mu.RUnlock()
	if found == nil || !found.expires.IsZero() && !began.Before(found.expires) {
		return cached, false, Key{of, words}
	}
	return Cached{s, newest, found, began}, true, key
}

// Send sends the answer, or 304 if the client has it.
func (k Cached) Send(c echo.Context) error {
	s, found := k.sender, k.answer
	if found.stream {
		leave, err := s.enter(c)
		if err != nil {
			return err
		}
		defer leave()
	}
	if found.promises {
		k.generation.Promise()
	}
	conn := onewrite.From(c.Request().Context())
	same := holds(c, found.tag)
	if !same && conn != nil && onewrite.Fits(c.Response().Writer) {
		return s.writeCached(c, conn, found, k.began)
	}
	maps.Copy(c.Response().Header(), found.header)
	if same {
		return unchanged(c)
	}
	again := Answer{Began: k.began}
	return s.write(c, &again, found.body, 0)
}

// keep caches an answer whose header is complete, if it has a key. Headers of
// a single request (its id, whether its connection ends) are left out. If
// there is no room, all other answers are dropped.
func (s *Sender) keep(c echo.Context, a *Answer, tag string, body made) {
	of := a.Key.of
	if of == nil || of.generation != a.Generation || a.Pinned || a.Fresh {
		return
	}
	const perAnswer, perChunk = 1 << 10, 24
	cost := int64(perAnswer + perChunk*len(body.chunks))
	if !body.lent {
		cost += body.size
	}
	if cost > s.cache.most/mostOfOne {
		return
	}
	one := &cachedAnswer{
		header: maps.Clone(c.Response().Header()), body: body, tag: tag, cost: cost,
		stream: a.Stream, promises: a.Promises, expires: a.Expires,
	}
	delete(one.header, wire.HeaderRequestID)
	delete(one.header, "Connection")
	one.lines, one.length = headerLines(one.header), []string{strconv.FormatInt(body.size, 10)}
	k := cacheKey{ // a substring of the request would keep all of its header in memory
		strings.Clone(a.Key.key.path), strings.Clone(a.Key.key.query), strings.Clone(a.Key.key.accept),
		strings.Clone(a.Key.key.encoding), strings.Clone(a.Key.key.prefix),
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if old := of.answers[k]; old != nil {
		of.bytes -= old.cost
	}
	if of.bytes+cost > s.cache.most || len(of.answers) >= mostAnswers {
		clear(of.answers)
		of.bytes = 0
	}
	of.answers[k] = one
	of.bytes += cost
}

// Held returns the memory of the cached answers, in bytes, and their number.
func (s *Sender) Held() (bytes, n int64) {
	of := s.cache.newest.Load()
	if of == nil {
		return 0, 0
	}
	of.mu.RLock()
	defer of.mu.RUnlock()
	return of.bytes, int64(len(of.answers))
}
