package store

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// Selection is the ordered result list of a query on one generation: a filter
// and a sort cost once, every page of them costs its own length.
type Selection struct {
	g     *Snapshot
	all   bool     // all workflows by name
	sort  *sorted  // all workflows in another order
	order []uint32 // else their places
}

// Select returns the workflows that match, in order. The result is kept with the
// generation under terms, text, names, after and sort. It spends the budget of
// ctx, and its error wraps that of the budget when that is exhausted.
func (g *Snapshot) Select(ctx context.Context, q wire.Query) (*Selection, error) {
	if len(q.Terms) == 0 && q.Text == "" && len(q.Names) == 0 && q.After == "" && len(q.Sort) == 0 {
		return &Selection{g: g, all: true}, nil
	}
	b := budget.From(ctx)
	return g.lists.get(b, listKey(q), func() (*Selection, error) { return g.find(b, q) })
}

// Matching is Select without the result being kept, for a list of names that
// nobody asks for again.
func (g *Snapshot) Matching(ctx context.Context, q wire.Query) (*Selection, error) {
	return g.find(budget.From(ctx), q)
}

func (g *Snapshot) find(b *budget.Budget, q wire.Query) (*Selection, error) {
	s, err := g.tree.Scan(b, g.time.Unix(), q)
	if err != nil {
		return nil, err
	}
	sort := q.Sort
	if q.After != "" {
		sort = nil
	}
	set, err := s.Matches("")
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was done
	}
	if set == nil && len(sort) > 0 && !g.tree.ByName(sort) {
		l := &Selection{g: g, sort: newSorted(sort, listKey(q))}
		_, err := l.sort.places(b, g, 1) // a field that is not there is an error now
		return l, err
	}
	order, err := g.tree.Order(b, set, sort)
	if err != nil {
		return nil, err
	}
	return &Selection{g: g, all: order == nil && set == nil, order: order}, nil
}

// filterKey writes the conditions of a query so that different ones differ.
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

// Total is the number of workflows.
func (l *Selection) Total() int {
	if l.all || l.sort != nil {
		return l.g.Total()
	}
	return len(l.order)
}

// Prepare makes what Page, Versions and Last need up to end: an order of all
// workflows is made only as far as it is asked for. It spends the budget of ctx.
func (l *Selection) Prepare(ctx context.Context, end int) error {
	if l.sort == nil || end <= 0 {
		return nil
	}
	_, err := l.sort.places(budget.From(ctx), l.g, min(end, l.Total()))
	return err
}

// each calls f with the records idx..idx+limit, as far as there are so many.
func (l *Selection) each(idx, limit int, f func(b *block.Block, i int)) {
	idx = max(idx, 0)
	end := l.Total()
	if limit < end-idx {
		end = idx + max(limit, 0)
	}
	if l.all {
		l.g.tree.Range(idx, end, func(b *block.Block, i, j int) bool {
			for ; i < j; i++ {
				f(b, i)
			}
			return true
		})
		return
	}
	if idx >= end {
		return
	}
	order := l.order
	if l.sort != nil {
		var err error
		// Prepare has made it, unless the caller has no budget anyhow.
		if order, err = l.sort.places(budget.Unbounded(), l.g, end); err != nil { // not reached: Select has made the first
			l.g.store.opt.Log.Error("page can't be sorted", "generation", l.g.id, "err", err)
			return
		}
	}
	for _, at := range order[idx:end] {
		f(l.g.tree.At(int(at)))
	}
}

// Page returns encoded records idx..idx+limit, each one JSON object, no
// newline. They must not be changed.
func (l *Selection) Page(idx, limit int) [][]byte {
	out := make([][]byte, 0, max(0, min(limit, l.Total()-max(idx, 0))))
	l.each(idx, limit, func(b *block.Block, i int) { out = append(out, b.Record(i)) })
	return out
}

// Versions returns the content hash of that page, for ETags and cache keys. It
// spends the budget of ctx: a page may be all there is.
func (l *Selection) Versions(ctx context.Context, idx, limit int) (uint64, error) {
	const record = 20
	var v versions
	spent := budget.From(ctx)
	l.each(idx, limit, func(b *block.Block, i int) { //nolint:contextcheck // Prepare has spent the budget
		if spent.Spend(record) {
			v.add(b.Hash(i))
		}
	})
	return v.sum(), spent.Stopped() //nolint:wrapcheck // it is the request's own end
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
		_, _ = v.d.Write(v.buf[:]) // a hash takes all
	}
}

func (v *versions) sum() uint64 {
	if v.n == 0 {
		return xxhash.Sum64(nil)
	}
	_, _ = v.d.Write(v.buf[:v.n*8%len(v.buf)])
	return v.d.Sum64()
}

// Last returns the name of the last workflow of that page, "" of an empty one.
func (l *Selection) Last(idx, limit int) (name string) {
	if n := min(limit, l.Total()-max(idx, 0)); n > 0 {
		l.each(max(idx, 0)+n-1, 1, func(b *block.Block, i int) { name = string(b.Name(l.g.store.layout, i)) })
	}
	return name
}

// AppendPage appends the plain form of a page: for JSON an array with one
// record a line, for NDJSON one record a line.
func AppendPage(dst []byte, records [][]byte, format wire.Format) []byte {
	size := 4
	for _, r := range records {
		size += len(r) + 2
	}
	if cap(dst)-len(dst) < size {
		dst = append(make([]byte, 0, len(dst)+size), dst...)
	}
	if format == wire.NDJSON {
		for _, r := range records {
			dst = append(append(dst, r...), '\n')
		}
		return dst
	}
	dst = append(dst, '[')
	for i, r := range records {
		if i > 0 {
			dst = append(dst, ",\n"...)
		}
		dst = append(dst, r...)
	}
	return append(dst, "]\n"...)
}

// lists keeps the newest results of a generation. Each is made once, also when
// many ask for it at the same time.
type lists struct {
	store *Store
	most  int64 // bytes

	mu   sync.Mutex
	kept map[string]*keptList
	used []string // keys, the one used last at the end
	size int64
}

// keptList is a result, or the place of one that is being made. What is in it
// is written before made is closed.
type keptList struct {
	made chan struct{}
	list *Selection
	err  error
	size int64 // that it may get
	done bool  // list is there; guarded by the lock of lists
}

// maxLists bounds the kept results of one generation. All of them may take half
// of what is for the lists of all generations.
const maxLists = 128

func newLists(s *Store) lists { return lists{store: s, most: s.opt.Memory / listShare / 2} }

// errMaker stands in a place whose maker panicked.
var errMaker = errors.New("the result was not made")

// get returns the result under a key, and makes it if nobody has. Who asks for
// one that is being made waits for it; if its maker gives up, because its client
// left or its budget is exhausted, the next one makes it with its own budget.
func (l *lists) get(b *budget.Budget, key string, find func() (*Selection, error)) (*Selection, error) {
	for {
		k, mine := l.entry(key)
		if mine {
			return l.make(key, k, find)
		}
		select {
		case <-k.made:
		default:
			if err := b.Wait(k.made); err != nil {
				return nil, err //nolint:wrapcheck // it is the request's own end
			}
		}
		if k.err == nil {
			return k.list, nil
		}
	}
}

func (l *lists) make(key string, k *keptList, find func() (*Selection, error)) (*Selection, error) {
	k.err = errMaker
	defer close(k.made)
	defer func() {
		if k.err != nil {
			l.remove(key, k)
		}
	}()
	k.list, k.err = find()
	if k.err == nil {
		l.grow(key, k)
		l.store.listed(k.size)
	}
	return k.list, k.err
}

// remove takes back the place of a result that could not be made.
func (l *lists) remove(key string, k *keptList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept[key] != k {
		return
	}
	delete(l.kept, key)
	l.used = slices.DeleteFunc(l.used, func(used string) bool { return used == key })
}

// peek gives a result that is there already.
func (l *lists) peek(key string) *Selection {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.kept[key]; k != nil && k.done {
		return k.list
	}
	return nil
}

// entry returns the place of a result; mine says that the caller has to make it.
func (l *lists) entry(key string) (k *keptList, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept[key]
	if ok {
		for i, used := range l.used {
			if used == key {
				l.used = append(append(l.used[:i], l.used[i+1:]...), key)
				break
			}
		}
		return k, false
	}
	if l.kept == nil {
		l.kept = map[string]*keptList{}
	}
	k = &keptList{made: make(chan struct{})}
	l.kept[key] = k
	l.used = append(l.used, key)
	l.shrink()
	return k, true
}

func (l *lists) grow(key string, k *keptList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept[key] != k { // let go of in the meantime
		return
	}
	k.done = true
	k.size = listBytes + int64(len(key)) + 4*int64(cap(k.list.order))
	if k.list.sort != nil {
		k.size = 4 * int64(k.list.g.Total()) // as soon as a page far behind is asked for
	}
	l.size += k.size
	l.shrink()
}

// shrink lets go of the results not used for longest; the last one stays.
func (l *lists) shrink() {
	for len(l.used) > 1 && (len(l.used) > maxLists || l.size > l.most) {
		l.size -= l.kept[l.used[0]].size
		delete(l.kept, l.used[0])
		l.used = l.used[1:]
	}
}

// listBytes is what a kept list takes beside its places.
const listBytes = int64(unsafe.Sizeof(keptList{})+unsafe.Sizeof(Selection{})+unsafe.Sizeof(sorted{})) + 2*byText + twoChannels

const twoChannels = 208 // bytes: that of keptList, that of sorted

// held is the memory of the results that are there, in bytes, and their number.
func (l *lists) held() (bytes int64, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, k := range l.kept {
		if bytes += listBytes + int64(len(key)); k.done {
			bytes += k.list.held()
		}
	}
	return bytes, len(l.kept)
}

// clear lets go of all results.
func (l *lists) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.used, l.size = nil, nil, 0
}

// held is the memory of the places that a list has now, in bytes.
func (l *Selection) held() int64 {
	n := cap(l.order)
	if l.sort != nil {
		n += l.sort.held()
	}
	return 4 * int64(n)
}
