package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// maxWait is the maximum of timeout= of a long poll.
const maxWait = 5 * time.Minute

// feeds are the values of feed=, the default first.
var feeds = []string{"normal", "longpoll", "sse"}

func (a *API) parseChanges(c echo.Context) (r changeRequest, err error) {
	v := c.QueryParams()
	for _, name := range []string{"since", "feed", "timeout", "include"} {
		if len(v[name]) > 1 {
			return r, wire.BadValue(name, fmt.Sprintf("%q appears more than once.", name))
		}
	}
	if r.filter, err = parseFilter(v, "since", "feed", "timeout", "include"); err != nil {
		return r, err
	}
	if r.filter.Gen != "" {
		return r, wire.BadValue("gen", "Changes always lead to the newest generation; use since= to set where they start.")
	}
	for _, t := range r.filter.Terms {
		if t.Op == wire.MinAge || t.Op == wire.MaxAge {
			return r, wire.BadValue(t.Field, "Ages change without changes of documents, so they can't be followed: filter by time, or read the list.")
		}
	}
	r.since = v.Get("since")
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
		r.since = last
	}
	r.feed, r.wait = feeds[0], a.o.Feeds.Wait
	if feed, given := v["feed"]; given {
		r.feed = feed[0]
	}
	switch include, given := v["include"]; {
	case !given:
	case include[0] == "records":
		r.records = true
	default:
		return r, wire.BadValue("include", "The value must be records.")
	}
	return r, r.readWait(v["timeout"])
}

func (r *changeRequest) readWait(given []string) error {
	switch r.feed {
	case "normal", "longpoll", "sse":
	default:
		p := wire.BadValue("feed", "The value must be one of: "+strings.Join(feeds, ", ")+".")
		p.DidYouMean = wire.Near(r.feed, feeds, 1)
		return p
	}
	if len(given) == 0 {
		return nil
	}
	if r.feed != "longpoll" {
		return wire.BadValue("timeout", "timeout= requires feed=longpoll.")
	}
	wait, err := time.ParseDuration(given[0])
	if err != nil || wait < 0 || wait > maxWait {
		return wire.BadValue("timeout", fmt.Sprintf("The value must be a duration up to %s, such as 30s.", maxWait))
	}
	r.wait = wait
	return nil
}

// listChanges handles GET /changes: the changes since a generation, at once,
// as soon as there are any, or as a stream.
func (a *API) listChanges(c echo.Context) error {
	r, err := a.parseChanges(c)
	if err != nil {
		return err
	}
	if r.feed == "sse" {
		return a.streamChanges(c, r)
	}
	if _, err := chooseFormat(c, r.filter.Format, wire.JSON); err != nil {
		return err
	}
	began, unbounded := a.o.Now(), c.Request().Context()
	a.bound(c)
	change, err := a.changeSince(c.Request().Context(), r.since, r.filter, r.records)
	if err != nil {
		return err
	}
	if r.feed == "longpoll" && !isNews(&change) && !isHead(c) {
		// The wait does not count: the answer has a budget that begins after it.
		a.endBudget(c, c.Path())
		c.SetRequest(c.Request().WithContext(unbounded))
		if change, err = a.awaitChange(c, r); err != nil {
			return err
		}
	}
	generation, ok := a.o.Store.Newest()
	if !ok {
		return a.notReady()
	}
	if change.Generation != generation.ID() {
		if kept, ok := a.o.Store.Generation(change.Generation); ok {
			generation = kept // the headers describe the same generation as the body
		}
	}
	return a.sendObject(c, answerOf(generation, wire.Query{}, wire.JSON, "", began), change)
}

// awaitChange waits for a change that matches, at most as long as requested.
func (a *API) awaitChange(c echo.Context, r changeRequest) (change wire.Change, err error) {
	leave, err := a.enterFeed(c)
	if err != nil {
		return change, err
	}
	defer leave()
	if err := keepOpen(c); err != nil {
		return change, err
	}
	ctx := c.Request().Context()
	over := time.NewTimer(r.wait)
	defer over.Stop()
	from := r.since
	var quiet <-chan time.Time // not nil: wait before checking again, because checking has a cost
	for {
		look := a.newBudget(ctx, c.Request()) // its own budget: most of the time it waits
		change, err = a.changeSince(look, from, r.filter, r.records)
		look.End()
		if err != nil || isNews(&change) {
			change.Previous = previous(&change, r.since)
			return change, err
		}
		// A change that does not match is not checked again.
		if from != r.since && from != change.Generation && quiet == nil {
			quiet = time.After(a.o.Feeds.Interval)
		}
		from = change.Generation
		news := a.o.Store.Wait(from)
		if quiet != nil {
			news = nil
		}
		select {
		case <-quiet:
			quiet = nil
		case <-news:
		case <-over.C:
			change.Previous = r.since
			return change, nil
		case <-a.drained:
			change.Previous = r.since
			return change, nil
		case <-ctx.Done():
			return change, fmt.Errorf("wait for a change: %w", ctx.Err())
		}
	}
}

// previous returns the generation that a change is relative to.
func previous(change *wire.Change, since string) string {
	if change.Event == wire.EventReset {
		return ""
	}
	return since
}
