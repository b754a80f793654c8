package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// listWorkflows handles GET /fetch.
func (a *API) listWorkflows(c echo.Context) error {
	cached, ok, key := a.cached(c)
	if ok {
		return cached.Send(c)
	}
	q, err := wire.ParseQuery(c.QueryParams())
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	return a.sendWorkflows(c, generation, workflowList{query: q, filter: q, key: key})
}
