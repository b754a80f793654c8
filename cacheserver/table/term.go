package table

import (
	"fmt"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// term returns the check of one condition. A missing value, including an empty
// text or list, never matches a positive condition and always matches a negative
// one.
func (s *Scan) term(t wire.Term) (check, error) {
	k, col, err := s.column(t.Field)
	if err != nil {
		return check{}, err
	}
	c := check{field: t.Field}
	switch col.Kind {
	case block.Int, block.Bool:
		keep, err := t.MatchNumber(col.Field, float64(s.now))
		c.cost = costNumber
		c.keep = func(r *run, words []uint64) {
			ints := r.column(s.table.Layout, k).ints
			narrow(words, len(ints), func(i int) bool { return keep(float64(ints[i])) })
		}
		return c, err
	case block.Float:
		keep, err := t.MatchNumber(col.Field, float64(s.now))
		c.cost = costNumber
		c.keep = func(r *run, words []uint64) {
			floats := r.column(s.table.Layout, k).floats
			narrow(words, len(floats), func(i int) bool { return keep(floats[i]) })
		}
		return c, err
	case block.Code, block.Codes:
		want, err := s.wanted(t, col)
		c.cost, c.share = costCode, share(want)
		c.keep = func(r *run, words []uint64) { keepCodes(r.column(s.table.Layout, k).codes, want, words) }
		if col.Kind == block.Codes {
			c.cost = costList
			negative := t.Op == wire.NotIn || t.Op == wire.HasNot
			c.keep = func(r *run, words []uint64) {
				p := r.column(s.table.Layout, k)
				if s.budget.Spend(len(p.codes)) {
					keepLists(p, want, negative, words)
				}
			}
		}
		return c, err
	}
	keep, err := s.text(t, col)
	c.cost = costText
	c.keep = func(r *run, words []uint64) { narrowRecords(r, words, keep) }
	return c, err
}

// textSteps are the steps of checking one text of a dictionary.
const textSteps = 50

// wanted resolves the values of a condition once: 1 for each code to keep. For
// lists these are the codes in the condition, even if it is negative.
func (s *Scan) wanted(t wire.Term, col *block.Column) ([]uint8, error) {
	texts := col.Dict.Texts()
	want := make([]uint8, len(texts))
	negative := uint8(0)
	switch t.Op {
	case wire.In, wire.NotIn:
		match := newGlobs(s.budget, t.Values)
		for code, text := range texts {
			if !s.budget.Spend(textSteps) {
				return nil, s.err()
			}
			if text != "" && match.text(text) {
				want[code] = 1
			}
		}
		if t.Op == wire.NotIn {
			negative = 1
		}
	case wire.Has, wire.HasNot:
		for code, text := range texts {
			if text != "" {
				want[code] = 1
			}
		}
		if t.Op == wire.HasNot {
			negative = 1
		}
	default:
		return nil, fmt.Errorf("condition %q needs a number", t.Op)
	}
	if col.Kind == block.Code {
		for code := range want {
			want[code] ^= negative
		}
	}
	return want, nil
}

func keepCodes(codes []uint32, want []uint8, words []uint64) {
	if sparse(words) {
		narrow(words, len(codes), func(i int) bool { return want[codes[i]] != 0 })
		return
	}
	for k := range words {
		var bits uint64
		for i, code := range codes[k*64 : min(k*64+64, len(codes))] {
			bits |= uint64(want[code]) << (i & 63)
		}
		words[k] &= bits
	}
}

func keepLists(p *column, want []uint8, negative bool, words []uint64) {
	narrow(words, len(p.ends), func(i int) bool {
		for _, code := range p.list(i) {
			if want[code] != 0 {
				return !negative
			}
		}
		return negative
	})
}

// share estimates how many percent of the records have one of the codes.
func share(want []uint8) int {
	n := 0
	for _, w := range want {
		n += int(w)
	}
	return 100 * n / max(1, len(want))
}
