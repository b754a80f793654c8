package records_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func agents() []schema.Agent {
	return []schema.Agent{
		{Agent: "b", UpdateTime: 0, Draining: true, DownComponents: []string{"Y", "X"}, WorkersBad: -1},
		{Agent: "a", UpdateTime: 1000, DownComponents: []string{"Y"}, WorkersBad: 3},
		{Agent: "C", UpdateTime: 900, DownComponents: []string{}, WorkersBad: -5},
		{Agent: "d", UpdateTime: 2000, Draining: true, DownComponents: nil, WorkersBad: 7},
	}
}

func TestSelect(t *testing.T) {
	term := func(field string, op wire.Op, n float64, values ...string) wire.Query {
		return wire.Query{Terms: []wire.Term{{Field: field, Op: op, Number: n, Values: values}}}
	}
	sorted := func(keys ...wire.SortKey) wire.Query { return wire.Query{Sort: keys} }
	for name, c := range map[string]struct {
		query wire.Query
		want  string
	}{
		"all, by name":            {wire.Query{}, "Cabd"},
		"text in any case":        {wire.Query{Text: "c"}, "C"},
		"two words, one missing":  {wire.Query{Text: "c x"}, ""},
		"any element":             {term("DownComponents", wire.In, 0, "X", "Z"), "b"},
		"no element":              {term("DownComponents", wire.NotIn, 0, "X*"), "Cad"},
		"no text":                 {term("DownComponents", wire.HasNot, 0), "Cd"},
		"flag":                    {term("Draining", wire.In, 0, "true"), "bd"},
		"not a flag":              {term("Draining", wire.NotIn, 0, "true"), "Ca"},
		"a number that is not -1": {term("WorkersBad", wire.NotIn, 0, "3"), "Cbd"},
		"-1 is in no range":       {term("WorkersBad", wire.Max, 5), "Ca"},
		"time 0 is in no range":   {term("UpdateTime", wire.Max, 1000), "Ca"},
		"least age":               {term("UpdateTime", wire.MinAge, 500), "Ca"},
		"ahead of the clock":      {term("UpdateTime", wire.MaxAge, 0), "d"},
		"missing last, ascending": {sorted(wire.SortKey{Field: "WorkersBad"}), "Cadb"},
		"and descending":          {sorted(wire.SortKey{Field: "WorkersBad", Desc: true}), "daCb"},
		"a shorter list first":    {sorted(wire.SortKey{Field: "DownComponents"}), "abCd"},
		"by flag, then by time":   {sorted(wire.SortKey{Field: "Draining", Desc: true}, wire.SortKey{Field: "UpdateTime", Desc: true}), "dbaC"},
		"by name, descending":     {sorted(wire.SortKey{Field: "Agent", Desc: true}), "dbaC"},
	} {
		got, err := records.Select(t.Context(), schema.Describe[schema.Agent](), agents(), c.query, 1500)
		require.NoError(t, err, name)
		names := ""
		for _, a := range got {
			names += a.Agent
		}
		assert.Equal(t, c.want, names, name)
	}
}

// Texts with a defined order are sorted by it, not alphabetically.
func TestSortByRank(t *testing.T) {
	agents := []schema.Agent{
		{Agent: "a", Severity: "ok", ReportedStatus: "ok"}, {Agent: "b", Severity: "drain", ReportedStatus: "warning"},
		{Agent: "c"}, {Agent: "d", Severity: "error", ReportedStatus: "down"}, {Agent: "e", Severity: "warning", ReportedStatus: "error"},
		{Agent: "f", Severity: "unknown", ReportedStatus: "better"}, {Agent: "g", Severity: "drain", ReportedStatus: "ok"},
	}
	sites := []schema.Site{
		{Site: "a", State: "Aborted"}, {Site: "b", State: "Down"}, {Site: "c"}, {Site: "d", State: "Normal"},
		{Site: "e", State: "Draining"}, {Site: "f", State: "Odd"}, {Site: "g", State: "Normal"},
	}
	sorted := func(key string, desc bool) wire.Query {
		return wire.Query{Sort: []wire.SortKey{{Field: key, Desc: desc}}}
	}
	for _, c := range []struct{ key, rising, falling string }{
		{"Severity", "debgfac", "afbgedc"},
		{"ReportedStatus", "debagfc", "fagbedc"},
	} {
		for desc, want := range map[bool]string{false: c.rising, true: c.falling} {
			names := ""
			got, err := records.Select(t.Context(), schema.Describe[schema.Agent](), agents, sorted(c.key, desc), 0)
			require.NoError(t, err)
			for _, a := range got {
				names += a.Agent
			}
			assert.Equal(t, want, names, "%s %v", c.key, desc)
		}
	}
	for desc, want := range map[bool]string{false: "dgfebac", true: "abefdgc"} {
		names := ""
		got, err := records.Select(t.Context(), schema.Describe[schema.Site](), sites, sorted("State", desc), 0)
		require.NoError(t, err)
		for _, s := range got {
			names += s.Site
		}
		assert.Equal(t, want, names, desc)
	}
}

// Records that are equal in all keys are in the order of tie.
func TestSort(t *testing.T) {
	list := []schema.ErrorSummary{
		{State: "success", Jobs: 1}, {State: "jobfailed", Jobs: 2}, {State: "submitfailed", Jobs: 3}, {Jobs: 4}, {State: "jobfailed", Jobs: 5},
	}
	most := func(a, b *schema.ErrorSummary) int { return int(b.Jobs - a.Jobs) }
	for desc, want := range map[bool][]int64{false: {3, 5, 2, 1, 4}, true: {1, 5, 2, 3, 4}} {
		got := slices.Clone(list)
		require.NoError(t, records.Sort(t.Context(), got, []wire.SortKey{{Field: "State", Desc: desc}}, most))
		var jobs []int64
		for _, s := range got {
			jobs = append(jobs, s.Jobs)
		}
		assert.Equal(t, want, jobs)
	}
	require.Error(t, records.Sort(t.Context(), list, []wire.SortKey{{Field: "Priority"}}, most))
	var exceeded *budget.ExceededError
	err := records.Sort(budget.New(t.Context(), budget.Options{Steps: 1 << 19}), make([]schema.ErrorSummary, 5000), []wire.SortKey{{Field: "Jobs"}}, most)
	require.ErrorAs(t, err, &exceeded)
}

func TestSelectRefuses(t *testing.T) {
	for name, q := range map[string]wire.Query{
		"a key of another record":  {Terms: []wire.Term{{Field: "Priority", Op: wire.Has}}},
		"a sort by an unknown key": {Sort: []wire.SortKey{{Field: "Priority"}}},
		"a range of texts":         {Terms: []wire.Term{{Field: "Team", Op: wire.Min, Number: 1}}},
		"an invalid number":        {Terms: []wire.Term{{Field: "WorkersBad", Op: wire.In, Values: []string{"x"}}}},
		"an unknown condition":     {Terms: []wire.Term{{Field: "WorkersBad", Op: "like"}}},
	} {
		_, err := records.Select(t.Context(), schema.Describe[schema.Agent](), agents(), q, 0)
		assert.Error(t, err, name)
	}
}

// Selecting and sorting spend the budget.
func TestSelectSpends(t *testing.T) {
	list := make([]schema.Agent, 5000)
	for _, q := range []wire.Query{{Terms: []wire.Term{{Field: "Team", Op: wire.Has}}}, {Sort: []wire.SortKey{{Field: "Failure"}}}} {
		b := budget.New(t.Context(), budget.Options{Steps: 1 << 19})
		_, err := records.Select(b, schema.Describe[schema.Agent](), list, q, 0)
		var exceeded *budget.ExceededError
		require.ErrorAs(t, err, &exceeded)
	}
}
