package answer

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// Send sends an answer, or 304 if the client has it.
func (s *Sender) Send(c echo.Context, a Answer) error {
	if a.Stream {
		leave, err := s.enter(c)
		if err != nil {
			return err
		}
		defer leave()
	}
	filter := s.o.Now().Sub(a.Began)
	s.describe(c.Response().Header(), &a)
	if a.Plain != "" {
		chunks, size, _ := a.Body.Chunks()
		return s.write(c, &a, made{chunks: chunks, size: size}, filter)
	}
	coding, body := s.choose(c, &a)
	tag := s.etag(&a, coding)
	s.compare(c.Response().Header(), &a, tag, coding)
	if body.chunks == nil && coding != negotiate.Identity {
		body = s.madeBefore(tag)
	}
	same, ctx := holds(c, tag), c.Request().Context()
	if body.chunks == nil && !a.Stream && !same {
		var err error
		if body, err = s.make(ctx, &a, coding, tag); err != nil {
			return err
		}
	}
	if a.Promises {
		a.Generation.Promise()
	}
	budget.From(ctx).End() // from here on it is sent at the pace of the reader
	if body.chunks != nil {
		s.keep(c, &a, tag, body)
	}
	switch {
	case same:
		return unchanged(c)
	case a.Stream && body.chunks == nil:
		return s.stream(c, &a, coding, tag, filter)
	}
	return s.write(c, &a, body, filter)
}

// describe sets the headers that describe the data and their format.
func (s *Sender) describe(h http.Header, a *Answer) {
	if a.Media == "" {
		a.Media = a.Format.ContentType()
	}
	h["Content-Type"], h["X-Content-Type-Options"] = []string{a.Media}, nosniff
	if a.Plain != "" {
		h["Cache-Control"] = []string{a.Plain}
	}
	if a.Total != "" {
		h[wire.HeaderTotal] = []string{a.Total}
	}
	if a.Link != "" {
		h[wire.HeaderLink] = []string{a.Link}
	}
	if a.File != "" {
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", a.File+"."+string(a.Format)))
	}
	if a.Generation == nil {
		return
	}
	h[wire.HeaderGeneration], h[wire.HeaderGenerationTime] = []string{a.Generation.ID()}, []string{Timestamp(a.Generation.Time())}
	if reason, stale := s.o.Stale(); stale {
		h.Set(wire.HeaderStale, "1")
		h.Set(wire.HeaderStaleReason, OneLine(reason))
	}
}

// compare sets the headers for caching and revalidation.
func (s *Sender) compare(h http.Header, a *Answer, tag, coding string) {
	h["Etag"], h["Vary"], h["Cache-Control"] = []string{tag}, vary, keepButAsk
	if a.Pinned {
		h["Cache-Control"] = keep
	}
	if coding != negotiate.Identity {
		h["Content-Encoding"] = []string{coding}
	}
}

// choose picks the coding of the body, and returns the body if the store has
// it: that costs nothing, so it comes before zstd. Many segments that are not
// compressed yet are sent one by one: then Segments stays set.
func (s *Sender) choose(c echo.Context, a *Answer) (coding string, body made) {
	given := c.Request().Header["Accept-Encoding"]
	segments := a.Segments
	a.Segments, a.lent = nil, segments != nil
	if len(given) == 0 || !a.Body.AtLeast(smallest) {
		return negotiate.Identity, body
	}
	accept := strings.Join(given, ",")
	if segments != nil && negotiate.Coding(accept, negotiate.Gzip, negotiate.Zstd) == negotiate.Gzip {
		if a.Stream && !segments.Ready() {
			a.Segments = segments
			return negotiate.Gzip, body
		}
		if chunks, size, ok := segments.Chunks(); ok {
			return negotiate.Gzip, made{chunks, size, true}
		}
	}
	return negotiate.Coding(accept, negotiate.Zstd, negotiate.Gzip), body
}
