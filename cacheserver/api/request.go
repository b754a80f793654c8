package api

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// snapshot picks the generation that the query is about: the newest, or the one
// that it pins. Reading a pinned one prolongs it. What is asked of it spends the
// budget that the context of the request has from now on.
func (a *API) snapshot(c echo.Context, q wire.Query) (*store.Snapshot, error) {
	a.bound(c)
	newest, ok := a.o.Store.Snapshot()
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

// restartURL is the request without what belongs to one generation.
func restartURL(c echo.Context) string {
	v := maps.Clone(c.QueryParams())
	maps.DeleteFunc(v, func(name string, _ []string) bool {
		return slices.Contains([]string{"gen", "idx", "last", "read"}, strings.ToLower(name))
	})
	return target(c, v)
}

// continueURL goes on by name after the last workflow that was read. There is
// none when the order is another or when that workflow is not known.
func continueURL(c echo.Context, q wire.Query) string {
	if len(q.Sort) > 0 || (q.Last == "" && q.Idx > 0) {
		return ""
	}
	if q.Last != "" {
		q.After = q.Last
	}
	q.Gen, q.Idx, q.Last = "", 0, ""
	return target(c, q.Values())
}

// target is the address of this resource with other parameters, as the client
// sees it: below the path under which a proxy serves the API.
func target(c echo.Context, v url.Values) string {
	path := forwardedPrefix(c) + c.Request().URL.EscapedPath()
	if query := v.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// base is what comes before the paths of routes where the client sees them.
func base(c echo.Context) string {
	prefix := forwardedPrefix(c)
	if strings.HasPrefix(c.Request().URL.Path, versionPrefix+"/") {
		return prefix + versionPrefix
	}
	return prefix
}

// plainPrefix is a path of plain segments: nothing that could leave the header
// it is written to, or lead to another server.
var plainPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+$`)

// forwardedPrefix is the path that a proxy took away before the request came
// here, from X-Forwarded-Prefix; "" without one, or when it is not plain.
func forwardedPrefix(c echo.Context) string {
	const longest = 128
	given := c.Request().Header[wire.HeaderPrefix]
	if len(given) != 1 {
		return ""
	}
	prefix := strings.TrimSuffix(given[0], "/")
	if len(prefix) > longest || !plainPrefix.MatchString(prefix) {
		return ""
	}
	return prefix
}

// listParams are the parameters of lists that are not lists of workflows.
type listParams struct {
	wire.Query          // Gen, Format, Download
	keys       []string // projection
}

// parseListParams reads gen, format, dl and fields, and leaves those named in own
// to the caller. fields are those of the records of the list; the first, their
// name, is always there.
func parseListParams(c echo.Context, fields []schema.Field, own ...string) (p listParams, err error) {
	v, err := onlyParams(c, append([]string{"gen", "format", "dl", "fields"}, own...)...)
	if err != nil {
		return p, err
	}
	v = maps.Clone(v)
	for _, name := range own {
		delete(v, name)
	}
	asked := v["fields"]
	delete(v, "fields")
	if p.Query, err = wire.ParseQuery(v); err != nil {
		return p, err
	}
	if len(asked) == 0 {
		return p, nil
	}
	p.keys = []string{fields[0].Key}
	for _, name := range strings.Split(strings.Join(asked, ","), ",") {
		i := slices.IndexFunc(fields, func(f schema.Field) bool { return strings.EqualFold(f.Key, name) })
		if i < 0 {
			return p, wire.UnknownField("fields", name, wire.Near(name, keysOf(fields), 3))
		}
		if !slices.Contains(p.keys, fields[i].Key) {
			p.keys = append(p.keys, fields[i].Key)
		}
	}
	return p, nil
}

func keysOf(fields []schema.Field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	return keys
}

// onlyParams gives the parameters, which must not be changed, and refuses others
// than the allowed ones.
func onlyParams(c echo.Context, allowed ...string) (url.Values, error) {
	if c.Request().URL.RawQuery == "" {
		return nil, nil
	}
	v := c.QueryParams()
	unknown, found := "", false // the first of them by name
	for name := range v {
		if !slices.Contains(allowed, name) && (!found || name < unknown) {
			unknown, found = name, true
		}
	}
	if found {
		return nil, wire.UnknownParameter(unknown, wire.Near(unknown, allowed, 3))
	}
	return v, nil
}

// chooseFormat is the representation that the client wants: format= before
// Accept, and JSON if it says nothing.
func chooseFormat(c echo.Context, asked wire.Format, offered ...wire.Format) (wire.Format, error) {
	if asked != "" {
		if slices.Contains(offered, asked) {
			return asked, nil
		}
		return "", wire.NotAcceptable(string(asked), mediaOf(offered))
	}
	if len(c.Request().Header["Accept"]) == 0 {
		return offered[0], nil
	}
	names := make([][]string, 0, len(offered))
	for _, f := range offered {
		names = append(names, f.MediaTypes())
	}
	accept := strings.Join(c.Request().Header.Values("Accept"), ",")
	i, ok := negotiate.Media(accept, names)
	if !ok {
		return "", wire.NotAcceptable(accept, mediaOf(offered))
	}
	return offered[i], nil
}

func mediaOf(formats []wire.Format) []string {
	types := make([]string, 0, len(formats))
	for _, f := range formats {
		types = append(types, f.MediaTypes()[0])
	}
	return types
}

// describeState sets the headers that tell which data these are.
func (a *API) describeState(c echo.Context, snap *store.Snapshot) {
	h := c.Response().Header()
	stamp := a.stampOf(snap)
	h[wire.HeaderGeneration], h[wire.HeaderGenerationTime] = stamp.values[:1:1], stamp.values[1:]
	if state := a.o.Store.Source(); state.Stale {
		h.Set(wire.HeaderStale, "1")
		h.Set(wire.HeaderStaleReason, oneLine(state.Reason))
	}
}

// stamp is what headers say of a generation.
type stamp struct {
	of     *store.Snapshot
	values [2]string // its name and its time
}

// stampOf gives the stamp of a generation; that of the newest is kept.
func (a *API) stampOf(snap *store.Snapshot) *stamp {
	if kept := a.stamp.Load(); kept != nil && kept.of == snap {
		return kept
	}
	fresh := &stamp{snap, [2]string{snap.ID(), timestamp(snap.Time())}}
	if newest, _ := a.o.Store.Snapshot(); newest == snap {
		a.stamp.Store(fresh)
	}
	return fresh
}

// timestamp is a time as the API writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// cacheControl is for the whole answer: what is pinned never changes, all else
// is asked for again.
func cacheControl(pinned bool) string {
	if pinned {
		return "private, max-age=600, immutable"
	}
	return "private, no-cache"
}

func isHead(c echo.Context) bool { return c.Request().Method == http.MethodHead }
