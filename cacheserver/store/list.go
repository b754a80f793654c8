package store

import (
	"context"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// List is an ordered list of workflows under a filter, of one generation. It is
// not safe for concurrent use: each request has its own.
type List struct {
	g      *Generation
	keys   []wire.SortKey
	total  int
	all    bool     // all workflows by name
	places []uint32 // otherwise their places in the table, as far as requested
}

// Select returns the matching workflows in order. It spends the budget of ctx;
// when that is exhausted, the error wraps the budget's.
func (g *Generation) Select(ctx context.Context, q wire.Query) (*List, error) {
	return g.SelectFirst(ctx, q, math.MaxInt)
}

// SelectFirst is Select for readers of no more than the first end workflows: a
// sort of all workflows is limited to them.
func (g *Generation) SelectFirst(ctx context.Context, q wire.Query, end int) (*List, error) {
	if q.After != "" {
		q.Sort = nil
	}
	if g.table.ByName(q.Sort) && len(q.Sort) == 0 && !narrows(q) {
		return &List{g: g, all: true, total: g.Total()}, nil
	}
	b, key := budget.From(ctx), g.id+"|"+listKey(q)
	if !narrows(q) && !g.table.ByName(q.Sort) {
		for _, n := range firsts {
			if end > n || n > g.Total()/2 {
				continue
			}
			if _, whole := g.with.lists.kept(key); whole {
				break
			}
			places, err := g.with.lists.get(b, key+"|"+strconv.Itoa(n), func() ([]uint32, error) { return g.table.Top(b, q.Sort, n) })
			return &List{g: g, keys: q.Sort, total: g.Total(), places: places}, err
		}
	}
	places, err := g.with.lists.get(b, key, func() ([]uint32, error) { return g.find(b, q) })
	return g.list(q, places), err
}

// firsts are the possible numbers of sorted first places; beyond them the whole
// order is sorted.
var firsts = []int{128, 512, 4096}

// Matching is Select without keeping the result, for a list of names that is not
// requested again.
func (g *Generation) Matching(ctx context.Context, q wire.Query) (*List, error) {
	places, err := g.find(budget.From(ctx), q)
	return g.list(q, places), err
}

// list returns a List of the places that find returned.
func (g *Generation) list(q wire.Query, places []uint32) *List {
	if places == nil {
		return &List{g: g, all: true, total: g.Total()}
	}
	return &List{g: g, keys: q.Sort, total: len(places), places: places}
}

// find returns the places of the matching workflows in order; nil for all by
// name.
func (g *Generation) find(b *budget.Budget, q wire.Query) ([]uint32, error) {
	s, err := g.table.Scan(b, g.time.Unix(), q)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the operation
	}
	set, err := s.Matches("")
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the operation
	}
	places, err := g.table.Order(b, set, q.Sort)
	if places == nil && set != nil {
		places = []uint32{}
	}
	return places, err //nolint:wrapcheck // it names the operation
}

// narrows reports whether a query has conditions.
func narrows(q wire.Query) bool {
	return len(q.Terms) > 0 || q.Text != "" || len(q.Names) > 0 || q.After != ""
}

// filterKey writes the conditions of a query; different conditions differ.
func filterKey(q wire.Query) []byte {
	var k []byte
	text := func(s string) { k = append(binary.AppendUvarint(k, uint64(len(s))), s...) }
	list := func(l []string) {
		k = binary.AppendUvarint(k, uint64(len(l)))
		for _, s := range l {
			text(s)
		}
	}
	k = binary.AppendUvarint(k, uint64(len(q.Terms)))
	for _, t := range q.Terms {
		text(t.Field)
		text(string(t.Op))
		text(strconv.FormatFloat(t.Number, 'g', -1, 64))
		list(t.Values)
	}
	text(q.Text)
	list(q.Names)
	text(q.After)
	return k
}

func listKey(q wire.Query) string {
	k := filterKey(q)
	for _, s := range q.Sort {
		k = append(binary.AppendUvarint(k, uint64(len(s.Field))), s.Field...)
		k = strconv.AppendBool(k, s.Desc)
	}
	return string(k)
}

// Total returns the number of workflows.
func (l *List) Total() int { return l.total }

// each calls f with the records idx..idx+limit, as far as they exist.
func (l *List) each(idx, limit int, f func(b *block.Block, i int)) {
	idx = max(idx, 0)
	end := l.Total()
	if limit < end-idx {
		end = idx + max(limit, 0)
	}
	if idx >= end {
		return
	}
	if l.all {
		l.g.table.Range(idx, end, func(b *block.Block, i, j int) bool {
			for ; i < j; i++ {
				f(b, i)
			}
			return true
		})
		return
	}
	if end > len(l.places) { // beyond the limit of SelectFirst
		places, err := l.g.table.Order(budget.Unbounded(), nil, l.keys)
		if err != nil { // not reached: the sort was done before
			l.g.with.opt.Log.Error("could not sort a page", "generation", l.g.id, "err", err)
			return
		}
		l.places = places
	}
	for _, at := range l.places[idx:end] {
		f(l.g.table.At(int(at)))
	}
}

// EachAlerting calls f with each workflow of the list, and with the facts that
// explain its alerts. The record has its numbers, its frequent
// texts such as status, campaign and team, and its alerts, but no other lists
// and texts.
func (l *List) EachAlerting(f func(w *schema.Workflow, facts schema.Facts)) {
	l.each(0, l.Total(), func(b *block.Block, i int) {
		w, facts := l.g.alerting(b, i, string(b.Name(l.g.table.Layout, i)))
		f(&w, facts)
	})
}

// EachSeen calls f with each workflow of the list, as EachAlerting does, and with
// a function that returns when one of its alerts was first seen to hold. It
// spends the budget of ctx.
func (l *List) EachSeen(ctx context.Context, f func(w *schema.Workflow, seen func(rule string) int64)) error {
	const record = 1000
	spent := budget.From(ctx)
	l.each(0, l.Total(), func(b *block.Block, i int) { //nolint:contextcheck // Select has spent the budget
		if !spent.Spend(record) {
			return
		}
		w, facts := l.g.alerting(b, i, string(b.Name(l.g.table.Layout, i)))
		f(&w, func(rule string) int64 {
			return schema.SeenSince(&w, rule, &facts, l.g.state.Limits, l.g.time.Unix())
		})
	})
	return spent.Stopped() //nolint:wrapcheck // it names the operation
}

// EachPlaced calls f with each workflow of the list. The record has its numbers,
// its frequent texts, and the lists that say where its jobs may run and are:
// Teams, Agents, Sites, SiteWhitelist and SiteBlacklist; no other lists and
// texts.
func (l *List) EachPlaced(f func(w *schema.Workflow)) {
	layout := l.g.table.Layout
	var at [5]int
	for i, key := range [...]string{"Teams", "Agents", "Sites", "SiteWhitelist", "SiteBlacklist"} {
		at[i], _ = layout.Column(key)
	}
	l.each(0, l.Total(), func(b *block.Block, i int) {
		w := schema.Workflow{Workflow: string(b.Name(layout, i))}
		b.Scalars(layout, i, &w)
		for k, list := range [...]*[]string{&w.Teams, &w.Agents, &w.Sites, &w.SiteWhitelist, &w.SiteBlacklist} {
			*list = b.List(&layout.Columns[at[k]], i)
		}
		f(&w)
	})
}

// Page returns encoded records idx..idx+limit, each one JSON object without a
// newline. They must not be changed.
func (l *List) Page(idx, limit int) [][]byte {
	out := make([][]byte, 0, max(0, min(limit, l.Total()-max(idx, 0))))
	l.each(idx, limit, func(b *block.Block, i int) { out = append(out, b.Record(i)) })
	return out
}

// Versions returns the content hash of that page, for ETags and cache keys. It
// spends the budget of ctx: a page may have all records.
func (l *List) Versions(ctx context.Context, idx, limit int) (uint64, error) {
	const record = 20
	var v versions
	spent := budget.From(ctx)
	l.each(idx, limit, func(b *block.Block, i int) { //nolint:contextcheck // Select has spent the budget
		if spent.Spend(record) {
			v.add(b.Hash(i))
		}
	})
	return v.sum(), spent.Stopped() //nolint:wrapcheck // the end of the request's budget
}

// versions hashes a list of record hashes.
type versions struct {
	d   xxhash.Digest
	n   int
	buf [512]byte
}

func (v *versions) add(hash uint64) {
	if v.n == 0 {
		v.d.Reset()
	}
	at := v.n * 8 % len(v.buf)
	binary.LittleEndian.PutUint64(v.buf[at:], hash)
	if v.n++; v.n*8%len(v.buf) == 0 {
		_, _ = v.d.Write(v.buf[:]) // a hash does not fail
	}
}

func (v *versions) sum() uint64 {
	if v.n == 0 {
		return xxhash.Sum64(nil)
	}
	_, _ = v.d.Write(v.buf[:v.n*8%len(v.buf)])
	return v.d.Sum64()
}

// Last returns the name of the last workflow of that page; "" for an empty one.
func (l *List) Last(idx, limit int) (name string) {
	if n := min(limit, l.Total()-max(idx, 0)); n > 0 {
		l.each(max(idx, 0)+n-1, 1, func(b *block.Block, i int) { name = string(b.Name(l.g.table.Layout, i)) })
	}
	return name
}
