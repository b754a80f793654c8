package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/mango"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// find is the body of a request to /find.
type find struct {
	selector *mango.Selector
	raw      string // the selector as received, the name of its result in a generation
	query    wire.Query
	stats    bool
}

// findRecords handles POST and QUERY /find: a selector in CouchDB's form.
func (a *API) findRecords(c echo.Context) error {
	f, err := a.parseFind(c)
	if err != nil {
		return err
	}
	format, err := chooseFormat(c, f.query.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	// The selector is not in the URL, so no URL can continue with it.
	generation, err := a.generation(c, wire.Query{Gen: f.query.Gen, Idx: 1})
	if err != nil {
		return err
	}
	began := a.o.Now()
	r, err := a.search(c.Request().Context(), generation, &f)
	if err != nil {
		return err
	}
	total := r.total()
	count := max(0, min(total-f.query.Idx, f.query.PageLimit()))
	version, err := r.versions(c.Request().Context(), f.query.Idx, count)
	if err != nil {
		return err
	}
	body := render.List(format, a.workflow, f.query.Fields, count,
		func(i, n int) [][]byte { return r.page(f.query.Idx+i, min(n, count-i)) })
	if format == wire.JSON {
		var o objectWriter
		o.text("Generation", generation.ID())
		o.text("Time", answer.Timestamp(generation.Time()))
		o.number("Total", total)
		o.number("Idx", f.query.Idx)
		o.number("Limit", f.query.PageLimit())
		if f.stats {
			o.value("ExecutionStats", wire.FindStats{Workflows: generation.Total(), Examined: r.examined, Matched: total})
		}
		o.key("Items")
		if o.err != nil {
			return o.err
		}
		o.bytes = append(o.bytes, '[')
		body.Head, body.Tail = o.bytes, []byte("]}\n")
	}
	if c.Request().Method == http.MethodPost {
		c.Request().Header.Del("If-None-Match") // with POST it has another meaning (RFC 9110, 13.1.2)
	}
	ans := answerOf(generation, f.query, format, "workflows", began)
	ans.Body, ans.Version, ans.Fields, ans.Total = body, version, f.query.Fields, strconv.Itoa(total)
	ans.Promises = pageOf(generation, f.query, total, f.query.PageLimit()).promises() // the client builds the next request itself
	return a.sender.Send(c, ans)
}

// parseFind reads the body, and gen, format and dl of the URL.
func (a *API) parseFind(c echo.Context) (f find, err error) {
	given, err := onlyParams(c, "gen", "format", "dl")
	if err != nil {
		return f, err
	}
	v := url.Values{} // and what the body has instead of them
	maps.Copy(v, given)
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, a.o.MaxBody))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return f, wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf("A selector may have at most %d bytes.", a.o.MaxBody))
	}
	if err != nil {
		return f, wire.NewProblem(wire.SlugBadSelector, "The body could not be read completely.")
	}
	members, err := mango.Members(raw, "the body")
	if err != nil {
		return f, err
	}
	for _, m := range members {
		if err := f.read(a, m, v); err != nil {
			return f, err
		}
	}
	if f.selector == nil {
		return f, wire.NewProblem(wire.SlugBadSelector, "The body has no selector.")
	}
	f.query, err = wire.ParseQuery(v)
	return f, err
}

// bodyKeys are the members of the body.
var bodyKeys = []string{"selector", "fields", "sort", "limit", "idx", "execution_stats"}

// read reads one member. Members about the page are rewritten as parameters of
// a list, so that the same checks apply.
func (f *find) read(a *API, m mango.Member, v map[string][]string) (err error) {
	wrong := func(what string) error {
		p := wire.NewProblem(wire.SlugBadSelector, fmt.Sprintf("%q must be %s.", m.Key, what))
		p.Param = m.Key
		return p
	}
	switch m.Key {
	case "selector":
		f.raw = string(m.Value)
		f.selector, err = mango.Parse(m.Value, a.workflow)
	case "fields":
		var fields []string
		if json.Unmarshal(m.Value, &fields) != nil || len(fields) == 0 {
			return wrong("a list of keys")
		}
		v["fields"] = escapeAll(fields)
	case "sort":
		if v["sort"], err = sortKeys(m.Value); err != nil {
			return wrong(`a list of keys, or of objects such as {"Priority":"desc"}`)
		}
	case "limit", "idx":
		var n int
		if json.Unmarshal(m.Value, &n) != nil {
			return wrong("a whole number")
		}
		v[m.Key] = []string{strconv.Itoa(n)}
	case "execution_stats":
		if json.Unmarshal(m.Value, &f.stats) != nil {
			return wrong("true or false")
		}
	default:
		p := wire.NewProblem(wire.SlugBadSelector, fmt.Sprintf("Unknown member %.80q; the body may have: %s.", m.Key, strings.Join(bodyKeys, ", ")))
		p.DidYouMean = wire.Near(m.Key, bodyKeys, 3)
		return p
	}
	return err
}

func escapeAll(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(name)
	}
	return out
}

// sortKeys reads ["Status",{"Priority":"desc"}] as values of sort=.
func sortKeys(raw []byte) (keys []string, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read sort: %w", err)
	}
	for _, one := range list {
		var name string
		if json.Unmarshal(one, &name) == nil {
			keys = append(keys, escapeAll([]string{name})...)
			continue
		}
		var direction map[string]string
		if err := json.Unmarshal(one, &direction); err != nil || len(direction) != 1 {
			return nil, errors.New("read sort: not a key with a direction")
		}
		for name, way := range direction {
			minus, ok := map[string]string{"asc": "", "desc": "-"}[way]
			if !ok {
				return nil, errors.New("read sort: not a direction")
			}
			keys = append(keys, minus+escapeAll([]string{name})[0])
		}
	}
	return keys, nil
}

// result is an ordered list of workflows: a whole result, or some positions in
// it.
type result struct {
	list     *store.List
	some     bool
	places   []int32
	examined int
}

func (r *result) total() int {
	if r.some {
		return len(r.places)
	}
	return r.list.Total()
}

func (r *result) page(idx, n int) [][]byte {
	if !r.some {
		return r.list.Page(idx, n)
	}
	out := make([][]byte, 0, n)
	for _, at := range r.places[min(idx, len(r.places)):min(idx+n, len(r.places))] {
		out = append(out, r.list.Page(int(at), 1)...)
	}
	return out
}

// versions hashes the content of the page.
func (r *result) versions(ctx context.Context, idx, n int) (sum uint64, err error) {
	if !r.some {
		return r.list.Versions(ctx, idx, n) //nolint:wrapcheck // the error says what failed
	}
	for _, at := range r.places[min(idx, len(r.places)):min(idx+n, len(r.places))] {
		one, err := r.list.Versions(ctx, int(at), 1)
		if err != nil {
			return 0, err //nolint:wrapcheck // the error says what failed
		}
		sum = sum*1099511628211 ^ one
	}
	return sum, nil
}

// search finds the records of a selector, in order. Whatever the columns can
// answer is looked up in them; the rest is matched on the remaining records.
func (a *API) search(ctx context.Context, generation *store.Generation, f *find) (*result, error) {
	terms, exact := f.selector.Terms()
	end := math.MaxInt
	if exact {
		end = f.query.Idx + f.query.PageLimit()
	}
	list, err := generation.SelectFirst(ctx, wire.Query{Terms: terms, Sort: f.query.Sort}, end)
	if err != nil {
		return nil, err
	}
	if exact {
		return &result{list: list}, nil
	}
	key := "find/" + generation.ID() + "/" + f.query.Values().Get("sort") + "/" + f.raw
	if cached, ok := a.o.Cache.Get(key); ok {
		if places, ok := cached.([]int32); ok {
			return &result{list: list, some: true, places: places, examined: list.Total()}, nil
		}
	}
	places, err := a.matchAll(ctx, list, f.selector)
	if err != nil {
		return nil, err
	}
	places = slices.Clone(places) // without spare capacity, and without the list, which would keep its generation in memory
	a.o.Cache.Set(key, places, int64(len(key)+4*len(places)))
	return &result{list: list, some: true, places: places, examined: list.Total()}, nil
}

// matchAll returns the positions of the records that match.
func (a *API) matchAll(ctx context.Context, list *store.List, s *mango.Selector) (places []int32, err error) {
	const step = 100
	m := s.Matcher(budget.From(ctx))
	for i := 0; i < list.Total(); i += step {
		for k, record := range list.Page(i, step) { //nolint:contextcheck // reading a page of the result spends nothing
			ok, err := m.Match(record, s)
			if err != nil {
				return nil, err
			}
			if ok {
				places = append(places, int32(i+k)) //nolint:gosec // a generation has fewer than 2^31 records
			}
		}
	}
	return places, nil
}
