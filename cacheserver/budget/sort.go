package budget

import (
	"math/bits"
	"slices"
)

// Limits of a run: the number of items that are sorted without a check.
const (
	longestRun = 1 << 12
	runSteps   = 1 << 18
)

// runOf returns the length of a run whose comparisons take the given number of
// steps.
func runOf(each int) int {
	run := longestRun
	for run > 2 && run*bits.Len(uint(run))*each > runSteps {
		run /= 2
	}
	return run
}

// Sort sorts like slices.SortFunc. each is the steps of one comparison. False
// means that the budget is exhausted and the items are in undefined order.
func Sort[T any](b *Budget, items []T, each int, compare func(x, y T) int) bool {
	run := runOf(each)
	for start := 0; start < len(items); start += run {
		piece := items[start:min(start+run, len(items))]
		if !b.Spend(len(piece) * bits.Len(uint(len(piece))) * each) {
			return false
		}
		slices.SortFunc(piece, compare)
	}
	if len(items) <= run {
		return true
	}
	from, to := items, make([]T, len(items))
	for width := run; width < len(items); width *= 2 {
		for i := 0; i < len(items); i += 2 * width {
			mid, end := min(i+width, len(items)), min(i+2*width, len(items))
			if !merge(b, to[i:end], from[i:mid], from[mid:end], run, each, compare) {
				return false
			}
		}
		from, to = to, from
	}
	if &from[0] != &items[0] {
		copy(items, from)
	}
	return true
}

// merge merges two sorted lists.
func merge[T any](b *Budget, to, x, y []T, piece, each int, compare func(x, y T) int) bool {
	for n := range to {
		if n%piece == 0 && !b.Spend(min(piece, len(to)-n)*each) {
			return false
		}
		if len(y) == 0 || len(x) > 0 && compare(x[0], y[0]) <= 0 {
			to[n], x = x[0], x[1:]
		} else {
			to[n], y = y[0], y[1:]
		}
	}
	return true
}
