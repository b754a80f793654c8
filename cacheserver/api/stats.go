package api

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

const (
	maxBy  = 2  // dimensions of /stats
	maxSum = 16 // sums of /stats
)

// showStats handles GET /stats?by=a[,b]&sum=x,y: groups under the filters of
// /fetch, with counts and sums; without by one group of all. Results are
// exact.
func (a *API) showStats(c echo.Context) error {
	q, err := parseFilter(c.QueryParams(), "by", "sum")
	if err != nil {
		return err
	}
	by, err := fieldList(c.QueryParams(), "by", maxBy, func(f schema.Field) bool { return f.Type != schema.Float })
	if err != nil {
		return err
	}
	sum, err := fieldList(c.QueryParams(), "sum", maxSum, func(f schema.Field) bool { return f.Type == schema.Int })
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
	began := a.o.Now()
	groups, total, err := groupsOf(c.Request().Context(), generation, q, by, sum)
	if err != nil {
		return err
	}
	for i := range groups {
		if groups[i].Sums == nil {
			groups[i].Sums = []int64{}
		}
	}
	ans := answerOf(generation, q, format, "", began)
	if format != wire.JSON {
		list, err := statsRows(by, sum, groups)
		if err != nil {
			return err
		}
		return a.sendRows(c, ans, list, len(groups))
	}
	body := wire.Stats{
		Generation: generation.ID(), Time: answer.Timestamp(generation.Time()), Total: total,
		By: notNil(by), Sum: notNil(sum), Groups: notNil(groups),
	}
	return a.sendObject(c, ans, body)
}

// groupsOf groups by the fields of by. Without any it returns one group of all
// workflows, even if there are none: the sum of the groups by status, of which
// each workflow has exactly one.
func groupsOf(ctx context.Context, generation *store.Generation, q wire.Query, by, sum []string) (groups []wire.StatsGroup, total int, err error) {
	if len(by) > 0 {
		return generation.Stats(ctx, q, by, sum)
	}
	parts, total, err := generation.Stats(ctx, q, []string{"Status"}, sum)
	if err != nil {
		return nil, 0, err
	}
	all := wire.StatsGroup{Keys: []string{}, Sums: make([]int64, len(sum))}
	for _, g := range parts {
		all.Count += g.Count
		for i, v := range g.Sums {
			all.Sums[i] += v
		}
	}
	return []wire.StatsGroup{all}, total, nil
}

// showFacet handles GET /facet/{field}?prefix=&limit=: values with counts
// under the filters of /fetch, except the filter of the field itself. prefix
// is compared in lower case.
func (a *API) showFacet(c echo.Context) error {
	q, err := parseFilter(c.QueryParams(), "prefix", "limit")
	if err != nil {
		return err
	}
	limits := url.Values{}
	if asked := c.QueryParams()["limit"]; asked != nil {
		limits["limit"] = asked
	}
	limited, err := wire.ParseQuery(limits)
	if err != nil {
		return err
	}
	if limited.All {
		return wire.BadValue("limit", fmt.Sprintf("limit must be a whole number from 1 to %d.", wire.MaxLimit))
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	f, err := wire.FieldNamed("/facet", name)
	if err != nil {
		return err
	}
	if !wire.Countable(f) {
		return wire.UnknownField("/facet", name, nil)
	}
	format, err := chooseFormat(c, q.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	began := a.o.Now()
	counted := wire.Facet{Field: f.Key, Limit: limited.PageLimit()}
	result, err := generation.Facet(c.Request().Context(), q, counted, strings.ToLower(c.QueryParam("prefix")))
	if err != nil {
		return err
	}
	ans := answerOf(generation, q, format, "", began)
	if format != wire.JSON {
		list, err := facetRows(result)
		if err != nil {
			return err
		}
		return a.sendRows(c, ans, list, result.Distinct)
	}
	body := wire.FacetPage{Generation: generation.ID(), Time: answer.Timestamp(generation.Time()), Field: f.Key, FacetResult: result}
	return a.sendObject(c, ans, body)
}

// statsRows returns the groups with the keys of their fields, Count, and each
// sum under Sum and its key, because a field may be both grouped by and added
// up.
func statsRows(by, sum []string, groups []wire.StatsGroup) (r rows, err error) {
	for _, key := range by {
		r.fields = append(r.fields, schema.Field{Key: key, Type: schema.String})
	}
	r.fields = append(r.fields, schema.Field{Key: "Count", Type: schema.Int})
	for _, key := range sum {
		r.fields = append(r.fields, schema.Field{Key: "Sum" + key, Type: schema.Int})
	}
	for _, g := range groups {
		if err := r.add(g.Keys, append([]int64{int64(g.Count)}, g.Sums...)...); err != nil {
			return r, err
		}
	}
	return r, nil
}

// facetRows returns the values with their counts.
func facetRows(result wire.FacetResult) (r rows, err error) {
	r.fields = []schema.Field{{Key: "Value", Type: schema.String}, {Key: "Count", Type: schema.Int}}
	for _, v := range result.Values {
		if err := r.add([]string{v.Value}, int64(v.Count)); err != nil {
			return r, err
		}
	}
	return r, nil
}
