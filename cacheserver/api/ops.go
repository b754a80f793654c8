package api

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

const mediaText = "text/plain; charset=utf-8"

// showPulse handles GET /pulse: the CacheInfo record with a count, also before the first
// generation. Its tag is weak and leaves out the time of the last check, which
// moves all the time and is no news.
func (a *API) showPulse(c echo.Context) error {
	if _, err := onlyParams(c); err != nil {
		return err
	}
	a.bound(c)
	total := a.attentionTotal(c.Request().Context())
	info := wire.Pulse{CacheInfo: a.o.Store.Info(), Attention: total}
	h := c.Response().Header()
	news := info
	news.CheckTime = 0
	encoded, err := encode(news)
	if err != nil {
		return err
	}
	tag := `W/"` + strconv.FormatUint(xxhash.Sum64(encoded), 16) + `"`
	h.Set("Etag", tag)
	h.Set("Cache-Control", cacheControl(false))
	h.Set("Vary", "Accept, Accept-Encoding")
	if snap, ok := a.o.Store.Snapshot(); ok {
		a.describeState(c, snap)
	}
	if negotiate.Matches(c.Request().Header.Get("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return a.writeJSON(c, http.StatusOK, wire.MediaJSON, info)
}

// showLive handles GET /livez: it answers, so it lives.
func (a *API) showLive(c echo.Context) error { return a.writeText(c, http.StatusOK, "ok\n") }

// showReady handles GET /readyz. A stale source does not make it fail: the last
// good generation is served.
func (a *API) showReady(c echo.Context) error {
	_, loaded := a.o.Store.Snapshot()
	source := a.o.Store.Source()
	checks := []health.Check{
		{Name: "generation", OK: loaded, Needed: true, Note: "the first full read has ended"},
		{Name: "serving", OK: !a.draining(), Needed: true, Note: "the server is not going down"},
		a.sourceCheck(source, loaded),
	}
	if a.o.Checks != nil {
		checks = append(checks, a.o.Checks()...)
	}
	if a.o.Checkpoint != nil {
		if ok, note := a.o.Checkpoint(); note != "" {
			checks = append(checks, health.Check{Name: "checkpoint", OK: ok, Note: note})
		}
	}
	isReady, text := health.Report(checks)
	status := http.StatusOK
	if !isReady {
		status = http.StatusServiceUnavailable
	}
	if status != http.StatusOK {
		c.Response().Header().Set("Retry-After", "2")
	}
	if _, verbose := c.QueryParams()["verbose"]; verbose {
		return a.writeText(c, status, text)
	}
	if status == http.StatusOK {
		return a.writeText(c, status, "ok\n")
	}
	return a.writeText(c, status, "not ready\n")
}

// sourceNote says whether all that the source has is here, and what is not as it
// should be.
func sourceNote(source store.SourceState) string {
	note := "all changes of the source are here"
	if source.Stale {
		note = "the records are stale: " + oneLine(source.Reason)
	}
	for _, p := range source.Polled {
		note += "; " + oneLine(p.Database) + " is polled: " + oneLine(p.Why)
	}
	return note
}

// sourceCheck says how the source is, also while it is read for the first time.
func (a *API) sourceCheck(source store.SourceState, loaded bool) health.Check {
	c := health.Check{Name: "source", OK: !source.Stale, Note: sourceNote(source)}
	switch reading := a.readingText(); {
	case source.Stale && reading != "":
		c.Note += "; it is being read: " + reading
	case source.Stale:
	case reading != "":
		c.OK, c.Note = loaded, "it is being read: "+reading
	case source.CheckTime.IsZero() && !loaded:
		c.OK, c.Note = false, "it has not answered yet"
	}
	return c
}

// readingText says how far the full read under way is; "" when there is none.
func (a *API) readingText() string {
	if a.o.Reading == nil {
		return ""
	}
	var parts []string
	for _, r := range a.o.Reading() {
		parts = append(parts, oneLine(r.Text()))
	}
	return strings.Join(parts, "; ")
}

// notReady says that the first full read has not ended, and how far it is.
func (a *API) notReady() *wire.Problem { return wire.NotReadyYet(a.readingText()) }

// showVersion handles GET /version.
func (a *API) showVersion(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", cacheControl(false))
	return a.writeJSON(c, http.StatusOK, wire.MediaJSON, a.o.Build)
}

// listQuarantine handles GET /quarantine.
func (a *API) listQuarantine(c echo.Context) error {
	fields := schema.Describe[Quarantined]()
	p, err := parseListParams(c, fields)
	if err != nil {
		return err
	}
	var list []Quarantined
	if a.o.Quarantine != nil {
		list = a.o.Quarantine()
	}
	return writeRecords(c, a, nil, p, "quarantine", fields, list)
}

// listProblems handles GET /problems.
func (a *API) listProblems(c echo.Context) error {
	var text strings.Builder
	for _, k := range wire.Kinds() {
		fmt.Fprintf(&text, "/problems/%-20s %d  %s\n", k.Slug, k.Status, k.Title)
	}
	return a.writeText(c, http.StatusOK, text.String())
}

// showProblem handles GET /problems/{slug}.
func (a *API) showProblem(c echo.Context) error {
	name, err := pathName(c)
	if err != nil {
		return err
	}
	kind, ok := wire.KindOf(wire.Slug(name))
	if !ok {
		var slugs []string
		for _, k := range wire.Kinds() {
			slugs = append(slugs, string(k.Slug))
		}
		return wire.NotFound("problem", name, wire.Near(name, slugs, 3))
	}
	h := c.Response().Header()
	h.Set("Vary", "Accept")
	asked := strings.Join(c.Request().Header.Values("Accept"), ",")
	if i, ok := negotiate.Media(asked, [][]string{{"text/plain"}, {mediaHTML}}); ok && i == 1 {
		var page strings.Builder
		if err := problemPage.Execute(&page, kind); err != nil {
			return fmt.Errorf("make the page of a problem: %w", err)
		}
		h.Set("Content-Type", mediaHTML+"; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'")
		return a.writeText(c, http.StatusOK, page.String())
	}
	return a.writeText(c, http.StatusOK, fmt.Sprintf("%s\n\nStatus %d, type /problems/%s\n\n%s\n", kind.Title, kind.Status, kind.Slug, kind.Help))
}

const mediaHTML = "text/html"

// problemPage is what browsers get of a problem.
var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} · WMStats</title></head>
<body><main><h1>{{.Title}}</h1>
<p>Status {{.Status}}, type <code>/problems/{{.Slug}}</code></p>
<p>{{.Help}}</p>
<p><a href="../problems">all problems</a></p></main></body></html>
`))

// showIndex handles GET /.
func (a *API) showIndex(c echo.Context) error {
	var text strings.Builder
	text.WriteString("WMStats cache server\n\n")
	for _, r := range a.table() {
		fmt.Fprintf(&text, "  %-18s %s\n", strings.Replace(r.path, ":name", "{name}", 1), r.doc)
	}
	text.WriteString("\nAll of it is under /v1 too.\n")
	return a.writeText(c, http.StatusOK, text.String())
}

func (a *API) writeText(c echo.Context, status int, text string) error {
	h := c.Response().Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", mediaText)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	c.Response().WriteHeader(status)
	if isHead(c) {
		return nil
	}
	if _, err := c.Response().Write([]byte(text)); err != nil {
		return fmt.Errorf("send a text: %w", err)
	}
	return nil
}
