package api

import (
	"context"
	"io"
	"math"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// workflowList is a request for a list of workflows.
type workflowList struct {
	query  wire.Query // as the client wrote it: for links
	filter wire.Query // the effective filters: those of the query and of the path
	group  *member    // not nil: JSON is an object with this record before the page
	key    answer.Key // cache key
}

// member is the encoded summary record of a group, under the key of its kind.
type member struct {
	key    string
	record []byte
	more   func(context.Context, *objectWriter) error // adds members after it; nil: none
}

// sendWorkflows computes the page and sends it in the requested format.
func (a *API) sendWorkflows(c echo.Context, generation *store.Generation, s workflowList) error {
	began := a.o.Now()
	q := s.query
	format, err := listFormat(c, q)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	end := q.Idx + q.PageLimit()
	if q.All {
		end = math.MaxInt
	}
	sel, err := generation.SelectFirst(ctx, s.filter, end)
	if err != nil {
		return err
	}
	p := pageOf(generation, q, sel.Total(), limitOf(q))
	if p.count > 0 && len(q.Sort) == 0 {
		p.last = sel.Last(p.idx, p.count)
	}
	fixed := q
	fixed.Idx, fixed.Limit, fixed.Last = 0, 0, ""
	header, next, err := links(c, fixed.Values(), p, wire.DefaultLimit)
	if err != nil {
		return err
	}
	body := render.List(format, a.workflow, q.Fields, p.count,
		func(i, n int) [][]byte { return sel.Page(p.idx+i, n) })
	whole := format == wire.JSON && (q.Envelope || s.group != nil)
	if whole {
		if err := a.surround(ctx, &body, generation, s, p, next); err != nil {
			return err
		}
	}
	version, err := sel.Versions(ctx, p.idx, p.count)
	if err != nil {
		return err
	}
	ans := answerOf(generation, q, format, "workflows", began)
	ans.Body, ans.Version, ans.Fields, ans.Stream, ans.Key = body, version, q.Fields, q.All, s.key
	ans.Total, ans.Link, ans.Promises = strconv.Itoa(p.total), header, p.promises()
	if !whole && len(q.Fields) == 0 && format != wire.CSV {
		ans.Segments = segments{sel, p.idx, p.count, format}
	}
	return a.sender.Send(c, ans)
}

// surround puts the object of an envelope or a group around the records, in
// the order of the fields of wire.Envelope and wire.Group.
func (a *API) surround(ctx context.Context, b *render.Body, generation *store.Generation, s workflowList, p page, next string) error {
	var o objectWriter
	if s.group != nil {
		o.raw(s.group.key, s.group.record)
		if s.group.more != nil {
			if err := s.group.more(ctx, &o); err != nil {
				return err
			}
		}
	} else {
		o.text("Generation", generation.ID())
		o.text("Time", answer.Timestamp(generation.Time()))
	}
	o.number("Total", p.total)
	o.number("Idx", p.idx)
	o.number("Limit", p.limit)
	o.text("Next", next)
	if s.group != nil {
		o.text("Note", "")
		o.key("Workflows")
	} else {
		o.key("Items")
	}
	b.Head = append(append([]byte(nil), o.bytes...), '[')
	b.Tail = []byte("]}\n")
	if s.group != nil && len(s.query.Facets) == 0 {
		return o.err
	}
	facets, err := facetsOf(ctx, generation, s.filter)
	if err != nil {
		return err
	}
	o.bytes = []byte{']'}
	o.value("Facets", facets)
	o.bytes = append(o.bytes, '}', '\n')
	b.Tail = o.bytes
	return o.err
}

// facetsOf counts the facets that the query asks for; without any it returns
// an empty object, never null.
func facetsOf(ctx context.Context, generation *store.Generation, q wire.Query) (map[string]wire.FacetResult, error) {
	if len(q.Facets) == 0 {
		return map[string]wire.FacetResult{}, nil
	}
	facets, err := generation.Facets(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make(map[string]wire.FacetResult, len(facets))
	for key, f := range facets {
		if f.Values == nil {
			f.Values = []wire.FacetValue{}
		}
		out[key] = f
	}
	return out, nil
}

// segments are the compressed segments of a page of a result.
type segments struct {
	list       *store.List
	idx, count int
	format     wire.Format
}

// Ready implements answer.Segments.
func (s segments) Ready() bool { return s.list.Ready(s.idx, s.count, s.format) }

// Chunks implements answer.Segments.
func (s segments) Chunks() (chunks [][]byte, size int64, ok bool) {
	return s.list.Stitched(s.idx, s.count, s.format)
}

// Send implements answer.Segments.
func (s segments) Send(w io.Writer) error { return s.list.StitchTo(w, s.idx, s.count, s.format) }

// workflowsOf returns the names of the workflows that the filters of /fetch
// select in a generation, in its order; nil without filters.
func workflowsOf(ctx context.Context, generation *store.Generation, q wire.Query) (picked []string, err error) {
	if len(q.Terms) == 0 && q.Text == "" && len(q.Names) == 0 {
		return nil, nil
	}
	sel, err := generation.Select(ctx, wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names})
	if err != nil {
		return nil, err
	}
	picked = make([]string, 0, sel.Total())
	spent := budget.From(ctx)
	const chunk, steps = 256, 500
	for i := 0; i < sel.Total(); i += chunk {
		for _, record := range sel.Page(i, chunk) { //nolint:contextcheck // reading a page of the result spends nothing
			if !spent.Spend(steps) {
				return nil, spent.Stopped() //nolint:wrapcheck // it is the request's own end
			}
			name, err := nameOf(record)
			if err != nil {
				return nil, err
			}
			picked = append(picked, name)
		}
	}
	return picked, nil
}

// among reports whether a name is one of the given ones; nil: any.
func among(names []string) func(string) bool {
	if names == nil {
		return nil
	}
	picked := make(map[string]bool, len(names))
	for _, name := range names {
		picked[name] = true
	}
	return func(name string) bool { return picked[name] }
}
