package table

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sorting by digits returns the same as comparing, for keys of any width.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{0, 1, 2, 511, 512, 3_000} {
		for _, widths := range [][]int{{0}, {1}, {10}, {11}, {12}, {22}, {23}, {40}, {50}, {3, 9}, {20, 0, 20}, {50, 50}, {11, 30, 22, 40}} {
			list := make([]uint32, n)
			for i := range list {
				list[i] = uint32(3*i + 1)
			}
			keys := make([]key, len(widths))
			values := make([][]uint64, len(widths))
			for k, width := range widths {
				keys[k] = key{values: borrow(n), bits: width}
				for i := range n {
					(*keys[k].values)[i] = rng.Uint64N(1<<width) & rng.Uint64()
				}
				values[k] = slices.Clone(*keys[k].values)
				require.LessOrEqual(t, width+bits.Len(uint(n)), 64)
			}
			want := slices.Clone(list)
			slices.SortStableFunc(want, func(a, b uint32) int {
				for _, v := range values {
					if c := cmp.Compare(v[a/3], v[b/3]); c != 0 {
						return c
					}
				}
				return 0
			})
			require.Equal(t, want, arrange(unbounded(), list, keys), "%d of %v", n, widths)
		}
	}
}
