package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
)

const mediaText = "text/plain; charset=utf-8"

// showIndex handles GET /.
func (a *API) showIndex(c echo.Context) error {
	var text strings.Builder
	text.WriteString("WMStats cache server\n\n")
	for _, r := range a.table() {
		fmt.Fprintf(&text, "  %-18s %s\n", strings.Replace(r.path, ":name", "{name}", 1), r.doc)
	}
	text.WriteString("\nAll of it is under /v1 too.\n")
	return a.sendText(c, http.StatusOK, mediaText, text.String())
}

// sendText answers with a text for people and programs that watch.
func (a *API) sendText(c echo.Context, status int, media, text string) error {
	return a.sender.Send(c, answer.Answer{Status: status, Media: media, Body: render.Text([]byte(text)), Plain: "no-cache"})
}
