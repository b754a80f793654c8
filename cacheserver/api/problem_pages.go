package api

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/schema/wire"
)

// listProblems handles GET /problems.
func (a *API) listProblems(c echo.Context) error {
	var text strings.Builder
	for _, k := range wire.Kinds() {
		fmt.Fprintf(&text, "/problems/%-20s %d  %s\n", k.Slug, k.Status, k.Title)
	}
	return a.sendText(c, http.StatusOK, mediaText, text.String())
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
		h.Set("Content-Security-Policy", "default-src 'none'")
		return a.sendText(c, http.StatusOK, mediaHTML+"; charset=utf-8", page.String())
	}
	return a.sendText(c, http.StatusOK, mediaText, fmt.Sprintf("%s\n\nStatus %d, type /problems/%s\n\n%s\n\nWhat to do: %s\n", kind.Title, kind.Status, kind.Slug, kind.Help, kind.Action))
}

const mediaHTML = "text/html"

// problemPage is the page of a problem for browsers.
var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} · WMStats</title></head>
<body><main><h1>{{.Title}}</h1>
<p>Status {{.Status}}, type <code>/problems/{{.Slug}}</code></p>
<p>{{.Help}}</p>
<p>What to do: {{.Action}}</p>
<p><a href="../problems">all problems</a></p></main></body></html>
`))
