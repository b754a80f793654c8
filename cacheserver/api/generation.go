package api

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// cached returns the newest generation's answer to the same request; if ok is
// false the answer may be cached under key.
func (a *API) cached(c echo.Context) (cached answer.Cached, ok bool, key answer.Key) {
	newest, ok := a.o.Store.Newest()
	if !ok {
		return cached, false, key
	}
	return a.sender.Cached(c, newest)
}

// notReady returns the problem that the first full read has not finished, with
// its progress.
func (a *API) notReady() *wire.Problem { return wire.NotReadyYet(a.readingText()) }

// readingText describes the progress of the running full read; "" when there
// is none.
func (a *API) readingText() string {
	if a.o.Reading == nil {
		return ""
	}
	var parts []string
	for _, r := range a.o.Reading() {
		parts = append(parts, answer.OneLine(r.Text()))
	}
	return strings.Join(parts, "; ")
}

// await waits for the generations that a request names, if other servers with the
// same generations may be ahead of this one.
func (a *API) await(c echo.Context) error {
	if a.o.Await == nil {
		return nil
	}
	v := c.QueryParams()
	read, _, _ := strings.Cut(v.Get("read"), ".") // see store.AsOf.Name
	for _, id := range []string{v.Get("gen"), v.Get("since"), read, c.Request().Header.Get("Last-Event-ID")} {
		if id != "" && !a.o.Await(c.Request().Context(), id) {
			return wire.NotReadyHere(id)
		}
	}
	return nil
}

// generation returns the generation of the query: the newest, or the pinned
// one. Reading a pinned one extends its life. Reads of it spend the budget
// that the context of the request has from now on.
func (a *API) generation(c echo.Context, q wire.Query) (*store.Generation, error) {
	a.bound(c)
	newest, ok := a.o.Store.Newest()
	if !ok {
		return nil, a.notReady()
	}
	if q.Gen == "" {
		return newest, nil
	}
	pinned, ok := a.o.Store.Generation(q.Gen)
	if !ok {
		return nil, wire.GenerationExpired(q.Gen, restartURL(c), continueURL(c, q))
	}
	return pinned, nil
}
