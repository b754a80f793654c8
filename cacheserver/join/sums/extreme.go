package sums

import (
	"container/heap"
	"slices"
)

// oldest knows the smallest of a bag of times from which some are removed again.
// Removed ones are kept aside until they come up: one number for each time, and
// no map.
type oldest struct{ in, out times }

type times []int64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(int64)) }
func (t *times) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}

// add adds a time; 0, unknown, is ignored.
func (o *oldest) add(t int64) {
	if t > 0 {
		heap.Push(&o.in, t)
	}
}

// remove removes a time of the bag.
func (o *oldest) remove(t int64) {
	if t <= 0 {
		return
	}
	heap.Push(&o.out, t)
	o.settle()
	if len(o.out) > len(o.in)/2+64 {
		o.compact()
	}
}

func (o *oldest) settle() {
	for len(o.out) > 0 && o.out[0] == o.in[0] {
		heap.Pop(&o.in)
		heap.Pop(&o.out)
	}
}

// compact deletes all removed times. A sorted slice is a heap too.
func (o *oldest) compact() {
	in, out := sorted(o.in), sorted(o.out)
	kept := make(times, 0, len(in)-len(out))
	for _, t := range in {
		if len(out) > 0 && out[0] == t {
			out = out[1:]
			continue
		}
		kept = append(kept, t)
	}
	o.in, o.out = kept, nil
}

// min returns the smallest time; 0 if there is none.
func (o *oldest) min() int64 {
	if len(o.in) == 0 {
		return 0
	}
	return o.in[0]
}

// tally counts the few different numbers of a bag and knows the extremes. After
// an extreme was removed, the new one is only searched on request: when
// thousands of workflows leave at once, each may be the extreme of its time.
type tally struct {
	counts   map[int64]int
	min, max int64
	lost     bool // an extreme was removed: min and max must be searched again
}

// add adds a number; -1, unknown, is ignored.
func (t *tally) add(v int64) {
	if v == -1 {
		return
	}
	if t.counts == nil {
		t.counts = map[int64]int{}
	}
	if len(t.counts) == 0 {
		t.min, t.max, t.lost = v, v, false
	}
	t.counts[v]++
	t.min, t.max = min(t.min, v), max(t.max, v)
}

func (t *tally) remove(v int64) {
	if v == -1 {
		return
	}
	if t.counts[v]--; t.counts[v] > 0 {
		return
	}
	delete(t.counts, v)
	t.lost = t.lost || v == t.min || v == t.max
}

// extremes returns the smallest and the greatest number; -1 and -1 if there is
// none.
func (t *tally) extremes() (least, most int64) {
	if len(t.counts) == 0 {
		return -1, -1
	}
	if !t.lost {
		return t.min, t.max
	}
	first := true
	t.min, t.max, t.lost = 0, 0, false
	for v := range t.counts {
		if first {
			t.min, t.max, first = v, v, false
		}
		t.min, t.max = min(t.min, v), max(t.max, v)
	}
	return t.min, t.max
}

func sorted(t times) times {
	slices.Sort(t)
	return t
}
