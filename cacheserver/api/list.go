package api

import (
	"context"
	"math"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// listWorkflows handles GET /fetch.
func (a *API) listWorkflows(c echo.Context) error {
	began := a.o.Now()
	newest, answered, asked := a.asked(c, began)
	if answered != nil {
		return a.serveInTurn(c, answered, began)
	}
	q, err := wire.ParseQuery(c.QueryParams())
	if err != nil {
		return err
	}
	snap, err := a.snapshot(c, q)
	if err != nil {
		return err
	}
	s := selection{query: q, filter: q, name: "workflows"}
	if snap == newest && q.Gen == "" {
		s.question = asked
	}
	return a.writeSelection(c, snap, s)
}

// selection is a list of workflows that was asked for.
type selection struct {
	query  wire.Query // as the client wrote it: for links
	filter wire.Query // what is selected: query and what the path says
	name   string     // of the file when it is to be saved
	group  *member    // not nil: JSON is an object with this record before the page

	question question // what to note the answer under, if it can be noted
}

// member is the summary record of a group, encoded, under the key of its kind.
type member struct {
	key    string
	record []byte
}

// writeSelection picks the page and writes it as the client wants it.
func (a *API) writeSelection(c echo.Context, snap *store.Snapshot, s selection) error {
	began := a.o.Now()
	q := s.query
	format, err := a.listFormat(c, q)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	end := q.Idx + q.PageLimit()
	if q.All {
		end = math.MaxInt
	}
	sel, err := snap.SelectFirst(ctx, s.filter, end)
	if err != nil {
		return err
	}
	p := pageOf(snap, q, sel.Total(), limitOf(q))
	if p.count > 0 && len(q.Sort) == 0 {
		p.last = sel.Last(p.idx, p.count)
	}
	if q.All {
		leave, err := a.enterStream(c)
		if err != nil {
			return err
		}
		defer leave()
	}
	fixed := q
	fixed.Idx, fixed.Limit, fixed.Last = 0, 0, ""
	header, next, err := links(c, fixed.Values(), p, wire.DefaultLimit)
	if err != nil {
		return err
	}
	if p.promises() {
		snap.Promise()
	}
	body := render.List(format, a.workflow, q.Fields, p.count,
		func(i, n int) [][]byte { return sel.Page(p.idx+i, n) })
	whole := format == wire.JSON && (q.Envelope || s.group != nil)
	if whole {
		if err := a.surround(ctx, &body, snap, s, p, next); err != nil {
			return err
		}
	}
	version, err := sel.Versions(ctx, p.idx, p.count)
	if err != nil {
		return err
	}
	ans := answer{
		format: format, body: body, version: version, keys: q.Fields,
		pinned: q.Gen != "", stream: q.All, began: began, filter: a.o.Now().Sub(began),
		question: s.question,
	}
	if q.Download {
		ans.name = s.name
	}
	if !whole && len(q.Fields) == 0 && format != wire.CSV {
		ans.stitched = &stitched{sel, p.idx, p.count, format}
	}
	a.describeState(c, snap)
	h := c.Response().Header()
	h[wire.HeaderTotal] = []string{strconv.Itoa(p.total)}
	if header != "" {
		h[wire.HeaderLink] = []string{header}
	}
	return a.write(c, ans)
}

// limitOf is the greatest length of the page of a list of workflows; 0: all.
func limitOf(q wire.Query) int {
	if q.All {
		return 0
	}
	return q.PageLimit()
}

// listFormat is chooseFormat with the rule that an envelope is JSON.
func (a *API) listFormat(c echo.Context, q wire.Query) (wire.Format, error) {
	if q.Envelope {
		return chooseFormat(c, q.Format, wire.JSON)
	}
	return chooseFormat(c, q.Format, wire.Formats()...)
}

// surround puts the object of an envelope or a group around the records, in the
// order of the fields of wire.Envelope and wire.Group.
func (a *API) surround(ctx context.Context, b *render.Body, snap *store.Snapshot, s selection, p page, next string) error {
	var o objectWriter
	if s.group != nil {
		o.raw(s.group.key, s.group.record)
	} else {
		o.text("Generation", snap.ID())
		o.text("Time", timestamp(snap.Time()))
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
	facets, err := facetsOf(ctx, snap, s.filter)
	if err != nil {
		return err
	}
	o.bytes = []byte{']'}
	o.value("Facets", facets)
	o.bytes = append(o.bytes, '}', '\n')
	b.Tail = o.bytes
	return o.err
}

// facetsOf counts what the query asks for; none is an empty object, never null.
func facetsOf(ctx context.Context, snap *store.Snapshot, q wire.Query) (map[string]wire.FacetResult, error) {
	if len(q.Facets) == 0 {
		return map[string]wire.FacetResult{}, nil
	}
	facets, err := snap.Facets(ctx, q)
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
