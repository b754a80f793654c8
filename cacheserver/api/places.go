package api

import (
	"fmt"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema/wire"
)

// enterFeed takes a slot among the open feeds; leave releases it.
func (a *API) enterFeed(c echo.Context) (leave func(), err error) {
	client, _ := a.o.Gate.Client(c.Request())
	leave, why := a.feeds.Enter(client)
	switch why {
	case limit.InTotal:
		return nil, wire.RateLimited(fmt.Sprintf("The server has %d feeds open, its maximum.", a.o.Feeds.Total))
	case limit.ByKey:
		return nil, wire.RateLimited(fmt.Sprintf("You have %d feeds open; one client may have %d.", a.o.Feeds.PerClient, a.o.Feeds.PerClient))
	}
	return leave, nil
}

// enterStream is enterFeed for limit=all: each holds a generation for as long
// as its reader takes. A front end has no limit of its own, as in Admit, but
// there is one for all requests.
func (a *API) enterStream(c echo.Context) (leave func(), err error) {
	client, free := a.o.Gate.Client(c.Request())
	all, why := a.allStreams.Enter(struct{}{})
	if why != limit.Free {
		return nil, wire.RateLimited(fmt.Sprintf("The server has %d limit=all requests in progress, its maximum.", a.o.MaxStreams))
	}
	if free {
		return all, nil
	}
	one, why := a.streams.Enter(client)
	if why != limit.Free {
		all()
		return nil, wire.RateLimited(fmt.Sprintf("You have %d limit=all requests in progress, the maximum for one client.", a.o.Streams))
	}
	return func() { one(); all() }, nil
}
