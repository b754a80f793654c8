package api

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// rows are flat records that are made for one answer: what /stats and /facet
// are as NDJSON and CSV.
type rows struct {
	fields []schema.Field
	lines  [][]byte
}

// add appends a record: texts of the first fields, numbers of those after them.
func (r *rows) add(texts []string, numbers ...int64) error {
	var o objectWriter
	for i, f := range r.fields {
		if i < len(texts) {
			o.text(f.Key, texts[i])
		} else {
			o.raw(f.Key, strconv.AppendInt(nil, numbers[i-len(texts)], 10))
		}
	}
	r.lines = append(r.lines, append(o.bytes, '}'))
	return o.err
}

// statsRows are the groups with the keys of their fields, Count, and each sum
// under Sum and its key, because a field may be grouped by and added up too.
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

// facetRows are the values with their counts.
func facetRows(result wire.FacetResult) (r rows, err error) {
	r.fields = []schema.Field{{Key: "Value", Type: schema.String}, {Key: "Count", Type: schema.Int}}
	for _, v := range result.Values {
		if err := r.add([]string{v.Value}, int64(v.Count)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// writeRows writes rows in a format that has one record a line. total is what
// there is of them in all.
func (a *API) writeRows(c echo.Context, snap *store.Snapshot, q wire.Query, ans answer, r rows, total int) error {
	var d xxhash.Digest
	d.Reset()
	for _, line := range r.lines {
		_, _ = d.Write(append(line, '\n')) // never fails
	}
	ans.body, ans.version, ans.pinned = render.List(ans.format, r.fields, nil, len(r.lines), render.Slice(r.lines)), d.Sum64(), q.Gen != ""
	a.describeState(c, snap)
	c.Response().Header()[wire.HeaderTotal] = []string{strconv.Itoa(total)}
	return a.write(c, ans)
}
