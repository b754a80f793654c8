package api

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// versionPrefix precedes the versioned alias of every path.
const versionPrefix = "/v1"

// pathName returns the last part of the path, decoded once.
func pathName(c echo.Context) (string, error) {
	name := c.Param("name")
	if c.Request().URL.RawPath != "" { // otherwise it is decoded already
		var err error
		if name, err = url.PathUnescape(name); err != nil {
			return "", wire.BadValue("path", "The path is not correctly encoded.")
		}
	}
	return name, nil
}

// restartURL returns the URL of the request without the parameters that belong
// to one generation.
func restartURL(c echo.Context) string {
	v := maps.Clone(c.QueryParams())
	maps.DeleteFunc(v, func(name string, _ []string) bool {
		return slices.Contains([]string{"gen", "idx", "last", "read"}, strings.ToLower(name))
	})
	return target(c, v)
}

// continueURL returns the URL that continues by name after the last workflow
// that was read. It is empty for another order, or when that workflow is not
// known.
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

// target returns the URL of this resource with other parameters, as the client
// sees it: below the path under which a proxy serves the API.
func target(c echo.Context, v url.Values) string {
	path := forwardedPrefix(c) + c.Request().URL.EscapedPath()
	if query := v.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// base returns the path before the routes, as the client sees it.
func base(c echo.Context) string {
	prefix := forwardedPrefix(c)
	if strings.HasPrefix(c.Request().URL.Path, versionPrefix+"/") {
		return prefix + versionPrefix
	}
	return prefix
}

// plainPrefix matches a path of plain segments: it can neither break out of
// the header that it is written to nor point to another server.
var plainPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+$`)

// forwardedPrefix returns the path that a proxy removed from the request, from
// X-Forwarded-Prefix; "" without one, or if it is not plain.
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
