package api

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/program/basepath"
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
	path := clientPrefix(c) + c.Request().URL.EscapedPath()
	if query := v.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// base returns the path before the routes, as the client sees it.
func base(c echo.Context) string {
	prefix := clientPrefix(c)
	if strings.HasPrefix(c.Request().URL.Path, versionPrefix+"/") {
		return prefix + versionPrefix
	}
	return prefix
}

// clientPrefix returns the path that clients see before the addresses of the API: the
// one that a proxy removed from the request, from X-Forwarded-Prefix, or else the base
// path; "" for the root.
func clientPrefix(c echo.Context) string {
	if prefix, ok := basepath.Forwarded(c.Request().Header); ok {
		return prefix
	}
	return basepath.Seen(c.Request().Context())
}
