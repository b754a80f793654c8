package table

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"abc", "ABC", false},
		{"*", "", true}, {"*", "abc", true}, {"**", "abc", true},
		{"a*", "abc", true}, {"a*", "ba", false}, {"*c", "abc", true}, {"*c", "cb", false},
		{"a*c", "abc", true}, {"a*c", "ac", true}, {"a*a", "a", false}, {"ab*ba", "aba", false},
		{"*b*", "abc", true}, {"*b*", "acd", false}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false},
		{"a*bc*c", "abcbc", true}, {"a*bc*bc", "abc", false}, {"*aa*aa*", "aaa", false}, {"*aa*aa*", "aaaa", true},
		{"T2_*_Disk", "T2_CH_CERN_Disk", true}, {"", "", true}, {"", "a", false},
	} {
		require.Equal(t, c.want, newGlobs(unbounded(), []string{"other", c.pattern}).text(c.text), "%q in %q", c.pattern, c.text)
	}
	require.False(t, newGlobs(unbounded(), nil).text(""))
}

func FuzzLike(f *testing.F) {
	f.Add("a*b*c", "abbc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 24 {
			return
		}
		require.Equal(t, slow(text, pattern), newGlobs(unbounded(), []string{pattern}).text(text))
	})
}

func slow(text, pattern string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] == '*' {
		return slow(text, pattern[1:]) || text != "" && slow(text[1:], pattern)
	}
	return text != "" && text[0] == pattern[0] && slow(text[1:], pattern[1:])
}

// few returns records with values, with missing values, and with zero.
func few(t testing.TB) *Table {
	return tableOf(t,
		schema.Workflow{Workflow: "full", Priority: 90_000, StatusTime: 1_000, InputEvents: 5, TimePerEvent: 50.5, Skipped: true,
			Status: "running-open", Sites: []string{"T1_US", "T2_CH"}, PrepID: "EXO-1", PrepIDs: []string{"EXO-1"}, OutputDatasets: []string{"/a/b/AOD", "/a/b/RAW"}},
		schema.Workflow{Workflow: "missing", Priority: -1, InputEvents: -1, TimePerEvent: -1},
		schema.Workflow{Workflow: "other", Priority: 1, StatusTime: 900, InputEvents: 0, TimePerEvent: 0,
			Status: "announced", Sites: []string{"T2_CH"}, PrepID: "B2G-1", PrepIDs: []string{"B2G-1"}, OutputDatasets: []string{"/a/b/RAW", ""}},
	)
}

func TestTerms(t *testing.T) {
	tr := few(t)
	const now = 1_100
	for _, c := range []struct {
		term wire.Term
		want []string
	}{
		{wire.Term{Field: "Status", Op: wire.In, Values: []string{"announced", "new"}}, []string{"other"}},
		{wire.Term{Field: "Status", Op: wire.In, Values: []string{"*n*"}}, []string{"full", "other"}},
		{wire.Term{Field: "Status", Op: wire.In, Values: []string{"*"}}, []string{"full", "other"}},
		{wire.Term{Field: "Status", Op: wire.NotIn, Values: []string{"ann*"}}, []string{"full", "missing"}},
		{wire.Term{Field: "Status", Op: wire.Has}, []string{"full", "other"}},
		{wire.Term{Field: "Status", Op: wire.HasNot}, []string{"missing"}},
		{wire.Term{Field: "Sites", Op: wire.In, Values: []string{"T1_*"}}, []string{"full"}},
		{wire.Term{Field: "Sites", Op: wire.NotIn, Values: []string{"T1_US"}}, []string{"missing", "other"}},
		{wire.Term{Field: "Sites", Op: wire.HasNot}, []string{"missing"}},
		{wire.Term{Field: "PrepID", Op: wire.In, Values: []string{"*-1"}}, []string{"full", "other"}},
		{wire.Term{Field: "PrepID", Op: wire.NotIn, Values: []string{"EXO-1"}}, []string{"missing", "other"}},
		{wire.Term{Field: "PrepID", Op: wire.Has}, []string{"full", "other"}},
		{wire.Term{Field: "OutputDatasets", Op: wire.In, Values: []string{"/a/b/A*"}}, []string{"full"}},
		{wire.Term{Field: "OutputDatasets", Op: wire.In, Values: []string{"*"}}, []string{"full", "other"}},
		{wire.Term{Field: "OutputDatasets", Op: wire.NotIn, Values: []string{"/a/b/RAW"}}, []string{"missing"}},
		{wire.Term{Field: "OutputDatasets", Op: wire.HasNot}, []string{"missing"}},
		{wire.Term{Field: "Priority", Op: wire.In, Values: []string{"1", "90000"}}, []string{"full", "other"}},
		{wire.Term{Field: "Priority", Op: wire.In, Values: []string{"-1"}}, []string{}},
		{wire.Term{Field: "Priority", Op: wire.NotIn, Values: []string{"1"}}, []string{"full", "missing"}},
		{wire.Term{Field: "Priority", Op: wire.Min, Number: 1}, []string{"full", "other"}},
		{wire.Term{Field: "Priority", Op: wire.Max, Number: 1}, []string{"other"}},
		{wire.Term{Field: "Priority", Op: wire.Min, Number: -5}, []string{"full", "other"}},
		{wire.Term{Field: "Priority", Op: wire.Min, Number: math.Inf(1)}, []string{}},
		{wire.Term{Field: "InputEvents", Op: wire.Max, Number: 5}, []string{"full", "other"}},
		{wire.Term{Field: "InputEvents", Op: wire.Has}, []string{"full"}},
		{wire.Term{Field: "InputEvents", Op: wire.HasNot}, []string{"missing", "other"}},
		{wire.Term{Field: "TimePerEvent", Op: wire.Min, Number: 50.5}, []string{"full"}},
		{wire.Term{Field: "TimePerEvent", Op: wire.In, Values: []string{"0"}}, []string{"other"}},
		{wire.Term{Field: "Skipped", Op: wire.In, Values: []string{"true"}}, []string{"full"}},
		{wire.Term{Field: "Skipped", Op: wire.NotIn, Values: []string{"true"}}, []string{"missing", "other"}},
		{wire.Term{Field: "StatusTime", Op: wire.Min, Number: 0}, []string{"full", "other"}},
		{wire.Term{Field: "StatusTime", Op: wire.Max, Number: 900}, []string{"other"}},
		{wire.Term{Field: "StatusTime", Op: wire.MinAge, Number: 200}, []string{"other"}},
		{wire.Term{Field: "StatusTime", Op: wire.MaxAge, Number: 100}, []string{"full"}},
		{wire.Term{Field: "StatusTime", Op: wire.In, Values: []string{"0"}}, []string{}},
	} {
		require.Equal(t, c.want, found(t, tr, now, wire.Query{Terms: []wire.Term{c.term}}), "%+v", c.term)
	}
}

func TestConditionsMeet(t *testing.T) {
	tr := few(t)
	require.Equal(t, []string{"other"}, found(t, tr, 0, wire.Query{Names: []string{"nobody", "other", "full"}, After: "full"}))
	require.Equal(t, []string{"missing", "other"}, found(t, tr, 0, wire.Query{After: "g"}))
	require.Equal(t, []string{}, found(t, tr, 0, wire.Query{Text: "exo-1", Terms: []wire.Term{{Field: "Status", Op: wire.HasNot}}}))
	require.Equal(t, []string{"full", "missing", "other"}, found(t, tr, 0, wire.Query{}))
}

func TestFacetsLeaveTheirOwnConditionOut(t *testing.T) {
	s, err := few(t).Scan(unbounded(), 0, wire.Query{Terms: []wire.Term{{Field: "Status", Op: wire.In, Values: []string{"announced"}}}})
	require.NoError(t, err)
	for field, want := range map[string]wire.FacetResult{
		"Status":         {Distinct: 2, Missing: 1, Values: []wire.FacetValue{{Value: "announced", Count: 1}, {Value: "running-open", Count: 1}}},
		"Sites":          {Distinct: 1, Values: []wire.FacetValue{{Value: "T2_CH", Count: 1}}},
		"Priority":       {Distinct: 1, Values: []wire.FacetValue{{Value: "1", Count: 1}}},
		"OutputDatasets": {Distinct: 1, Values: []wire.FacetValue{{Value: "/a/b/RAW", Count: 1}}},
		"Skipped":        {Distinct: 1, Values: []wire.FacetValue{{Value: "false", Count: 1}}},
	} {
		got, err := s.Facet(wire.Facet{Field: field}, "")
		require.NoError(t, err)
		require.Equal(t, want, got, field)
	}
}
