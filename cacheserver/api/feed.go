package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// mediaEvents is the media type of a stream of events.
const mediaEvents = "text/event-stream"

// streamChanges sends changes as server-sent events until the client leaves.
// Nothing is queued for a reader: an event is built when it can be sent, from
// the reader's generation to the newest, so a slow reader gets fewer and larger
// events, and one that stops reading is dropped.
func (a *API) streamChanges(c echo.Context, r changeRequest) error {
	// An invalid request is rejected before the stream starts.
	a.bound(c)
	change, err := a.changeSince(c.Request().Context(), r.since, r.filter, r.records)
	budget.From(c.Request().Context()).End()
	if err != nil {
		return err
	}
	leave, err := a.enterFeed(c)
	if err != nil {
		return err
	}
	defer leave()
	if err := keepOpen(c); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", mediaEvents)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not buffer events
	h.Set("X-Content-Type-Options", "nosniff")
	c.Response().WriteHeader(http.StatusOK)
	if isHead(c) {
		return nil
	}
	s := &stream{api: a, asked: c.Request(), request: r, w: c.Response(), control: http.NewResponseController(c.Response())}
	if err := s.send([]byte("retry: 2000\n\n")); err != nil {
		return err
	}
	return s.follow(c.Request().Context(), change)
}

// stream is one reader of events.
type stream struct {
	api     *API
	asked   *http.Request
	request changeRequest
	w       http.ResponseWriter
	control *http.ResponseController
	told    string // generation that the reader has
}

// follow sends change, and then all later changes.
func (s *stream) follow(ctx context.Context, change wire.Change) error {
	o := s.api.o.Feeds
	heart := time.NewTicker(o.Heartbeat)
	defer heart.Stop()
	for {
		if isNews(&change) {
			if err := s.sendChange(&change); err != nil {
				return err
			}
		}
		s.told = change.Generation
		// Also after a change that did not match: checking has a cost.
		if done, err := s.pause(ctx, heart.C, o.Interval); done || err != nil {
			return err
		}
		if done, err := s.await(ctx, heart.C, s.api.o.Store.Wait(s.told)); done || err != nil {
			return err
		}
		var err error
		if change, err = s.next(ctx, heart.C); err != nil {
			return err
		}
	}
}

// next returns the next event. While the server is too busy, the reader waits:
// a later event has everything that it missed.
func (s *stream) next(ctx context.Context, heart <-chan time.Time) (change wire.Change, err error) {
	for {
		look := s.api.newBudget(ctx, s.asked)
		change, err = s.api.changeSince(look, s.told, s.request.filter, s.request.records) //nolint:contextcheck // look is derived from ctx
		look.End()
		if p := wire.ProblemOf(err); p == nil || p.Slug() != wire.SlugRateLimited {
			return change, err
		}
		if done, err := s.pause(ctx, heart, s.api.o.Feeds.Interval); done || err != nil {
			return wire.Change{Generation: s.told, Event: wire.EventGeneration}, err
		}
	}
}

func (s *stream) pause(ctx context.Context, heart <-chan time.Time, d time.Duration) (done bool, err error) {
	over := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	return s.await(ctx, heart, over)
}

// await sends heartbeats until the channel is closed; done is true if the
// stream should end instead.
func (s *stream) await(ctx context.Context, heart <-chan time.Time, closed <-chan struct{}) (done bool, err error) {
	for {
		select {
		case <-closed:
			return false, nil
		case <-heart:
			// An id without data is not an event, but a reader resumes from
			// it.
			if err := s.send([]byte(": heartbeat\nid: " + s.told + "\n\n")); err != nil {
				return true, err
			}
		case <-s.api.drained:
			return true, s.send([]byte(wire.LastEvent))
		case <-ctx.Done():
			return true, nil
		}
	}
}

func (s *stream) sendChange(change *wire.Change) error {
	data, err := encode(change)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", change.Generation, change.Event, bytes.TrimSuffix(data, []byte("\n")))
	return s.send(b.Bytes())
}

// send writes without delay. The connection limits how long a reader may take.
func (s *stream) send(text []byte) error {
	if _, err := s.w.Write(text); err != nil {
		return fmt.Errorf("%w: %w", errDropped, err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errDropped, err)
	}
	return nil
}

// keepOpen removes the timeouts of an http.Server, which are meant for
// requests that are answered at once.
func keepOpen(c echo.Context) error {
	control := http.NewResponseController(c.Response())
	for _, set := range []func(time.Time) error{control.SetReadDeadline, control.SetWriteDeadline} {
		if err := set(time.Time{}); err != nil {
			return fmt.Errorf("keep a feed open: %w", err)
		}
	}
	return nil
}
