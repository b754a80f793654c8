package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema/wire"
)

// MetricsFor says who may read /metrics here.
type MetricsFor int

// Values of MetricsFor.
const (
	MetricsForKnown  MetricsFor = iota // those who may read everything else
	MetricsForAll                      // everybody
	MetricsElsewhere                   // nobody: there is no such route; MetricsHandler is served by the owner
)

// admission says before which routes the gate stands.
type admission int

const (
	known    admission = iota // whom the gate lets in
	everyone                  // health and what monitors it: neither identity nor limit
)

// enterFeed takes a place among the open feeds; leave gives it back.
func (a *API) enterFeed(c echo.Context) (leave func(), err error) {
	client, _ := a.o.Gate.Client(c.Request())
	leave, why := a.feeds.Enter(client)
	switch why {
	case limit.InTotal:
		return nil, wire.RateLimited(fmt.Sprintf("%d feeds are open, which is all that this server keeps.", a.o.Feeds.Total))
	case limit.ByKey:
		return nil, wire.RateLimited(fmt.Sprintf("You have %d feeds open; at most %d for one client.", a.o.Feeds.PerClient, a.o.Feeds.PerClient))
	}
	return leave, nil
}

// enterStream is enterFeed for limit=all: each holds on to a generation for as
// long as its reader takes. A front end itself has no bound, as in Admit, but all together have.
func (a *API) enterStream(c echo.Context) (leave func(), err error) {
	client, free := a.o.Gate.Client(c.Request())
	all, why := a.allStreams.Enter(struct{}{})
	if why != limit.Free {
		return nil, wire.RateLimited(fmt.Sprintf("limit=all is read %d times at once, which is all that this server takes.", a.o.MaxStreams))
	}
	if free {
		return all, nil
	}
	one, why := a.streams.Enter(client)
	if why != limit.Free {
		all()
		return nil, wire.RateLimited(fmt.Sprintf("You read limit=all %d times at once; that is the most for one client.", a.o.Streams))
	}
	return func() { one(); all() }, nil
}

// admit asks the gate, where it stands before a route.
func (a *API) admit(to admission, c echo.Context, now time.Time) error {
	if to == everyone {
		return nil
	}
	_, err := a.o.Gate.Admit(c.Request(), now)
	return err
}

func (a *API) metricsRoute(admits admission) route {
	return route{"/metrics", "metrics in the form of Prometheus", a.metrics.serve, nil, admits}
}

// MetricsHandler serves the metrics for a listener of their own.
func (a *API) MetricsHandler() http.Handler { return a.metrics.page }
