package table

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// tableOf returns a table of the given workflows, whose names must ascend.
func tableOf(t testing.TB, list ...schema.Workflow) *Table {
	t.Helper()
	l, err := block.NewLayout()
	require.NoError(t, err)
	var edits []Edit
	for i := range list {
		edits = append(edits, Edit{Name: list[i].Workflow, Record: &list[i], Encoded: schema.AppendJSON(nil, &list[i])})
	}
	out := NewEditor(l).Replace(New(l, nil), edits)
	return out
}

// found returns the names that match a query, in the order of names.
func found(t testing.TB, tr *Table, now int64, q wire.Query) []string {
	t.Helper()
	s, err := tr.Scan(unbounded(), now, q)
	require.NoError(t, err)
	set, err := s.Matches("")
	require.NoError(t, err)
	if set == nil {
		set = tr.NewSet()
		set.Fill()
	}
	names := []string{}
	for _, at := range set.Places(nil) {
		b, i := tr.At(int(at))
		names = append(names, string(b.Name(tr.Layout, i)))
	}
	return names
}

func TestSearch(t *testing.T) {
	tr := tableOf(t,
		schema.Workflow{Workflow: "Alpha_1", PrepIDs: []string{"EXO-Run3-00123", "B2G-\"x\""}},
		schema.Workflow{Workflow: "beta_2", InputDatasets: []string{"/ZeroBias/Run2022A-v1/RAW"}},
		schema.Workflow{Workflow: "gamma\u212A3", OutputDatasets: []string{"/É/été/AOD", "/QCD_Pt/x/AODSIM"}},
		schema.Workflow{Workflow: "ö", PrepID: "prep_id is not searched", Campaign: "nor is this"},
	)
	for text, want := range map[string][]string{
		"a":                         {"Alpha_1", "beta_2", "gamma\u212A3"},
		"_":                         {"Alpha_1", "beta_2", "gamma\u212A3"},
		"HA":                        {"Alpha_1"},
		"aLPHA":                     {"Alpha_1"},
		"run3-0":                    {"Alpha_1"},
		`g-"X`:                      {"Alpha_1"},
		"run":                       {"Alpha_1", "beta_2"},
		"/zerobias/RUN":             {"beta_2"},
		"aodsim":                    {"gamma\u212A3"},
		"aod":                       {"gamma\u212A3"},
		"/é/ÉT":                     {"gamma\u212A3"},
		"ak3":                       {},
		"Ö":                         {"ö"},
		"00123exo":                  {},
		"x/aodsim/":                 {},
		"prep_id":                   {},
		"nor":                       {},
		strings.Repeat("long", 100): {},
	} {
		require.Equal(t, want, found(t, tr, 0, wire.Query{Text: wire.TextOf([]string{text})}), text)
	}
	for text, want := range map[string][]string{
		"alpha exo":         {"Alpha_1"},
		"EXO ALPHA x":       {"Alpha_1"},
		"exo beta":          {},
		"run  TA_":          {"beta_2"},
		`"g-\"x"  1`:        {"Alpha_1"},
		`"alpha exo"`:       {},
		`a "_"`:             {"Alpha_1", "beta_2", "gamma\u212A3"},
		"été qcd":           {"gamma\u212A3"},
		"été nowhere":       {},
		"a a A":             {"Alpha_1", "beta_2", "gamma\u212A3"},
		`open "2 zerobias/`: {},
	} {
		require.Equal(t, want, found(t, tr, 0, wire.Query{Text: text}), text)
	}
}

// Signatures only rule out records that can't match, in blocks of any length.
func TestSearchEqualsLooking(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var list []schema.Workflow
	word := func() string {
		text := make([]byte, 1+rng.IntN(9))
		for i := range text {
			text[i] = "abcABC_-/019"[rng.IntN(12)]
		}
		return string(text)
	}
	for i := range 700 {
		list = append(list, schema.Workflow{
			Workflow: fmt.Sprintf("ab-C_%04d%s", i, word()), PrepIDs: []string{word(), word()}, OutputDatasets: []string{word() + word()},
		})
	}
	for _, n := range []int{1, 50, 63, 64, 65, 130, 700} {
		tr := tableOf(t, list[:n]...)
		e := NewEditor(tr.Layout)
		for i := range 12 { // blocks of other lengths
			w := schema.Workflow{Workflow: fmt.Sprintf("ab-C_%04dz%d", rng.IntN(n), i), PrepIDs: []string{word()}}
			list = append(list, w)
			tr = e.Replace(tr, []Edit{{Name: w.Workflow, Record: &w, Encoded: schema.AppendJSON(nil, &w)}})
		}
		all := map[string]schema.Workflow{}
		for _, w := range list {
			if _, there := tr.Search(w.Workflow); there {
				all[w.Workflow] = w
			}
		}
		for range 300 {
			words := []string{word()}
			for rng.IntN(2) == 0 {
				words = append(words, word()[:1])
			}
			want := []string{}
			for name, w := range all {
				if holdsAll(&w, words) {
					want = append(want, name)
				}
			}
			slices.Sort(want)
			require.Equal(t, want, found(t, tr, 0, wire.Query{Text: wire.TextOf(words)}), words)
		}
		list = list[:700]
	}
}

// holdsAll looks for each of the words in all texts of a record.
func holdsAll(w *schema.Workflow, words []string) bool {
	for _, word := range words {
		in := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(word)) }
		if !in(w.Workflow) && !slices.ContainsFunc(slices.Concat(w.PrepIDs, w.InputDatasets, w.OutputDatasets), in) {
			return false
		}
	}
	return true
}

// Any text finds the records that a look at each of them finds.
func FuzzSearch(f *testing.F) {
	list := []schema.Workflow{
		{Workflow: "PPD_Run3Winter25Digi-00012", PrepIDs: []string{"PPD-Run3Winter25Digi-00012"}, OutputDatasets: []string{"/ZeroBias/Run2022A-v1/RAW"}},
		{Workflow: "PPD_Run3_a", PrepIDs: []string{`say "hi" \`, "two words"}},
		{Workflow: "a_b", InputDatasets: []string{"/É/été/AOD", "/QCD_Pt/x/AODSIM"}},
		{Workflow: "haoz_2024_FSPremix"},
	}
	slices.SortFunc(list, func(a, b schema.Workflow) int { return strings.Compare(a.Workflow, b.Workflow) })
	tr := tableOf(f, list...)
	for _, text := range []string{"PPD run3winter", `"two words" hi`, `\"hi\"`, `"say \"hi" a`, "/É/ÉT aod", "haoz 2024 FSPremix", `a "`, " ", "\t_ \u00a0a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := wire.ParseQuery(url.Values{"q": {text}})
		if err != nil {
			return
		}
		want := []string{}
		for _, w := range list {
			if holdsAll(&w, wire.Words(text)) {
				want = append(want, w.Workflow)
			}
		}
		require.Equal(t, want, found(t, tr, 0, q), text)
	})
}

func TestBits(t *testing.T) {
	words := []uint64{0xf0f0f0f0f0f0f0f0, 0xffff0000ffff0000, 0x123456789abcdef0}
	for start := range 100 {
		for n := 1; n <= 92; n++ {
			some := cutBits(nil, words, start, n)
			require.Len(t, some, (n+63)/64)
			again := slices.Clone(words)
			keepBits(again, some, start, n)
			require.Equal(t, words, again, "nothing is removed")
			keepBits(again, make([]uint64, len(some)), start, n)
			for i := range 192 {
				had, has := words[i/64]>>(i%64)&1, again[i/64]>>(i%64)&1
				if i >= start && i < start+n {
					require.Equal(t, had, some[(i-start)/64]>>((i-start)%64)&1)
					had = 0
				}
				require.Equal(t, had, has)
			}
		}
	}
}
