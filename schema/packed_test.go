package schema

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomRecord fills every field by reflection, so that a new field is not
// forgotten.
func randomRecord(rng *rand.Rand) (w Workflow) {
	record := reflect.ValueOf(&w).Elem()
	text := func() string { return strings.Repeat("é~", rng.IntN(80)) }
	for _, f := range keys(record.Type()) {
		switch v := record.FieldByIndex(f.Index).Addr().Interface().(type) {
		case *string:
			*v = text()
		case *bool:
			*v = rng.IntN(2) == 1
		case *int64:
			*v = []int64{0, -1, 1, math.MinInt64, math.MaxInt64, rng.Int64N(1e6)}[rng.IntN(6)]
		case *float64:
			*v = []float64{0, -1, math.Copysign(0, -1), math.Inf(1), math.SmallestNonzeroFloat64, rng.Float64()}[rng.IntN(6)]
		case *[]string:
			*v = []string{}
			for range rng.IntN(4) {
				*v = append(*v, text())
			}
		}
	}
	return w
}

func TestPackedRecordComesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var u Unpacker
	for range 200 {
		want := []Workflow{randomRecord(rng), randomRecord(rng)}
		got := make([]Workflow, 2)
		for i := range want {
			require.NoError(t, u.Unpack(string(AppendPacked(nil, &want[i])), &got[i]))
		}
		require.Equal(t, want, got, "the second takes no room of the first")
		u.Recycle()
	}
}

func TestPackedRecordThatIsDamaged(t *testing.T) {
	w := randomRecord(rand.New(rand.NewPCG(5, 5)))
	packed := string(AppendPacked(nil, &w))
	var u Unpacker
	for n := range len(packed) {
		require.ErrorIs(t, u.Unpack(packed[:n], &w), errPacked, "%d bytes", n)
	}
	require.ErrorIs(t, u.Unpack(packed+"\x00", &w), errPacked)
	require.ErrorIs(t, u.Unpack(strings.Repeat("\xff", 400), &w), errPacked)
}
