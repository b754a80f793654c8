package suggest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// slowEdits is the whole table of optimal string alignment: its last row has the
// distances to all beginnings of b.
func slowEdits(a, b string) []int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0:
				table[i][j] = j
			case j == 0:
				table[i][j] = i
			default:
				replaced := table[i-1][j-1]
				if a[i-1] != b[j-1] {
					replaced++
				}
				table[i][j] = min(replaced, table[i-1][j]+1, table[i][j-1]+1)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					table[i][j] = min(table[i][j], table[i-2][j-2]+1)
				}
			}
		}
	}
	return table[len(a)]
}

func checkEdits(t *testing.T, a, b string) {
	t.Helper()
	want := slowEdits(a, b)
	for most := range mostEdits + 1 {
		n, end, ok := edits(a, b, most, false)
		require.Equal(t, want[len(b)] <= most, ok, "%q %q within %d", a, b, most)
		if ok {
			require.Equal(t, want[len(b)], n, "%q %q within %d", a, b, most)
			require.Equal(t, len(b), end)
		}
		least := most + 1
		for j, d := range want {
			if j <= len(a)+most && j >= len(a)-most {
				least = min(least, d)
			}
		}
		n, end, ok = edits(a, []byte(b), most, true)
		require.Equal(t, least <= most, ok, "%q beginning of %q within %d", a, b, most)
		if ok {
			require.Equal(t, least, n, "%q beginning of %q within %d", a, b, most)
			require.Equal(t, n, want[end], "%q beginning of %q within %d: it ends at %d", a, b, most, end)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
	}{
		{"", "", 0},
		{"running-opne", "running-open", 1},
		{"runnign-open", "running-open", 1},
		{"Run3Sumer21", "Run3Summer21", 1},
		{"ab", "ba", 1},
		{"kitten", "sitting", 3},
	} {
		n, _, ok := edits(c.a, c.b, mostEdits, false)
		assert.True(t, ok)
		assert.Equal(t, c.n, n, "%s %s", c.a, c.b)
		checkEdits(t, c.a, c.b)
		checkEdits(t, c.b, c.a)
	}
	n, end, ok := edits("run3sumer21", "run3summer21miniaod-00012", mostEdits, true)
	assert.True(t, ok)
	assert.Equal(t, [2]int{1, len("run3summer21")}, [2]int{n, end})
}

func FuzzEdits(f *testing.F) {
	f.Add("running-opne", "running-open")
	f.Add("abcab", "acbba")
	f.Add("", "abcd")
	f.Fuzz(func(t *testing.T, a, b string) {
		checkEdits(t, a[:min(len(a), 40)], b[:min(len(b), 40)])
	})
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ text, value, head, separator string }{
		{"T2_US_MIT", "T2_US", "T2_US", "_"},
		{"T2_US_MIT", "t2us", "T2_US", "_"},
		{"T2_US_MIT", "T2_US_", "T2_US", "_"},
		{"T2_US_MIT", "T2_US_M", "T2_US_M", ""},
		{"running-open", "running", "running", "-"},
		{"Élan-1", "él", "Él", ""},
		{"same", "same", "same", ""},
	} {
		head, separator := cut(c.text, folded(c.value))
		assert.Equal(t, [2]string{c.head, c.separator}, [2]string{head, separator}, "%s %s", c.text, c.value)
	}
}

// valuesOf are the values of a field of texts, each of one record.
func valuesOf(list ...string) *values {
	counts := make([]wire.FacetValue, len(list))
	for i, value := range list {
		counts[i] = wire.FacetValue{Value: value, Count: 1}
	}
	return newValues(budget.Unbounded(), schema.Field{Key: "Sites", Type: schema.List}, counts)
}

func TestNearValues(t *testing.T) {
	sites := []string{"T1_US_FNAL", "T2_CH_CERN", "T2_US_MIT", "T2_US_UCSD", "T2_UK_London", "T2_*_odd", "T3_ch_CERN"}
	for _, c := range []struct {
		value string
		want  []near
	}{
		{"T2_US", []near{{"T2_US_*", asBeginning}}},
		{"t2us", []near{{"T2_US_*", asBeginning}}},
		{"T2_US_", []near{{"T2_US_*", asBeginning}}},
		{"T2_CH", []near{{"T2_CH_CERN", asBeginning}}}, // the only one
		{"T2_US_MTI", []near{{"T2_US_MIT", 1}}},
		{"t2_us_mit", []near{{"T2_US_MIT", 0}}},
		{"T2_CH_CREN", []near{{"T2_CH_CERN", 1}, {"T3_ch_CERN", 2}}},
		{"T2_USA_*", []near{{"T2_US_*", 1}}},
		{"t2_us_*", []near{{"T2_US_*", 0}, {"T1_US_*", 1}}},
		{"T1_SU", []near{{"T1_US_FNAL", 1}}},
		{"T2_UZ", []near{{"T2_UK_London", 1}, {"T2_US*", 1}}},
		{"T3_CH_CER", []near{{"T3_ch_CERN", asBeginning}, {"T2_CH_CERN", 2}}},
		{"*US*", nil},
		{"*", nil},
		{"_", nil},
		{"Nothing_like_it", nil},
		{strings.Repeat("T2_US_MIT", 400), nil},
	} {
		got := valuesOf(sites...).near(budget.Unbounded(), c.value)
		if len(c.want) > 0 && len(got) > len(c.want) {
			got = got[:len(c.want)]
		}
		assert.ElementsMatch(t, c.want, got, c.value)
	}
}

func TestNearNumbers(t *testing.T) {
	v := newValues(budget.Unbounded(), schema.Field{Key: "Priority", Type: schema.Int}, []wire.FacetValue{
		{Value: "85000", Count: 1}, {Value: "90000", Count: 3}, {Value: "90002", Count: 2}, {Value: "110000", Count: 9}, {Value: "130000", Count: 9},
	})
	assert.Equal(t, []near{{"90000", 1}, {"90002", 1}, {"85000", 5001}}, v.near(budget.Unbounded(), "90001"))
}

// Words of names that share beginnings are found as if each name stood alone.
func TestWordsInNames(t *testing.T) {
	names := []string{
		"pdm_EXO-Run3Summer21DR-00012__v1", "pdm_EXO-Run3Summer21DR-00012__v2", "pdm_EXO-Run3Summer22DR-1", "pdm_EXO-run3summer21DR-9",
		"pdm_HIG-Run3Winter25", "Run3Sumner21", "Run3Sumér21",
	}
	for _, c := range []struct {
		word string
		want []near
	}{
		{"Run3Sumer21", []near{{"Run3Summer21", 1}, {"Run3Sumner21", 1}, {"Run3Summer22", 2}, {"Run3Sumér21", 2}}},
		{"pdm_EXO-Run3Sumer22", []near{{"pdm_EXO-Run3Summer22", 1}, {"pdm_EXO-Run3Summer21", 2}}},
		{"nothing-near-this", nil},
		{"é", nil},
	} {
		w := newWords(budget.Unbounded(), c.word)
		for _, name := range names {
			require.True(t, w.read([]byte(name)))
		}
		got := w.nearest()
		assert.Subset(t, append(got, near{}), c.want, c.word)
		for _, g := range got {
			assert.Equal(t, float64(slowEdits(strings.ToLower(c.word), asciiLower(g.value))[len(g.value)]), g.distance, "%s %s", c.word, g.value)
		}
	}
}

func asciiLower(text string) string {
	out := []byte(text)
	for i, c := range out {
		out[i] = lower(c)
	}
	return string(out)
}

// A beginning with one mistake is nearer than whole values with three.
func TestNearBeginnings(t *testing.T) {
	v := valuesOf("Run3Summer22DR", "Run3Summer22GS", "Run3Summer22wmLHEGS", "Run3Winter22")
	assert.Equal(t, near{"Run3Summer22*", 1}, v.near(budget.Unbounded(), "Run3Sumer22")[0])
	v = valuesOf("Run3Summer22DRPremix", "Run3Winter22")
	assert.Equal(t, near{"Run3Summer22DRPremix", 1}, v.near(budget.Unbounded(), "Run3Sumer22")[0])
}
