package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema/wire"
)

// showPulse handles GET /pulse?since=: the CacheInfo record with a count, which works
// before the first generation too. Its tag leaves out the time of the last
// check, which changes all the time.
func (a *API) showPulse(c echo.Context) error {
	began := a.o.Now()
	v, err := onlyParams(c, "since")
	if err != nil {
		return err
	}
	since, err := sinceTime(v["since"], a.o.Now())
	if err != nil {
		return err
	}
	a.bound(c)
	info := wire.Pulse{CacheInfo: a.o.Store.Info(), Attention: -1, New: -1}
	info.Attention, info.New = a.attentionTotals(c.Request().Context(), since)
	body, err := encode(info)
	if err != nil {
		return err
	}
	info.CheckTime = 0
	news, err := encode(info)
	if err != nil {
		return err
	}
	ans := answer.Answer{Format: wire.JSON, Body: render.Text(body), Same: news, Fresh: true, Began: began}
	if generation, ok := a.o.Store.Newest(); ok {
		ans.Generation = generation
	}
	return a.sender.Send(c, ans)
}
