package api

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// generation picks the generation that the query is about: the newest, or the one
// that it pins. Reading a pinned one prolongs it. What is asked of it spends the
// budget that the context of the request has from now on.
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

// onlyParams returns the parameters, which must not be changed, and refuses others
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

func isHead(c echo.Context) bool { return c.Request().Method == http.MethodHead }
