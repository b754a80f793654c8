package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// pinned is the page of the names in its address: their states, and what changed
// since the reader last looked. The overview shows its panel.
func (p *Pages) pinned(c echo.Context) error {
	pins, notes := query.ReadPins(c.Request().URL)
	notes = append(notes, query.OnlyParams(c.Request().URL, query.PinParam, query.SeenParam)...)
	r := p.begin(c)
	read := p.startPins(r, pins)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.OverviewPath, state, err)
	}
	page := web.PinnedPage{
		Frame: p.frame(web.OverviewPath, "Pinned", state, noMeta), Notes: notes, Rows: p.rows(c, read), Share: pins.Address(),
	}
	return p.render(c, status(notes), web.Pinned(page))
}
