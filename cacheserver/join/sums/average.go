package sums

import (
	"maps"
	"math"
	"math/bits"
	"slices"
)

// averages is a sum of averages: of amounts that are each divided by a small
// number of datasets. The amounts are kept by that number and only divided on
// request, so nothing is rounded on the way, and an added amount can be removed
// again.
type averages map[int64]*amount

// amount is a sum of 128 bits: documents have up to 64.
type amount struct {
	high  int64
	low   uint64
	terms int
}

func (a *amount) add(v int64) {
	low, carry := bits.Add64(a.low, uint64(v), 0)
	a.low, a.high = low, a.high+v>>63+int64(carry)
}

func (a *amount) sub(v int64) {
	low, borrow := bits.Sub64(a.low, uint64(v), 0)
	a.low, a.high = low, a.high-v>>63-int64(borrow)
}

// changeKnown adds or removes v; -1, unknown, is ignored.
func (a *amount) changeKnown(v, sign int64) {
	switch {
	case v < 0:
		return
	case sign > 0:
		a.add(v)
	default:
		a.sub(v)
	}
	a.terms += int(sign)
}

// known returns the sum, at most the largest 64-bit number, and -1, unknown, if
// nothing was added: 0 is a valid value of workflows.
func (a *amount) known() int64 {
	switch {
	case a.terms == 0:
		return -1
	case a.high > 0 || a.low > math.MaxInt64:
		return math.MaxInt64
	}
	return int64(a.low)
}

func (a *amount) float() float64 { return math.Ldexp(float64(a.high), 64) + float64(a.low) }

// change adds or removes sum / n; without n there is no average.
func (a averages) change(sum, n, sign int64) {
	if n <= 0 {
		return
	}
	s := a[n]
	if s == nil {
		s = &amount{}
		a[n] = s
	}
	if s.terms += int(sign); s.terms == 0 {
		delete(a, n)
		return
	}
	if sign > 0 {
		s.add(sum)
	} else {
		s.sub(sum)
	}
}

// sum returns the sum of all averages; it does not depend on the order of the
// changes.
func (a averages) sum() (sum float64) {
	for _, n := range slices.Sorted(maps.Keys(a)) {
		sum += a[n].float() / float64(n)
	}
	return sum
}
