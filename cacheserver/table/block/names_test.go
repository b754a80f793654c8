package block

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// NamesHold finds what comparing each name finds: in the common beginning, after
// it, and across the two.
func TestNamesHold(t *testing.T) {
	l := layout(t)
	rng := rand.New(rand.NewPCG(4, 4))
	for _, begin := range []string{"", "a", "aA", "Task_abAB-aab", "é_ab"} {
		for _, n := range []int{1, 2, 64, 65} {
			list := make([]schema.Workflow, n)
			for i := range list {
				list[i].Workflow = fmt.Sprintf("%s%03d%s", begin, i, strings.Repeat([]string{"ab", "BA", "b_", ""}[rng.IntN(4)], rng.IntN(4)))
			}
			b, _ := built(l, list...)
			for _, text := range []string{"a", "ab", "aab", "ba", "b0", "ab0", "b00", "aab00", "k_ab", "00", "1b", "task", "zz", "_ab00", strings.Repeat("ab", 9)} {
				words := make([]uint64, (n+63)/64)
				b.NamesHold(l, []byte(text), words)
				for i := range list {
					want := strings.Contains(strings.ToLower(list[i].Workflow), text)
					require.Equal(t, want, words[i/64]>>(i%64)&1 == 1, "%q in %q", text, list[i].Workflow)
				}
			}
		}
	}
}

// Names that are too long to keep are left to the caller.
func TestNamesHoldOfLongNames(t *testing.T) {
	l := layout(t)
	b, _ := built(l, schema.Workflow{Workflow: "a" + strings.Repeat("x", math.MaxUint16)}, schema.Workflow{Workflow: "b"})
	words := make([]uint64, 1)
	b.NamesHold(l, []byte("x"), words)
	require.Zero(t, words[0])
}
