package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/openapi"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema/wire"
)

// showOpenAPI handles GET /openapi.json. The document is built on the first
// request.
func (a *API) showOpenAPI(c echo.Context) error {
	document, err := a.openapi()
	if err != nil {
		return err
	}
	return a.sender.Send(c, answer.Answer{Format: wire.JSON, Body: render.Text(openapi.At(document, clientPrefix(c))), Began: a.o.Now()})
}
