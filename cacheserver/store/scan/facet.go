package scan

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/store/block"
	"github.com/dmwm/wmstats/cacheserver/store/tree"
	"github.com/dmwm/wmstats/schema/wire"
)

// DefaultValues is the number of values of a facet that asks for none.
const DefaultValues = wire.DefaultFacet

// Facet counts the values of one field under all conditions but those on the
// field itself. A list counts once for each of its values.
func (s *Scan) Facet(f wire.Facet) (wire.FacetResult, error) {
	n, col, err := s.column(f.Field)
	if err != nil {
		return wire.FacetResult{}, fmt.Errorf("facet %s: %w", f.Field, err)
	}
	set := s.sideways(f.Field)
	var values []wire.FacetValue
	var missing int
	switch col.Kind {
	case block.Code, block.Codes:
		values, missing = s.countCodes(set, n, col)
	case block.Int, block.Bool, block.Float:
		values, missing = s.countNumbers(set, n, col)
	default:
		values, missing = s.countTexts(set, col)
	}
	return facetResult(values, missing, f.Limit), nil
}

func facetResult(values []wire.FacetValue, missing, limit int) wire.FacetResult {
	if limit <= 0 {
		limit = DefaultValues
	}
	slices.SortFunc(values, func(a, b wire.FacetValue) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Value, b.Value))
	})
	r := wire.FacetResult{Distinct: len(values), Missing: missing, Values: values}
	if len(values) > limit {
		for _, v := range values[limit:] {
			r.Other += v.Count
		}
		r.Values = slices.Clone(values[:limit])
	}
	if r.Values == nil {
		r.Values = []wire.FacetValue{}
	}
	return r
}

// each calls f with the places in the chunk of the records of set (nil: all).
func (s *Scan) each(set *tree.Set, k int, f func(i int)) {
	if set == nil {
		for i := range s.tree.Chunks()[k].Len() {
			f(i)
		}
		return
	}
	for w, word := range set.Chunk(k) {
		for ; word != 0; word &= word - 1 {
			f(w*64 + bits.TrailingZeros64(word))
		}
	}
}

func (s *Scan) countCodes(set *tree.Set, n int, col *block.Column) (values []wire.FacetValue, missing int) {
	texts := col.Dict.Texts()
	counts := make([]int, len(texts))
	for k, c := range s.tree.Chunks() {
		p := c.Pane(s.tree.Layout, n)
		switch {
		case set == nil && col.Kind == block.Code:
			countAll(counts, p.Codes)
		case set == nil:
			countAll(counts, p.Codes)
			counts[0] += p.Empty
		case col.Kind == block.Code:
			countSome(counts, p.Codes, set.Chunk(k))
		default:
			countLists(counts, p, set.Chunk(k))
		}
	}
	for code, n := range counts[1:] {
		if n > 0 {
			values = append(values, wire.FacetValue{Value: texts[code+1], Count: n})
		}
	}
	return values, counts[0]
}

func countAll(counts []int, codes []uint32) {
	for _, code := range codes {
		counts[code]++
	}
}

func countSome(counts []int, codes []uint32, words []uint64) {
	for w, word := range words {
		if word == ^uint64(0) {
			countAll(counts, codes[w*64:w*64+64])
			continue
		}
		for ; word != 0; word &= word - 1 {
			counts[codes[w*64+bits.TrailingZeros64(word)]]++
		}
	}
}

func countLists(counts []int, p *tree.Pane, words []uint64) {
	for w, word := range words {
		for ; word != 0; word &= word - 1 {
			list := p.List(w*64 + bits.TrailingZeros64(word))
			if len(list) == 0 {
				counts[0]++
			}
			countAll(counts, list)
		}
	}
}

func (s *Scan) countNumbers(set *tree.Set, n int, col *block.Column) (values []wire.FacetValue, missing int) {
	counts := map[float64]int{}
	for k, c := range s.tree.Chunks() {
		p := c.Pane(s.tree.Layout, n)
		s.each(set, k, func(i int) {
			if col.Kind == block.Float {
				counts[p.Floats[i]]++
			} else {
				counts[float64(p.Ints[i])]++
			}
		})
	}
	for v, n := range counts {
		if v == -1 || v == 0 && col.Unit == "Unix s" {
			missing += n
			continue
		}
		values = append(values, wire.FacetValue{Value: numberText(v, col), Count: n})
	}
	return values, missing
}

func numberText(v float64, col *block.Column) string {
	if col.Kind == block.Bool {
		return strconv.FormatBool(v != 0)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func (s *Scan) countTexts(set *tree.Set, col *block.Column) (values []wire.FacetValue, missing int) {
	counts := map[string]*int{}
	s.eachTexts(set, col, func(texts [][]byte) {
		if len(texts) == 0 {
			missing++
		}
		for _, text := range texts {
			n := counts[string(text)]
			if n == nil {
				n = new(int)
				counts[string(text)] = n
			}
			*n++
		}
	})
	for text, n := range counts {
		values = append(values, wire.FacetValue{Value: text, Count: *n})
	}
	return values, missing
}

// eachTexts calls f with the different texts that are not empty of each record
// of set, in a Text or Texts column.
func (s *Scan) eachTexts(set *tree.Set, col *block.Column, f func(texts [][]byte)) {
	var texts [][]byte
	for k, c := range s.tree.Chunks() {
		b := 0
		s.each(set, k, func(i int) {
			for i >= c.Starts[b+1] {
				b++
			}
			texts = distinct(texts[:0], c.Blocks[b], col, i-c.Starts[b])
			f(texts)
		})
	}
}
