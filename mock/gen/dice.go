package gen

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"sort"
)

// dice draws from a stream that its key determines: same key, same draws.
type dice struct{ src rand.PCG }

// mix is the finalizer of splitmix64: neighbouring keys yield unrelated values.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// purpose separates the streams of one workflow, so that a new draw in one of
// them does not shift the others.
type purpose uint64

const (
	forKind purpose = iota + 1
	forStatus
	forSketch
	forSites
	forAgents
	forTimes
	forRequest
	forCells
	forJobs
	forLogs
	forEdges
	forTables
	forInfo
	forFlat
	forExits
	forTierZero
)

func (w *World) dice(p purpose, i int) (d dice) {
	d.src.Seed(mix(w.opts.Seed^mix(uint64(p)<<32)), mix(uint64(i)))
	return d
}

// n returns 0..k-1; k must be positive.
func (d *dice) n(k int) int {
	hi, _ := bits.Mul64(d.src.Uint64(), uint64(k))
	return int(hi)
}

// between returns lo..hi, both included.
func (d *dice) between(lo, hi int) int { return lo + d.n(hi-lo+1) }

// chance is true in permille of 1000 draws.
func (d *dice) chance(permille int) bool { return d.n(1000) < permille }

func one[T any](d *dice, list []T) T { return list[d.n(len(list))] }

// normal returns a value of a nearly normal distribution (mean 0, deviation 1,
// within -6..6): the sum of twelve uniform values.
func (d *dice) normal() float64 {
	sum := uint64(0)
	for range 3 {
		v := d.src.Uint64()
		sum += v&0xffff + v>>16&0xffff + v>>32&0xffff + v>>48
	}
	return float64(sum)/65536 - 6
}

// logNormal returns a positive value with the given median; sigma is the
// deviation of its logarithm. limit caps it.
func (d *dice) logNormal(median int, sigma float64, limit int) int {
	v := float64(median) * exp(sigma*d.normal())
	return int(min(max(v+0.5, 1), float64(limit)))
}

// exp is e^x from products and sums that are rounded one by one. math.Exp has
// assembly on some machines, and compilers may fuse x*y+z, so both may differ
// in the last bit between machines.
func exp(x float64) float64 {
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	r := x - float64(k*math.Ln2)
	t := 1.0
	for n := 16.0; n > 0; n-- {
		t = 1 + float64(float64(r/n)*t)
	}
	return math.Ldexp(t, int(k))
}

// weights is a table of cumulative weights to draw positions from.
type weights []int

func newWeights(list ...int) weights {
	w := make(weights, len(list))
	sum := 0
	for i, v := range list {
		sum += v
		w[i] = sum
	}
	return w
}

// zipf returns weights of 1/(k+1) for position k.
func zipf(n int) weights {
	list := make([]int, n)
	for k := range list {
		list[k] = 1_000_000_000 / (k + 1)
	}
	return newWeights(list...)
}

func (w weights) draw(d *dice) int {
	return sort.SearchInts(w, d.n(w[len(w)-1])+1)
}
