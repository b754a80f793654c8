package api

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// recent are the answers of the newest generation to questions that were asked
// before, word for word: what is saved is reading the question again, not the
// body, whose pieces are the store's or the cache's own. It ends with its
// generation, and an answer of which a part was read on demand when that part
// would be read again: so nothing in it can be old.
type recent struct {
	most   int64 // bytes
	newest atomic.Pointer[recentOf]
}

// recentOf are the answers of one generation, in one state of the source.
type recentOf struct {
	snap   *store.Snapshot
	stale  bool
	reason string

	mu      sync.RWMutex
	answers map[words]*ready
	bytes   int64
}

// words are all of a request that an answer depends on.
type words struct{ path, query, accept, encoding, prefix string }

// question is a request that may be answered from here; the zero one may not.
type question struct {
	of    *recentOf
	words words
}

// Bounds of what is noted for one generation.
const (
	mostAnswers  = 1024
	mostOfOne    = 16 // the share of all that one answer may take: one in
	longestWords = 2 << 10
)

// ask finds the answer to a request, or nil and, if the answer can be noted,
// the question to note it under.
func (r *recent) ask(c echo.Context, snap *store.Snapshot, state store.SourceState, now time.Time) (answer *ready, q question) {
	w, ok := wordsOf(c)
	if !ok {
		return nil, q
	}
	of := r.newest.Load()
	if of == nil || of.snap != snap || of.stale != state.Stale || of.reason != state.Reason {
		fresh := &recentOf{snap: snap, stale: state.Stale, reason: state.Reason, answers: map[words]*ready{}}
		if !r.newest.CompareAndSwap(of, fresh) {
			return nil, q // somebody else did, perhaps for a newer one
		}
		of = fresh
	}
	of.mu.RLock()
	found := of.answers[w]
	of.mu.RUnlock()
	if found != nil && found.good(now) {
		return found, q
	}
	return nil, question{of, w}
}

// asked looks whether the newest generation has answered the request before. If
// not, an answer made of newest may be noted under the question.
func (a *API) asked(c echo.Context, now time.Time) (newest *store.Snapshot, answered *ready, q question) {
	newest, ok := a.o.Store.Snapshot()
	if !ok {
		return nil, nil, q
	}
	answered, q = a.recent.ask(c, newest, a.o.Store.Source(), now)
	return newest, answered, q
}

func wordsOf(c echo.Context) (w words, ok bool) {
	req := c.Request()
	one := func(name string) string {
		values := req.Header[name]
		switch len(values) {
		case 0:
			return ""
		case 1:
			return values[0]
		}
		w.path = ""
		return ""
	}
	w.path, w.query = req.URL.Path, req.URL.RawQuery
	w.accept, w.encoding, w.prefix = one("Accept"), one("Accept-Encoding"), one(wire.HeaderPrefix)
	return w, w.path != "" && len(w.path)+len(w.query)+len(w.accept)+len(w.encoding)+len(w.prefix) <= longestWords
}

// put notes an answer. When there is no room another one goes.
func (r *recent) put(q question, answer *ready) {
	const perAnswer, perPiece = 1 << 10, 24
	cost := int64(perAnswer + perPiece*len(answer.pieces))
	if len(answer.pieces) == 1 {
		cost += int64(len(answer.pieces[0])) // of its own, not a segment of the store
	}
	if cost > r.most/mostOfOne {
		return
	}
	w := words{ // texts of a request would keep all of its header
		strings.Clone(q.words.path), strings.Clone(q.words.query), strings.Clone(q.words.accept),
		strings.Clone(q.words.encoding), strings.Clone(q.words.prefix),
	}
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	if old := q.of.answers[w]; old != nil {
		q.of.bytes -= old.cost
	}
	if q.of.bytes+cost > r.most || len(q.of.answers) >= mostAnswers {
		clear(q.of.answers)
		q.of.bytes = 0
	}
	answer.cost = cost
	q.of.answers[w] = answer
	q.of.bytes += cost
}

// held is the memory of the answers that are noted, in bytes, and their number.
func (r *recent) held() (bytes, n int64) {
	of := r.newest.Load()
	if of == nil {
		return 0, 0
	}
	of.mu.RLock()
	defer of.mu.RUnlock()
	return of.bytes, int64(len(of.answers))
}
