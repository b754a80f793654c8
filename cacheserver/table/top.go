package table

import (
	"bytes"
	"cmp"
	"fmt"
	"math/bits"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// Top returns the places of the first n of all records in the requested order,
// fewer if there are not as many: the beginning of Order's result, by comparing
// the first key of each record once instead of sorting: 0.7 to 6.3 ms at 200 000
// records, where Order takes 1.2 to 220 ms (BenchmarkTop, BenchmarkOrder).
func (t *Table) Top(b *budget.Budget, keys []wire.SortKey, n int) ([]uint32, error) {
	keys = effective(t, keys)
	c, err := newComparer(t, keys)
	if err != nil {
		return nil, fmt.Errorf("sort: %w", err)
	}
	if t.ByName(keys) {
		return nil, fmt.Errorf("sort: %w", errByName)
	}
	column, _ := t.Layout.Column(keys[0].Field)
	top := &top{b: b, c: c, n: n, desc: keys[0].Desc, col: c.cols[0], column: column, only: len(keys) == 1}
	switch top.col.Kind {
	case block.Text, block.Texts:
		top.texts()
	case block.Code:
		ranks := top.col.Dict.Ranks()
		top.exact = top.only
		top.eachRun(func(r *run, from int) {
			for i, code := range r.column(t.Layout, column).codes {
				top.offer(top.directed(codeHead(code, ranks)), nil, from+i)
			}
		})
	case block.Codes:
		ranks := top.col.Dict.Ranks()
		top.eachRun(func(r *run, from int) { top.lists(r, from, ranks) })
	case block.Float:
		top.exact = top.only
		missing := top.col.MissingNumber()
		top.eachRun(func(r *run, from int) {
			for i, v := range r.column(t.Layout, column).floats {
				top.offer(top.directed(floatHead(v, missing)), nil, from+i)
			}
		})
	default:
		top.exact = top.only
		heads := intHeads{missing: top.col.MissingNumber(), desc: top.desc}
		top.eachRun(func(r *run, from int) {
			for i, v := range r.column(t.Layout, column).ints {
				top.offer(heads.of(v), nil, from+i)
			}
		})
	}
	return top.result(), stopped(b)
}

// top keeps the best n of the offered records.
type top struct {
	b      *budget.Budget
	c      *comparer
	n      int
	desc   bool
	col    *block.Column // of the first key
	column int
	exact  bool // records with equal heads differ only in their names
	only   bool // there is one key

	best  []candidate // unordered; at most 2n
	limit candidate   // the worst of the best n; valid when full
	full  bool
	first []byte // the first value of limit, in a text column

	fits uint64 // bits of a head of lists: zero in a list that fits
}

// candidate is a record with the beginning of its first key.
type candidate struct {
	head uint64
	text []byte // in a text column: its sort text
	at   uint32
}

// eachRun visits the runs in an order unlike the sort order: if that follows the
// names, each record would otherwise be better than all before it.
func (p *top) eachRun(visit func(r *run, from int)) {
	runs := p.c.t.runs()
	width := bits.Len(uint(runs))
	for k := range 1 << width {
		if k = int(bits.Reverse64(uint64(k)) >> (64 - width)); k >= runs {
			continue
		}
		if r := p.c.t.run(k); p.b.Spend(2 * r.len()) {
			visit(&r, r.start())
		}
	}
}

func (p *top) compare(a, b candidate) int {
	if a.head != b.head || p.exact {
		return cmp.Or(cmp.Compare(a.head, b.head), cmp.Compare(a.at, b.at))
	}
	if r := orderTexts(a.text, b.text, p.desc); r != 0 {
		return r
	}
	if p.only && p.fits != 0 && p.directed(a.head)&p.fits == 0 {
		return cmp.Compare(a.at, b.at)
	}
	return p.c.compare(a.at, b.at)
}

// directed inverts a head for a descending order, and back again; that of a
// missing value stays the last one.
func (p *top) directed(head uint64) uint64 {
	if p.desc && head != lastHead {
		return ^head
	}
	return head
}

// offer adds a record if it is among the best so far. Records with a smaller
// head come first.
func (p *top) offer(head uint64, text []byte, at int) {
	if p.full && head > p.limit.head {
		return
	}
	it := candidate{head, text, uint32(at)}
	if p.full && head == p.limit.head && p.compare(it, p.limit) > 0 {
		return
	}
	p.best = append(p.best, it)
	if len(p.best) >= 2*p.n {
		p.prune()
	}
}

// prune keeps the best n, in order.
func (p *top) prune() {
	if !budget.Sort(p.b, p.best, 5*compareSteps, p.compare) {
		p.best = p.best[:0]
	}
	p.best = p.best[:min(len(p.best), p.n)]
	if p.full = len(p.best) == p.n; !p.full {
		return
	}
	p.limit = p.best[p.n-1]
	p.first, _, _ = bytes.Cut(p.limit.text, []byte{0})
}

func (p *top) result() []uint32 {
	p.prune()
	out := make([]uint32, len(p.best))
	for i, it := range p.best {
		out[i] = it.at
	}
	return out
}

// lists offers the records of a run by a Codes column: the ranks of their first
// values, as many as fit into a word.
func (p *top) lists(r *run, from int, ranks []uint32) {
	width := bits.Len(uint(len(ranks)))
	fit := 63 / width
	p.fits = 1<<width - 1 // the last bit pattern of a head is free
	col := r.column(p.c.t.Layout, p.column)
	for i := range col.ends {
		codes := col.list(i)
		if len(codes) == 0 {
			p.offer(lastHead, nil, from+i)
			continue
		}
		head := uint64(ranks[codes[0]]) + 1
		// Most lists are rejected by their first value.
		head <<= width * (fit - 1)
		if p.full && (!p.desc && head > p.limit.head || p.desc && ^(head|(1<<(width*(fit-1))-1)) > p.limit.head) {
			continue
		}
		for n, code := range codes[:min(len(codes), fit)] {
			if n > 0 {
				head |= (uint64(ranks[code]) + 1) << (width * (fit - 1 - n))
			}
		}
		p.offer(p.directed(head), nil, from+i)
	}
}

// texts offers records by a text column. Each block has one record that is its
// best by this key; the blocks with the best n of those contain the best n of
// all.
func (p *top) texts() {
	blocks := &top{b: p.b, c: p.c, n: p.n, desc: p.desc, col: p.col, column: p.column}
	p.eachRun(func(r *run, from int) {
		for k, b := range r.blocks {
			if !p.b.Spend(blockSteps) {
				return
			}
			blocks.offerText(b, p.extreme(b), from+r.at(k))
		}
	})
	blocks.prune()
	if p.only || !blocks.full {
		for _, it := range blocks.best {
			if !p.b.Spend(blockSteps) {
				return
			}
			b, i := p.c.t.At(int(it.at))
			p.block(b, int(it.at)-i)
		}
		return
	}
	// With later keys, a record of another block may be better if the best one
	// of its block equals the last of those by this key.
	last := blocks.limit.text
	p.eachRun(func(r *run, from int) {
		for k, b := range r.blocks {
			if !p.b.Spend(blockSteps) {
				return
			}
			if orderTexts(b.Joined(p.col, p.extreme(b)), last, p.desc) <= 0 {
				p.block(b, from+r.at(k))
			}
		}
	})
}

// extreme returns the best record of a block by a text column.
func (p *top) extreme(b *block.Block) int {
	least, most := b.Extremes(p.c.t.Layout, p.column)
	if p.desc {
		return most
	}
	return least
}

func (p *top) block(b *block.Block, start int) {
	for i := range b.Len() {
		p.offerText(b, i, start)
	}
}

// offerText offers record i of a block. Most are rejected by their first value.
func (p *top) offerText(b *block.Block, i, start int) {
	if p.full && p.worse(b.First(p.col, i)) {
		return
	}
	text := b.Joined(p.col, i)
	head := headOf(text, 0)
	if len(text) == 0 {
		head = lastHead
	}
	p.offer(p.directed(head), text, start+i)
}

// worse reports whether a record with this first value is not among the best.
func (p *top) worse(first []byte) bool {
	if len(first) == 0 || len(p.limit.text) == 0 {
		return len(p.limit.text) > 0
	}
	r := bytes.Compare(first, p.first)
	if p.desc {
		return r < 0
	}
	if n := len(p.first); len(first) > n && first[n] == 0 && bytes.HasPrefix(first, p.first) {
		return false // a value may contain the character that joins values
	}
	return r > 0
}
