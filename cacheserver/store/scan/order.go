package scan

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/store/block"
	"github.com/dmwm/wmstats/cacheserver/store/tree"
	"github.com/dmwm/wmstats/schema/wire"
)

// key is one sort key made into numbers, one for each record of a list, from 0.
type key struct {
	values []uint64
	bits   int
}

// Order gives the places of the records of set (nil: all) in the order asked
// for; ties by name. Nil means all records by name.
func Order(t *tree.Tree, set *tree.Set, sort []wire.SortKey) ([]uint32, error) {
	for i, k := range sort {
		if k.Field == t.Layout.Columns[0].Key { // no two have the same name
			sort = sort[:i+1]
			break
		}
	}
	byName := len(sort) == 0 || sort[0].Field == t.Layout.Columns[0].Key
	down := byName && len(sort) > 0 && sort[0].Desc
	if set == nil && byName && !down {
		return nil, nil
	}
	list := places(t, set)
	if byName {
		if down {
			slices.Reverse(list)
		}
		return list, nil
	}
	keys := make([]key, 0, len(sort))
	for _, k := range sort {
		key, err := keyOf(t, list, k)
		if err != nil {
			return nil, fmt.Errorf("sort by %s: %w", k.Field, err)
		}
		keys = append(keys, key)
	}
	return arrange(list, keys), nil
}

func places(t *tree.Tree, set *tree.Set) []uint32 {
	if set != nil {
		return set.Places(make([]uint32, 0, set.Len()))
	}
	list := make([]uint32, t.Len())
	for i := range list {
		list[i] = uint32(i)
	}
	return list
}

// arrange sorts list, which is in the order of names, by keys.
func arrange(list []uint32, keys []key) []uint32 {
	place := bits.Len(uint(len(list)))
	packed := make([]uint64, len(list))
	for i := range packed {
		packed[i] = uint64(i)
	}
	// The least key first: each later sort keeps the order of equals. As many
	// keys as fit into a word with the place are sorted at once.
	for len(keys) > 0 {
		width, n := 0, 0
		for n < len(keys) && width+keys[len(keys)-1-n].bits+place <= 64 {
			width += keys[len(keys)-1-n].bits
			n++
		}
		group := keys[len(keys)-n:]
		keys = keys[:len(keys)-n]
		for i, p := range packed {
			at := p & (1<<place - 1)
			var v uint64
			for _, k := range group {
				v = v<<k.bits | k.values[at]
			}
			packed[i] = v<<place | at
		}
		packed = radix(packed, place, width)
	}
	out := make([]uint32, len(list))
	for i, p := range packed {
		out[i] = list[p&(1<<place-1)]
	}
	return out
}

// radix sorts by bits from..from+width and keeps the order of equals.
func radix(a []uint64, from, width int) []uint64 {
	const digit = 11
	if len(a) < 512 {
		mask := uint64(1)<<width - 1
		slices.SortStableFunc(a, func(x, y uint64) int { return cmp.Compare(x>>from&mask, y>>from&mask) })
		return a
	}
	b := make([]uint64, len(a))
	for ; width > 0; from, width = from+digit, width-digit {
		mask := uint64(1)<<min(digit, width) - 1
		var next [1 << digit]uint32
		for _, x := range a {
			next[x>>from&mask]++
		}
		sum := uint32(0)
		for i, n := range next {
			next[i] = sum
			sum += n
		}
		for _, x := range a {
			d := x >> from & mask
			b[next[d]] = x
			next[d]++
		}
		a, b = b, a
	}
	return a
}

// keyOf makes the numbers of one sort key for the records of list, ascending
// places.
func keyOf(t *tree.Tree, list []uint32, k wire.SortKey) (key, error) {
	n, ok := t.Layout.Column(k.Field)
	if !ok {
		return key{}, errField
	}
	col := &t.Layout.Columns[n]
	out := key{values: make([]uint64, len(list))}
	switch col.Kind {
	case block.Int, block.Bool:
		eachPane(t, list, n, func(p *tree.Pane, i, at int) { out.values[i] = uint64(p.Ints[at]) ^ 1<<63 })
	case block.Float:
		eachPane(t, list, n, func(p *tree.Pane, i, at int) { out.values[i] = orderedBits(p.Floats[at]) })
	case block.Code:
		ranks := col.Dict.Ranks()
		eachPane(t, list, n, func(p *tree.Pane, i, at int) { out.values[i] = uint64(ranks[p.Codes[at]]) })
	case block.Codes:
		out.values = rankLists(t, list, n, col.Dict.Ranks())
	default:
		out.values = rankTexts(t, list, col)
	}
	out.finish(k.Desc, bits.Len(uint(len(list))))
	return out, nil
}

// eachPane calls f with the pane of each record of list, the record's place in
// list and in the pane.
func eachPane(t *tree.Tree, list []uint32, column int, f func(p *tree.Pane, i, at int)) {
	i := 0
	for k, c := range t.Chunks() {
		start, end := t.Start(k), t.Start(k)+c.Len()
		if i == len(list) {
			return
		}
		if int(list[i]) >= end {
			continue
		}
		p := c.Pane(t.Layout, column)
		for ; i < len(list) && int(list[i]) < end; i++ {
			f(p, i, int(list[i])-start)
		}
	}
}

func orderedBits(f float64) uint64 {
	b := math.Float64bits(f)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// finish lets the values begin at 0, turns them round for a descending order
// and makes sure that they fit into a word together with a place.
func (k *key) finish(desc bool, place int) {
	if len(k.values) == 0 {
		return
	}
	least, most := k.values[0], k.values[0]
	for _, v := range k.values {
		least, most = min(least, v), max(most, v)
	}
	if bits.Len64(most-least)+place > 64 {
		k.values = ranked(len(k.values), func(a, b uint32) int { return cmp.Compare(k.values[a], k.values[b]) })
		least, most = 0, slices.Max(k.values)
	}
	for i, v := range k.values {
		if desc {
			k.values[i] = most - v
		} else {
			k.values[i] = v - least
		}
	}
	k.bits = bits.Len64(most - least)
}

// ranked gives each of n items its rank by compare; equal items the same one.
func ranked(n int, compare func(a, b uint32) int) []uint64 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, compare)
	ranks := make([]uint64, n)
	rank := uint64(0)
	for i, item := range order {
		if i > 0 && compare(order[i-1], item) != 0 {
			rank++
		}
		ranks[item] = rank
	}
	return ranks
}

// rankTexts ranks the records of list by a Text or Texts column; lists by
// their first elements, then the second ones.
func rankTexts(t *tree.Tree, list []uint32, col *block.Column) []uint64 {
	texts := make([][]byte, len(list))
	prefix := make([]uint64, len(list))
	i := 0
	for k, c := range t.Chunks() {
		start := t.Start(k)
		for n, b := range c.Blocks {
			for ; i < len(list) && int(list[i]) < start+c.Starts[n+1]; i++ {
				at := int(list[i]) - start - c.Starts[n]
				texts[i] = joinTexts(b, col, at)
			}
		}
	}
	common := commonPrefix(texts)
	for i, text := range texts {
		if len(text) < common {
			continue
		}
		var head [8]byte
		copy(head[:], text[common:])
		for _, c := range head {
			prefix[i] = prefix[i]<<8 | uint64(c)
		}
	}
	return ranked(len(list), func(a, b uint32) int {
		if c := cmp.Compare(prefix[a], prefix[b]); c != 0 {
			return c
		}
		return bytes.Compare(texts[a], texts[b])
	})
}

// joinTexts joins the values of a record with the smallest character, so that
// the order of the joined texts is that of the lists.
func joinTexts(b *block.Block, col *block.Column, at int) []byte {
	texts := distinct(nil, b, col, at)
	if len(texts) == 1 {
		return texts[0]
	}
	return bytes.Join(texts, []byte{0})
}

// commonPrefix is the length of what all texts that are not empty begin with.
func commonPrefix(texts [][]byte) int {
	var first []byte
	n := 0
	for _, text := range texts {
		if len(text) == 0 {
			continue
		}
		if first == nil {
			first, n = text, len(text)
		}
		for n > 0 && (len(text) < n || !bytes.Equal(text[:n], first[:n])) {
			n--
		}
	}
	return n
}

// rankLists ranks the records of list by a Codes column.
func rankLists(t *tree.Tree, list []uint32, column int, ranks []uint32) []uint64 {
	lists := make([][]uint32, len(list))
	width := bits.Len(uint(len(ranks)))
	fit := 63 / width
	long := false
	values := make([]uint64, len(list))
	eachPane(t, list, column, func(p *tree.Pane, i, at int) {
		start := uint32(0)
		if at > 0 {
			start = p.Ends[at-1]
		}
		lists[i] = p.Codes[start:p.Ends[at]]
		long = long || len(lists[i]) > fit
		for n := range fit {
			values[i] <<= width
			if n < len(lists[i]) {
				values[i] |= uint64(ranks[lists[i][n]]) + 1
			}
		}
	})
	if !long {
		return values
	}
	return ranked(len(list), func(a, b uint32) int {
		if c := cmp.Compare(values[a], values[b]); c != 0 {
			return c
		}
		return slices.CompareFunc(lists[a], lists[b], func(x, y uint32) int { return cmp.Compare(ranks[x], ranks[y]) })
	})
}
