package api

import (
	"fmt"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// listed completes a group with its list: all returns the records of a
// generation, by name. moving means that they change while the generation does
// not: an agent that falls silent publishes no new generation.
func listed[T any](a *API, g group, moving bool, all func(*store.Generation, store.AsOf) []T) group {
	g.words, g.fields = wire.Groups[T](), schema.Describe[T]()
	g.list = func(c echo.Context) error { return listGroup(a, c, &g, moving, all) }
	g.suggest = suggestGroups(a, &g, moving, all)
	return g
}

// still is the list of all records of a generation that determines them.
func still[T any](all func(*store.Generation) []T) func(*store.Generation, store.AsOf) []T {
	return func(g *store.Generation, _ store.AsOf) []T { return all(g) }
}

// listGroup handles GET /sites, /campaign, /agent and /release.
func listGroup[T any](a *API, c echo.Context, g *group, moving bool, all func(*store.Generation, store.AsOf) []T) error {
	began := a.o.Now()
	var own []string
	if moving {
		own = []string{"read"}
	}
	q, err := g.words.Parse(c.QueryParams(), own...)
	if err != nil {
		return err
	}
	format, err := chooseFormat(c, q.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	asOf, pinned := generation.Now(), q.Gen != ""
	if given := c.QueryParams()["read"]; moving && len(given) > 0 {
		if asOf, err = asOfNamed(c, generation, given); err != nil {
			return err
		}
	} else if moving {
		pinned = false
	}
	list := all(generation, asOf)
	ctx := c.Request().Context()
	picked, err := records.Select(ctx, g.fields, list, q, generation.Time().Unix())
	if err != nil {
		return err //nolint:wrapcheck // the error says what failed
	}
	p := pageOf(generation, q, len(picked), q.Limit)
	fixed := q
	fixed.Idx, fixed.Limit = 0, 0
	address := g.words.Values(fixed)
	if moving && p.promises() {
		address.Set("read", asOf.Name())
	}
	header, _, err := links(c, address, p, 0)
	if err != nil {
		return err
	}
	ans := answerOf(generation, q, format, g.noun+"s", began)
	ans.Pinned, ans.Link, ans.Promises = pinned, header, p.promises()
	from := min(p.idx, p.total)
	return sendList(c, a, ans, listing{fields: g.fields, keys: q.Fields, total: int64(p.total)}, picked[from:from+p.count])
}

// asOfNamed returns the moment that the URLs of a list name. All its pages are cut from
// the list of that moment.
func asOfNamed(c echo.Context, generation *store.Generation, given []string) (store.AsOf, error) {
	if len(given) > 1 || given[0] == "" {
		return store.AsOf{}, wire.BadValue("read", fmt.Sprintf("%q belongs to the URLs in Link headers; use it once and unchanged.", "read"))
	}
	asOf, ok := generation.AsOfNamed(given[0])
	if !ok {
		p := wire.GenerationExpired(given[0], restartURL(c), "")
		p.Param, p.Detail = "read", "The list of that time is no longer available."
		return asOf, p
	}
	return asOf, nil
}
