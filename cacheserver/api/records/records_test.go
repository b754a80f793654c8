package records_test

import (
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
		"any element":             {term("DownComponents", wire.In, 0, "X", "Z"), "b"},
		"no element":              {term("DownComponents", wire.NotIn, 0, "X*"), "Cad"},
		"no text":                 {term("DownComponents", wire.HasNot, 0), "Cd"},
		"flag":                    {term("Draining", wire.In, 0, "true"), "bd"},
		"not a flag":              {term("Draining", wire.NotIn, 0, "true"), "Ca"},
		"a number that is no -1":  {term("WorkersBad", wire.NotIn, 0, "3"), "Cbd"},
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
		got, err := records.Select(t.Context(), agents(), c.query, 1500)
		require.NoError(t, err, name)
		names := ""
		for _, a := range got {
			names += a.Agent
		}
		assert.Equal(t, c.want, names, name)
	}
}

func TestSelectRefuses(t *testing.T) {
	for name, q := range map[string]wire.Query{
		"a key of another record": {Terms: []wire.Term{{Field: "Priority", Op: wire.Has}}},
		"a sort by one":           {Sort: []wire.SortKey{{Field: "Priority"}}},
		"a range of texts":        {Terms: []wire.Term{{Field: "Team", Op: wire.Min, Number: 1}}},
		"a number that is none":   {Terms: []wire.Term{{Field: "WorkersBad", Op: wire.In, Values: []string{"x"}}}},
		"an unknown condition":    {Terms: []wire.Term{{Field: "WorkersBad", Op: "like"}}},
	} {
		_, err := records.Select(t.Context(), agents(), q, 0)
		assert.Error(t, err, name)
	}
}

// What is picked and sorted is paid for.
func TestSelectSpends(t *testing.T) {
	list := make([]schema.Agent, 5000)
	for _, q := range []wire.Query{{Terms: []wire.Term{{Field: "Team", Op: wire.Has}}}, {Sort: []wire.SortKey{{Field: "Failure"}}}} {
		b := budget.New(t.Context(), budget.Options{Steps: 1 << 19})
		_, err := records.Select(b, list, q, 0)
		var exceeded *budget.ExceededError
		require.ErrorAs(t, err, &exceeded)
	}
}
