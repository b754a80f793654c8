package couchfake_test

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestSortKeysOrderAsTheCollator compares the shortened keys with the full
// comparison, over texts that differ in case, accents and length.
func TestSortKeysOrderAsTheCollator(t *testing.T) {
	s := couchfake.New(couchfake.Options{})
	whole := collate.New(language.Und)
	rng := rand.New(rand.NewPCG(1, 2))
	letters := strings.Split("a a A b B é É ñ 1 2 _ - / . ß ж 語 ́ 𝒳", " ")
	draw := func() string {
		var b strings.Builder
		for range rng.IntN(7) {
			b.WriteString(letters[rng.IntN(len(letters))])
		}
		return b.String()
	}
	key := func(text string) string {
		raw, err := json.Marshal(text)
		require.NoError(t, err)
		return couchfake.SortKey(s, string(raw))
	}
	for range 50_000 {
		a, b := draw(), draw()
		require.Equal(t, whole.CompareString(a, b), cmp.Compare(key(a), key(b)), "%q and %q", a, b)
	}
}
