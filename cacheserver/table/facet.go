package table

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// DefaultValues is the default number of values of a facet.
const DefaultValues = wire.DefaultFacet

// Facet counts the values of one field under all conditions but those on the
// field itself. A list counts once for each of its values. Values that do not
// begin with prefix, in lower case, are skipped.
func (s *Scan) Facet(f wire.Facet, prefix string) (r wire.FacetResult, err error) {
	n, col, err := s.column(f.Field)
	if err != nil {
		return wire.FacetResult{}, fmt.Errorf("facet %s: %w", f.Field, err)
	}
	set, err := s.sideways(f.Field)
	if err != nil {
		return r, err
	}
	values, missing := s.count(set, n, col)
	if err := s.err(); err != nil {
		return r, err
	}
	if prefix != "" {
		values = slices.DeleteFunc(values, func(v wire.FacetValue) bool {
			return !s.budget.Spend(textSteps+len(v.Value)) || !strings.HasPrefix(strings.ToLower(v.Value), prefix)
		})
	}
	r = s.facetResult(values, missing, f.Limit)
	return r, s.err()
}

// Values counts all values of one field under all conditions, in any order. A list
// counts once for each of its values.
func (s *Scan) Values(field string) ([]wire.FacetValue, error) {
	n, col, err := s.column(field)
	if err != nil {
		return nil, fmt.Errorf("values of %s: %w", field, err)
	}
	set, err := s.Matches("")
	if err != nil {
		return nil, err
	}
	values, _ := s.count(set, n, col)
	return values, s.err()
}

// count counts the values of a column in the records of set (nil: all), and the
// records without one.
func (s *Scan) count(set *Set, n int, col *block.Column) (values []wire.FacetValue, missing int) {
	switch col.Kind {
	case block.Code, block.Codes:
		return s.countCodes(set, n, col)
	case block.Int, block.Bool, block.Float:
		return s.countNumbers(set, n, col)
	}
	return s.countTexts(set, col)
}

func (s *Scan) facetResult(values []wire.FacetValue, missing, limit int) wire.FacetResult {
	if limit <= 0 {
		limit = DefaultValues
	}
	r := wire.FacetResult{Distinct: len(values), Missing: missing, Values: mostFrequent(s.budget, values, limit)}
	for _, v := range r.Values {
		r.Other -= v.Count
	}
	for _, v := range values {
		r.Other += v.Count
	}
	return r
}

// mostFrequent returns at most most of the values, most frequent first, then by
// value. Sorting all of them would cost more.
func mostFrequent(b *budget.Budget, values []wire.FacetValue, most int) []wire.FacetValue {
	order := func(x, y wire.FacetValue) int {
		return cmp.Or(y.Count-x.Count, cmp.Compare(x.Value, y.Value))
	}
	best := make([]wire.FacetValue, 0, min(2*most, len(values)))
	var worst wire.FacetValue // of the best, once there are enough
	full := false
	for _, v := range values {
		if !b.Spend(stepsOfOne) {
			break
		}
		if full && order(v, worst) > 0 {
			continue
		}
		if best = append(best, v); len(best) == 2*most {
			budget.Sort(b, best, compareSteps, order)
			best = best[:most]
			worst, full = best[most-1], true
		}
	}
	budget.Sort(b, best, compareSteps, order)
	return best[:min(most, len(best))]
}

// Steps of small operations.
const (
	stepsOfOne   = 10  // checking one value
	stepsOfMap   = 100 // an entry of a large map
	compareSteps = 20  // comparing two texts
)

// each calls f with the indexes in run k of the records of set (nil: all).
func (s *Scan) each(set *Set, k int, f func(i int)) {
	if set == nil {
		r := s.table.run(k)
		for i := range r.len() {
			f(i)
		}
		return
	}
	for w, word := range set.run(k) {
		for ; word != 0; word &= word - 1 {
			f(w*64 + bits.TrailingZeros64(word))
		}
	}
}

func (s *Scan) countCodes(set *Set, n int, col *block.Column) (values []wire.FacetValue, missing int) {
	texts := col.Dict.Texts()
	counts := make([]int, len(texts))
	for k := range s.table.runs() {
		r := s.table.run(k)
		p := r.column(s.table.Layout, n)
		if !s.spend(&r, 1) || !s.budget.Spend(len(p.codes)) {
			return nil, 0
		}
		switch {
		case set == nil && col.Kind == block.Code:
			countAll(counts, p.codes)
		case set == nil:
			countAll(counts, p.codes)
			counts[0] += p.empty
		case col.Kind == block.Code:
			countSome(counts, p.codes, set.run(k))
		default:
			countLists(counts, p, set.run(k))
		}
	}
	for code, n := range counts[1:] {
		if n > 0 && s.budget.Spend(stepsOfOne) {
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

func countLists(counts []int, p *column, words []uint64) {
	for w, word := range words {
		for ; word != 0; word &= word - 1 {
			list := p.list(w*64 + bits.TrailingZeros64(word))
			if len(list) == 0 {
				counts[0]++
			}
			countAll(counts, list)
		}
	}
}

func (s *Scan) countNumbers(set *Set, n int, col *block.Column) (values []wire.FacetValue, missing int) {
	counts := map[float64]int{}
	for k := range s.table.runs() {
		r := s.table.run(k)
		if !s.spend(&r, 1) {
			return nil, 0
		}
		p := r.column(s.table.Layout, n)
		s.each(set, k, func(i int) {
			if !s.budget.Spend(stepsOfMap) {
				return
			}
			if col.Kind == block.Float {
				counts[p.floats[i]]++
			} else {
				counts[float64(p.ints[i])]++
			}
		})
	}
	for v, n := range counts {
		if !s.budget.Spend(stepsOfMap) {
			break
		}
		if col.Missing(v) {
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

func (s *Scan) countTexts(set *Set, col *block.Column) (values []wire.FacetValue, missing int) {
	counts := map[string]*int{}
	s.eachTexts(set, col, func(texts [][]byte) {
		if !s.budget.Spend(stepsOfMap * (1 + len(texts))) {
			return
		}
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
		if !s.budget.Spend(stepsOfMap) {
			break
		}
		values = append(values, wire.FacetValue{Value: text, Count: *n})
	}
	return values, missing
}

// eachTexts calls f with the distinct non-empty texts of each record of set, in
// a Text or Texts column.
func (s *Scan) eachTexts(set *Set, col *block.Column, f func(texts [][]byte)) {
	var texts [][]byte
	for k := range s.table.runs() {
		b, r := 0, s.table.run(k)
		if !s.spend(&r, 1) {
			return
		}
		s.each(set, k, func(i int) {
			for i >= r.at(b+1) {
				b++
			}
			texts = r.blocks[b].AppendDistinct(texts[:0], col, i-r.at(b))
			f(texts)
		})
	}
}
