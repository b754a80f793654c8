package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/store"
)

// listStrays returns the handler of GET /stray: the workflows with jobs that
// should not be there.
func (a *API) listStrays() echo.HandlerFunc {
	return listed(a, group{path: "/stray", noun: "stray workflow"}, false, still((*store.Generation).Strays)).list
}
