package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// listed completes a group with its list: all returns the records of a
// generation, by name. moving means that they change while the generation does
// not: an agent that falls silent publishes no new generation.
func listed[T any](a *API, g group, moving bool, all func(*store.Generation) []T) group {
	g.words, g.fields = wire.Groups[T](), schema.Describe[T]()
	g.list = func(c echo.Context) error { return listGroup(a, c, &g, moving, all) }
	g.suggest = suggestGroups(a, &g, moving, all)
	return g
}

// listGroup handles GET /sites, /campaign, /agent and /release.
func listGroup[T any](a *API, c echo.Context, g *group, moving bool, all func(*store.Generation) []T) error {
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
	list, pinned := all(generation), q.Gen != ""
	if given := c.QueryParams()["read"]; moving && len(given) > 0 {
		if list, err = readAgain(&a.groupReads, c, given, list); err != nil {
			return err
		}
	} else if moving {
		pinned = false
	}
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
		address.Set("read", keepRead(&a.groupReads, list, a.o.Now()))
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
