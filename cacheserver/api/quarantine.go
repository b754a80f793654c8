package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
)

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
	return sendWhole(c, a, nil, p, "quarantine", fields, list)
}
