package block

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func layout(t testing.TB) *Layout {
	t.Helper()
	l, err := NewLayout()
	require.NoError(t, err)
	return l
}

// built returns a block of records, and their encoded forms.
func built(l *Layout, list ...schema.Workflow) (*Block, []string) {
	b := NewBuilder(l)
	var encoded []string
	for i := range list {
		text := schema.AppendJSON(nil, &list[i])
		encoded = append(encoded, string(text))
		b.Add(&list[i], text, Source{IDs: []byte(list[i].Workflow), Version: uint64(i)})
	}
	return b.Build(), encoded
}

func TestPack(t *testing.T) {
	for _, c := range []struct {
		values []int64
		width  uint8
	}{
		{nil, 0},
		{[]int64{7}, 0},
		{[]int64{-1, -1, -1}, 0},
		{[]int64{-1, 254}, 1},
		{[]int64{-1, 255}, 2},
		{[]int64{1 << 40, 1<<40 + math.MaxUint16}, 2},
		{[]int64{1 << 40, 1<<40 + math.MaxUint16 + 1}, 4},
		{[]int64{-5, math.MaxUint32 - 5}, 4},
		{[]int64{-5, math.MaxUint32 - 4}, 8},
		{[]int64{math.MinInt64, 0, math.MaxInt64}, 8},
	} {
		data, v := pack([]byte("before"), c.values)
		require.Equal(t, c.width, v.width, c.values)
		require.Len(t, data, len("before")+int(c.width)*len(c.values))
		for i, want := range c.values {
			require.Equal(t, want, v.value(data, i), c.values)
		}
		require.Equal(t, c.values, appendTo(c.values[:0:0], &v, data, 0, len(c.values)))
		if len(c.values) > 1 {
			require.Equal(t, c.values[1:], appendTo([]int64(nil), &v, data, 1, len(c.values)))
		}
	}
}

func FuzzPack(f *testing.F) {
	f.Add(int64(0), int64(-1), int64(1)<<62)
	f.Fuzz(func(t *testing.T, a, b, c int64) {
		values := []int64{a, b, c}
		data, v := pack(nil, values)
		require.Equal(t, values, appendTo([]int64(nil), &v, data, 0, 3))
	})
}

func TestFloats(t *testing.T) {
	for _, c := range []struct {
		values []float64
		cents  bool
	}{
		{[]float64{0, -1, 99.99, 0.01, 1e12}, true},
		{[]float64{0.29, 0.57, 1.13, -33.33}, true},
		{[]float64{0.1, 1.0 / 3}, false},
		{[]float64{math.Copysign(0, -1)}, false},
		{[]float64{1e300, 1}, false},
		{[]float64{math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}, false},
	} {
		values := make([]int64, len(c.values))
		for i, f := range c.values {
			values[i] = bitsOf(f)
			require.Equal(t, math.Float64bits(f), math.Float64bits(floatOf(values[i])))
		}
		sorted := slices.Clone(c.values)
		slices.Sort(sorted)
		require.True(t, slices.IsSortedFunc(sorted, func(a, b float64) int { return int(min(1, max(-1, bitsOf(a)/2-bitsOf(b)/2))) }))
		require.Equal(t, c.cents, centsOf(values), c.values)
		if c.cents {
			for i, cents := range values {
				require.Equal(t, math.Float64bits(c.values[i]), math.Float64bits(float64(cents)/100))
			}
		}
	}
}

func TestDictionaryAssignsOneCodeConcurrently(t *testing.T) {
	d := newDict()
	require.EqualValues(t, 0, d.code(""))
	codes := make([][]int64, 8)
	var wg sync.WaitGroup
	for n := range codes {
		wg.Go(func() {
			for i := range 500 {
				codes[n] = append(codes[n], d.code(fmt.Sprint("text ", (i*7+n*31)%500)))
				d.Ranks()
			}
		})
	}
	wg.Wait()
	texts := d.Texts()
	require.Len(t, texts, 501)
	for n := range codes {
		for i, code := range codes[n] {
			require.Equal(t, fmt.Sprint("text ", (i*7+n*31)%500), texts[code])
		}
	}
	ranks := d.Ranks()
	byRank := make([]string, len(ranks))
	for code, rank := range ranks {
		byRank[rank] = texts[code]
	}
	require.True(t, slices.IsSorted(byRank))
}

// Texts are read inside the encoded record, whatever they contain.
func TestTexts(t *testing.T) {
	l := layout(t)
	for _, text := range []string{
		"", "plain", `"`, `\`, `\"`, `a,"PrepID":"b`, "tab\tnew\nline", "é\u2028<&>", "\x00", `ends with \`, `["a","b"]`,
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			lists := [][]string{{}, {text}, {text, text}, {"x", text, "y"}, {"]", "[", ","}}
			for _, list := range lists {
				w := schema.Workflow{
					Workflow: "n" + text, PrepID: text, PrepIDs: list, InputDatasets: list, OutputDatasets: []string{text},
					Campaign: text, Campaigns: list, InitialTask: "/n" + text,
				}
				b, encoded := built(l, schema.Workflow{Workflow: "a"}, w)
				require.Equal(t, encoded[1], string(b.Record(1)))
				var want schema.Workflow
				require.NoError(t, json.Unmarshal(b.Record(1), &want))
				for _, c := range l.Columns {
					if c.Kind == Text {
						require.Equal(t, valueOf[string](&want, &c), string(b.Text(&c, 1)), c.Key)
					}
					if c.Kind == Texts {
						got := []string{}
						b.EachText(&c, 1, func(text []byte) bool {
							got = append(got, string(text))
							return true
						})
						require.Equal(t, valueOf[[]string](&want, &c), got, c.Key)
					}
				}
				require.Equal(t, encoded[1], string(schema.AppendJSON(nil, b.Workflow(l, 1))))
			}
		})
	}
}

func TestUnquoteOfInvalidInput(t *testing.T) {
	for _, raw := range []string{``, `x`, `"`, `"abc`, `"abc\"`, `"abc\`, `"\q"`, `"\u12"`} {
		text, rest := unquote([]byte(raw))
		require.Nil(t, text, raw)
		require.Nil(t, rest, raw)
		eachText([]byte("["+raw), func([]byte) bool { t.Fatal(raw); return false })
	}
}

func TestSearchAndCopy(t *testing.T) {
	l := layout(t)
	rng := rand.New(rand.NewPCG(3, 3))
	var list []schema.Workflow
	for i := range 50 {
		list = append(list, schema.Workflow{
			Workflow: fmt.Sprintf("w%03d", 2*i), Priority: rng.Int64(), TimePerEvent: rng.Float64(), SizePerEvent: float64(rng.IntN(10_000)) / 100,
			Sites: []string{fmt.Sprint("s", rng.IntN(5)), fmt.Sprint("s", rng.IntN(5)), ""}[:rng.IntN(4)], Skipped: i%2 == 0,
		})
	}
	b, encoded := built(l, list...)
	require.Equal(t, 50, b.Len())
	require.EqualValues(t, len(fmt.Sprint(encoded))-51, b.EncodedBytes())
	for i := range 50 {
		at, found := b.Search(l, fmt.Sprintf("w%03d", 2*i))
		require.True(t, found)
		require.Equal(t, i, at)
		at, found = b.Search(l, fmt.Sprintf("w%03d", 2*i+1))
		require.False(t, found)
		require.Equal(t, i+1, at)
	}
	again := NewBuilder(l)
	for range 30 {
		var want []int
		for range rng.IntN(4) {
			i := rng.IntN(51)
			j := i + rng.IntN(51-i)
			again.Copy(b, i, j)
			for ; i < j; i++ {
				want = append(want, i)
			}
		}
		require.Equal(t, len(want), again.Len())
		c := again.Build()
		for at, i := range want {
			require.Equal(t, encoded[i], string(c.Record(at)))
			require.Equal(t, b.Hash(i), c.Hash(at))
			require.Equal(t, b.Source(i), c.Source(at))
			require.Equal(t, encoded[i], string(schema.AppendJSON(nil, c.Workflow(l, at))))
		}
	}
}

func TestListsCountEachValueOnce(t *testing.T) {
	l := layout(t)
	k, _ := l.Column("Sites")
	col := &l.Columns[k]
	lists := [][]string{{"a", "b"}, {}, {"b", "b", "", "a", "b"}, {""}, {"c"}}
	var list []schema.Workflow
	for i, sites := range lists {
		list = append(list, schema.Workflow{Workflow: fmt.Sprint(i), Sites: sites})
	}
	b, _ := built(l, list...)
	codes, ends := b.AppendLists([]uint32{9}, []uint32{1}, col)
	require.Equal(t, uint32(9), codes[0])
	var got [][]string
	from := ends[0]
	for i, end := range ends[1:] {
		texts := []string{}
		for _, code := range codes[from:end] {
			texts = append(texts, col.Dict.Texts()[code])
		}
		require.Equal(t, slices.Clone(codes[from:end]), append([]uint32{}, b.Codes(col, i)...))
		got, from = append(got, texts), end
	}
	require.Equal(t, [][]string{{"a", "b"}, {}, {"b", "a"}, {}, {"c"}}, got)
}

func TestASegmentIsCompressedOnce(t *testing.T) {
	l := layout(t)
	b, _ := built(l, schema.Workflow{Workflow: "a"}, schema.Workflow{Workflow: "b"})
	for _, form := range []Form{Array, Lines} {
		require.False(t, b.Has(form))
		s, err := b.Segment(form)
		require.NoError(t, err)
		require.True(t, b.Has(form))
		again, err := b.Segment(form)
		require.NoError(t, err)
		require.Same(t, s, again)
	}
	require.Zero(t, b.Index())
	require.False(t, isSigned(b))
	signAll(b, l)
	require.True(t, isSigned(b))
	require.Positive(t, b.Index())
}

// signAll computes the data that MayHold and Extremes need.
func signAll(b *Block, l *Layout) {
	b.sign(l)
	b.findExtremes(l)
}

// isSigned reports whether the data of signAll are kept.
func isSigned(b *Block) bool { return b.signed.Load() != nil && b.extremes.Load() != nil }
