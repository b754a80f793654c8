package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// choices turn the bytes of the fuzzer into valid requests: most selectors
// that it would write on its own mean nothing.
type choices struct{ data []byte }

// one returns a number below n; 0 when there are no bytes left.
func (c *choices) one(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % n
}

func pick[T any](c *choices, list ...T) T { return list[c.one(len(list))] }

// repeat is usually a small number, and sometimes a large one.
func (c *choices) repeat() int { return pick(c, 1, 2, 3, 5, 10, 30, 100, 1000) }

// text returns a part of a text in the records, so that some of them match.
func (c *choices) text() string {
	return pick(c, "pdmvserv_", "wf_0", "T2_CH_CERN_1", "T1_", "Run3Summer01", "completed", "/A/B-v1/GEN", "vocms1.cern.ch", "a", "_", "/", "", "é", "K") +
		pick(c, "", "", "0", "v1")
}

func (c *choices) value() any {
	return pick[any](c, c.text(), c.text(), float64(c.one(256)), -1.0, 1e300, true, nil, []any{c.text(), c.text()})
}

func (c *choices) values() []any {
	list := make([]any, 0, 8)
	for i := range min(c.repeat(), 300) {
		list = append(list, fmt.Sprint(c.text(), i), c.value())
	}
	return list
}

// expression returns a regular expression.
func (c *choices) expression(depth int) string {
	if depth == 0 {
		return pick(c, ".", "[^a]", `\pL`, `\w`, "(?i:k)", "[a-z0-9_]", "^", "$", `\b`, c.text())
	}
	part := func() string { return c.expression(depth - 1) }
	switch c.one(7) {
	case 0:
		return part() + part() + part()
	case 1:
		return "(" + part() + "|" + part() + "|" + part() + ")"
	case 2:
		return "(" + part() + ")" + pick(c, "*", "+", "?", "*?")
	case 3:
		return fmt.Sprintf("(%s){%d,%d}", part(), c.one(20), c.one(20)+20)
	case 4:
		return strings.Repeat(part(), c.repeat())
	case 5:
		return "(?i)" + part()
	}
	return "(" + part() + ")"
}

var fuzzKeys = []string{"Workflow", "Sites", "OutputDatasets", "Status", "Priority", "PrepIDs", "Campaign", "Failure", "TimePerEvent", "HasJobInfo", "StatusTime", "Agents"}

func (c *choices) selector(depth int) map[string]any {
	switch {
	case depth > 0 && c.one(3) == 0:
		var list []any
		for range 1 + c.one(4) {
			list = append(list, c.selector(depth-1))
		}
		return map[string]any{pick(c, "$and", "$or", "$nor"): list}
	case depth > 0 && c.one(5) == 0:
		return map[string]any{"$not": c.selector(depth - 1)}
	}
	out := map[string]any{}
	for range 1 + c.one(3) {
		out[pick(c, fuzzKeys...)] = c.condition(depth)
	}
	return out
}

func (c *choices) condition(depth int) any {
	op := pick(c, "$regex", "$in", "$elemMatch", "$gt", "$lt", "$gte", "$lte", "$eq", "$ne", "$nin", "$all", "$not", "$nor", "$size", "$type", "$mod", "$exists", "$or")
	switch op {
	case "$regex":
		return map[string]any{op: c.expression(1 + c.one(4))}
	case "$in", "$nin", "$all":
		return map[string]any{op: c.values()}
	case "$elemMatch", "$not":
		if depth == 0 {
			return c.text()
		}
		return map[string]any{op: c.condition(depth - 1)}
	case "$nor", "$or":
		var list []any
		for range min(c.repeat(), 100) {
			list = append(list, map[string]any{pick(c, "$gt", "$lt", "$ne", "$regex"): c.text()})
		}
		return map[string]any{op: list}
	case "$size":
		return map[string]any{op: c.one(4)}
	case "$type":
		return map[string]any{op: pick(c, "string", "number", "array")}
	case "$mod":
		return map[string]any{op: []int{1 + c.one(7), c.one(3)}}
	case "$exists":
		return map[string]any{op: c.one(2) == 0}
	}
	return map[string]any{op: c.value()}
}

// glob returns a value with wildcards, or many of them.
func (c *choices) glob() string {
	part := func() string {
		return strings.Repeat(pick(c, "*", "*a", "*_", "a*", "**")+c.text(), min(c.repeat(), 100))
	}
	values := make([]string, 0, 4)
	for i := range min(c.repeat(), 100) {
		text := part()
		values = append(values, pick(c, "", "!")+fmt.Sprint(i)+text[:min(len(text), 200)])
	}
	return strings.ToValidUTF8(strings.Join(values, ","), "")
}

// filters returns parameters of lists.
func (c *choices) filters(v url.Values) {
	for range c.one(5) {
		switch c.one(6) {
		case 0, 1:
			v.Set(pick(c, "workflow", "site", "outputdataset", "prepid", "campaign", "agent"), c.glob())
		case 2:
			v.Set("q", "x"+strings.Repeat(c.text(), min(c.repeat(), 100)))
		case 3:
			v.Set(pick(c, "minPriority", "maxFailure", "minTimePerEvent"), fmt.Sprint(c.one(256)))
		case 4:
			v.Set("has", pick(c, "failure", "!agent", "campaign,!sites"))
		case 5:
			v.Set(pick(c, "priority", "failure"), pick(c, "", "!")+strings.Repeat("7,", min(c.repeat(), 100))+"8")
		}
	}
}

// request returns one request, including the parameters of its page.
func (c *choices) request() *http.Request {
	v := url.Values{}
	if c.one(2) == 0 {
		body, err := json.Marshal(map[string]any{
			"selector": c.selector(1 + c.one(5)), "limit": 1 + c.one(100), "idx": 10 * c.one(256), "sort": pick(c, []any{}, []any{c.key()}, []any{c.key(), map[string]any{c.key(): "desc"}}),
		})
		if err != nil {
			panic(err) // all parts can be encoded
		}
		return httptest.NewRequest(http.MethodPost, "/find", strings.NewReader(string(body))) //nolint:noctx // of the fuzzer's own
	}
	c.filters(v)
	path := pick(c, "/fetch", "/fetch", "/stats", "/facet/"+c.key(), "/errors", "/changes", "/attention", "/sites/T1_US_FNAL", "/history")
	keys := func(n int) string {
		list := make([]string, 0, n)
		for range n {
			if k := c.key(); !slices.Contains(list, k) {
				list = append(list, k)
			}
		}
		return strings.Join(list, ",")
	}
	switch path {
	case "/fetch", "/sites/T1_US_FNAL":
		v.Set("idx", fmt.Sprint(10*c.one(256)))
		v.Set("limit", pick(c, "1", "100", "10000", "all"))
		v.Set("sort", pick(c, "", "-")+keys(1+c.one(10)))
		v.Set("format", pick(c, "json", "csv", "ndjson"))
		if c.one(3) == 0 {
			v.Set("facets", keys(1+c.one(10)))
		}
	case "/stats":
		v.Set("by", keys(1+c.one(2)))
		v.Set("sum", pick(c, "Failure", "Priority,Failure,Running"))
	case "/errors":
		v.Set("by", pick(c, "exitcode", "workflow,exitcode,site,state"))
	case "/changes":
		v.Set("since", pick(c, "t-1", "t-2", "nothing"))
	case "/attention":
		clear(v)
	case "/history":
		v = url.Values{"campaign": {"*"}, "by": {pick(c, "group", "state")}}
	}
	r := httptest.NewRequest(http.MethodGet, path+"?"+v.Encode(), http.NoBody) //nolint:noctx // of the fuzzer's own
	r.Header.Set("Accept-Encoding", pick(c, "gzip", "zstd", "identity"))
	return r
}

func (c *choices) key() string { return pick(c, fuzzKeys...) }

// FuzzExpensiveRequests looks for requests that exceed their limits: that work
// beyond their steps, or rarely check for their client, or are answered with a
// 500.
func FuzzExpensiveRequests(f *testing.F) {
	const workflows, steps = 2000, 2_000_000
	records, err := store.New(store.Options{Process: "t", Limits: schema.DefaultLimits()})
	require.NoError(f, err)
	load := records.BeginLoad()
	load.Add(changes(0, workflows, 1))
	load.Add(agentInfos())
	_, err = load.Commit()
	require.NoError(f, err)
	records.Apply(changes(0, workflows/2, 2))
	times, err := timeline.New(timeline.Options{})
	require.NoError(f, err)
	generation, _ := records.Newest()
	times.Observe(generation, records.Agents(generation))
	noted := &spent{}
	a, err := api.New(api.Options{
		Store: records, History: times, Jobs: &jobsFake{}, Log: slog.New(slog.DiscardHandler),
		Queries: api.QueryOptions{Steps: steps, Spent: noted.note},
	})
	require.NoError(f, err)
	for _, seed := range []string{
		"", "\x00\x01\x02\x03\x04\x05\x06\x07", "\x01\x04\x00\x00\x07\x07\x07\x07", "\x00\x05\x01\x00\x00\x03\x04\x04\x07\x00", strings.Repeat("\x02\x07", 40),
		"\x01\x04\x00\x01\x07\x03\x07\x01\x02\x00", "\x01\x02\x02\x05\x05\x00", strings.Repeat("\x00\x02\x01", 60),
	} {
		f.Add([]byte(seed))
	}
	allowed := []int{200, 400, 404, 406, 413, 422, 429}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := (&choices{data}).request()
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		require.Contains(t, allowed, w.Code, "%s %.300s\n%.300s", r.Method, r.URL, w.Body)
		if w.Code != http.StatusOK {
			var p wire.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.NotEmpty(t, p.Detail)
		}
		for _, b := range noted.take() {
			require.LessOrEqual(t, b.Largest(), int64(largest), "between two checks: %s %.300s", r.Method, r.URL)
			require.LessOrEqual(t, b.Spent(), int64(steps+2*largest), "%s %.300s", r.Method, r.URL)
		}
	})
}

// take returns the recorded values, and forgets them.
func (s *spent) take() []*budget.Budget {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}
