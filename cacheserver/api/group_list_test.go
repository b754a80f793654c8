package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// groupLists are the lists of totals, with their records' fields.
var groupLists = map[string][]schema.Field{
	"/sites": schema.Describe[schema.Site](), "/campaign": schema.Describe[schema.Campaign](),
	"/release": schema.Describe[schema.Release](), "/agent": schema.Describe[schema.Agent](),
}

// newGroupFixture has sites, campaigns, releases and agents of many kinds.
func newGroupFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, 40)
	docs := changes(40, 160, 1)
	now := f.clock.Now().Unix()
	for i, c := range docs {
		if c.Workflow != nil {
			c.Workflow.Campaign, c.Workflow.Release = fmt.Sprintf("Camp%d_%02d", i%3, i%23), fmt.Sprintf("CMSSW_%d_%d", i%7, i%5)
			c.Workflow.Campaigns, c.Workflow.Releases = []string{c.Workflow.Campaign}, []string{c.Workflow.Release}
		}
		if c.Report != nil {
			for k := range c.Report.Sites {
				c.Report.Sites[k].Site = fmt.Sprintf("T%d_%s_Site%02d", i%4, []string{"CH", "us", "DE"}[i%3], (i+k)%31)
			}
		}
	}
	for i := range 25 {
		d := &schema.AgentDetail{Agent: schema.Agent{
			Agent: fmt.Sprintf("vocms%03d.cern.ch", i*7%25), Kind: "agent", Team: fmt.Sprintf("team%d", i%3), UpdateTime: now - int64(i*100), Version: "2.3." + strconv.Itoa(i%4),
			Draining: i%2 == 0, DownComponents: []string{"A", "B", "C"}[:i%4], DiskWarnings: int64(i % 3),
		}}
		d.Sites = []schema.AgentSite{{Agent: d.Agent.Agent, Site: fmt.Sprintf("T2_IT_%02d", i), State: []string{"Normal", "Down", "Draining"}[i%3], RunningSlots: int64(i) - 1, PendingSlots: 5, FreeForQueue: float64(i) / 4, PendingJobs: -1}}
		docs = append(docs, join.Change{Kind: join.AgentInfo, ID: d.Agent.Agent, Hash: uint64(i + 100), Time: d.UpdateTime, Info: d}) //nolint:gosec // numbers of the test
	}
	f.store.Apply(docs)
	return f
}

// record is one record as a client sees it, without the schema's types.
type record map[string]any

func (f *fixture) records(path string) (list []record, a answerOf) {
	f.t.Helper()
	a = f.get(path)
	require.Equal(f.t, http.StatusOK, a.StatusCode, "%s: %s", path, a.body)
	require.NoError(f.t, json.Unmarshal(a.plain(f.t), &list))
	return list, a
}

// gone reports whether a value is missing, in plain words.
func gone(f schema.Field, v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case float64:
		return v == -1 || v == 0 && f.Unit == "Unix s"
	}
	return false
}

// text returns a value as a user would write it in a filter.
func text(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

func elements(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// question is one condition: its parameter, and its meaning for one value.
type question struct {
	param, value string
	holds        func(v any) bool
}

// ask builds a condition from a field and a value that some record has.
func ask(r *rand.Rand, f schema.Field, v any) question {
	sample := elements(v)
	if len(sample) == 0 {
		sample = []any{"nothing"}
	}
	some := text(sample[r.IntN(len(sample))])
	has := func(v any) bool {
		n, isNumber := v.(float64)
		return v != false && !gone(schema.Field{}, v) && (!isNumber || n != 0)
	}
	equal := func(v any) bool {
		return !gone(f, v) && slices.ContainsFunc(elements(v), func(e any) bool { return text(e) == some })
	}
	isNumber := f.Type == schema.Int || f.Type == schema.Float
	isText := f.Type == schema.String || f.Type == schema.List
	switch n, _ := v.(float64); r.IntN(7) {
	case 0:
		return question{"has", f.Param, has}
	case 1:
		return question{"has", "!" + f.Key, func(v any) bool { return !has(v) }}
	case 2:
		if isNumber {
			return question{"min" + f.Key, some, func(v any) bool { return !gone(f, v) && v.(float64) >= n }}
		}
	case 3:
		if isNumber {
			return question{"max" + f.Key, some, func(v any) bool { return !gone(f, v) && v.(float64) <= n }}
		}
	case 4:
		if isText && len(some) > 2 {
			pattern := some[:2] + "*"
			return question{f.Param, pattern, func(v any) bool {
				return slices.ContainsFunc(elements(v), func(e any) bool { return strings.HasPrefix(e.(string), some[:2]) })
			}}
		}
	case 5:
		if some != "" && f.Type != schema.Bool {
			return question{f.Param, "!" + some, func(v any) bool { return !equal(v) }}
		}
	}
	if some == "" || isNumber && strings.HasPrefix(some, "-") {
		return question{"has", f.Key, has}
	}
	return question{f.Param, some, equal}
}

// ordered are the values of the keys that are not ordered alphabetically.
var ordered = map[string][]string{
	"Severity":       {"error", "warning", "drain", "unknown", "ok"},
	"ReportedStatus": {"down", "error", "warning", "ok"},
	"State":          {"Normal", "Draining", "Down", "Aborted"},
}

// order compares two values of a field for a sort.
func order(f schema.Field, a, b any, desc bool) int {
	if ga, gb := gone(f, a), gone(f, b); ga || gb {
		switch {
		case ga && gb:
			return 0
		case ga:
			return 1
		}
		return -1
	}
	if desc {
		a, b = b, a
	}
	switch x := a.(type) {
	case float64:
		return cmp.Compare(x, b.(float64))
	case bool:
		return strings.Compare(text(a), text(b)) // false before true
	case string:
		rank := func(v any) int { return slices.Index(ordered[f.Key], v.(string)) }
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(x, b.(string)))
	}
	return slices.CompareFunc(elements(a), elements(b), func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
}

// TestGroupListsAgainstPlainOnes requests the lists of totals with random
// filters, text, order, projection and pages, and computes the same from the
// whole list, record by record.
func TestGroupListsAgainstPlainOnes(t *testing.T) {
	f := newGroupFixture(t)
	r := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // chance of a test
	for path, fields := range groupLists {
		whole, a := f.records(path)
		require.Greater(t, len(whole), 10, path)
		assert.Empty(t, a.Header.Get("Link"), path)
		assert.Equal(t, strconv.Itoa(len(whole)), a.Header.Get("X-Total-Count"))
		name := fields[0].Key
		found := 0
		for range 120 {
			query, want := url.Values{}, slices.Clone(whole)
			for range r.IntN(3) {
				field := fields[r.IntN(len(fields))]
				q := ask(r, field, whole[r.IntN(len(whole))][field.Key])
				if query.Has(q.param) {
					continue
				}
				query.Set(q.param, strings.ReplaceAll(q.value, ",", `\,`))
				want = slices.DeleteFunc(want, func(rec record) bool { return !q.holds(rec[field.Key]) })
			}
			if r.IntN(4) == 0 {
				part := strings.ToUpper(whole[r.IntN(len(whole))][name].(string)[1:4])
				query.Set("q", part)
				want = slices.DeleteFunc(want, func(rec record) bool { return !strings.Contains(strings.ToUpper(rec[name].(string)), part) })
			}
			if r.IntN(3) > 0 {
				field, desc := fields[r.IntN(len(fields))], r.IntN(2) == 0
				query.Set("sort", map[bool]string{true: "-"}[desc]+field.Key)
				slices.SortStableFunc(want, func(a, b record) int { return order(field, a[field.Key], b[field.Key], desc) })
			}
			total := len(want)
			if r.IntN(2) == 0 {
				idx, limit := r.IntN(8), 1+r.IntN(12)
				query.Set("idx", strconv.Itoa(idx))
				query.Set("limit", strconv.Itoa(limit))
				want = want[min(idx, total):min(idx+limit, total)]
			}
			if r.IntN(4) == 0 {
				key := fields[1+r.IntN(len(fields)-1)].Key
				query.Set("fields", key)
				for i, rec := range want {
					want[i] = record{name: rec[name], key: rec[key]}
				}
			}
			got, a := f.records(path + "?" + query.Encode())
			require.Equal(t, strconv.Itoa(total), a.Header.Get("X-Total-Count"), "%s?%s", path, query.Encode())
			require.Equal(t, len(want), len(got), "%s?%s", path, query.Encode())
			for i := range want {
				require.Equal(t, want[i], got[i], "%s?%s", path, query.Encode())
			}
			if found += len(got); total == 0 {
				require.Equal(t, "[]\n", string(a.body))
			}
		}
		require.Greater(t, found, 300, "%s: no condition matched anything", path)
	}
}

// TestGroupPages: a client that follows Link gets each record of the first
// page's list once, in its order, whatever happens to records, generations and
// agents.
func TestGroupPages(t *testing.T) {
	for path := range groupLists {
		for limit, query := range map[int]string{19: "?", 100: "?", 7: "?sort=-Workflows", 21: "?sort=-Failure&fields=Failure", 13: "?sort=FailureRate&q=1"} {
			f := newGroupFixture(t)
			want, a := f.records(path + query)
			require.Empty(t, a.Header.Get("Link"))
			var got []record
			version := 2
			for next := fmt.Sprintf("%s%s&limit=%d", path, query, limit); next != ""; version++ {
				page, a := f.records(next)
				got = append(got, page...)
				links := a.links()
				next = links["next"]
				assert.Equal(t, a.Header.Get("X-Total-Count"), strconv.Itoa(len(want)))
				if next != "" {
					assert.Contains(t, next, "gen="+a.Header.Get("X-Generation"))
					assert.Contains(t, links["first"], "limit=")
				}
				// A new generation, and an agent that reports without
				// publishing one.
				f.store.Apply(changes(0, 160, version))
				f.clock.advance(5 * time.Second)
				now := f.clock.Now().Unix()
				f.store.Apply([]join.Change{{Kind: join.AgentInfo, ID: "vocms007.cern.ch", Hash: 101, Time: now,
					Info: &schema.AgentDetail{Agent: schema.Agent{Agent: "vocms007.cern.ch", Kind: "agent", UpdateTime: now}}}})
			}
			require.Equal(t, want, got, path+query)
		}
	}
}

// TestGroupPagesOfAgentsThatFallSilent: records of agents and sites change
// while their generation does not; the links lead through those of the first
// page.
func TestGroupPagesOfAgentsThatFallSilent(t *testing.T) {
	for _, path := range []string{"/agent?sort=Severity,-UpdateTime", "/sites?sort=State,-RunningSlots"} {
		f := newGroupFixture(t)
		f.newAPI(nil)
		want, _ := f.records(path)
		page, a := f.records(path + "&limit=4")
		got, gen := page, a.Header.Get("X-Generation")
		for n := 1; a.links()["next"] != ""; n++ {
			f.clock.advance(7 * time.Minute)
			var prev []record
			page, a = f.records(a.links()["next"])
			got = append(got, page...)
			prev, _ = f.records(a.links()["prev"])
			require.Equal(t, got[4*(n-1):4*n], prev)
			require.Equal(t, gen, a.Header.Get("X-Generation"))
			require.Contains(t, a.Header.Get("Cache-Control"), "immutable")
		}
		require.Equal(t, want, got, path)
		changed, a := f.records(path + "&gen=" + gen)
		require.NotEqual(t, want, changed, "the test proves nothing")
		require.NotContains(t, a.Header.Get("Cache-Control"), "immutable", "it changes with time")
		require.Equal(t, http.StatusNotModified, f.get(path+"&gen="+gen, "If-None-Match: "+a.Header.Get("ETag")).StatusCode)
	}
}

func TestBadGroupQueries(t *testing.T) {
	f := newGroupFixture(t)
	for _, path := range []string{"/sites", "/campaign", "/release", "/agent"} {
		for query, want := range map[string]struct {
			status int
			slug   wire.Slug
			param  string
		}{
			"naem=a": {400, wire.SlugUnknownParameter, "naem"}, "facets=status": {400, wire.SlugUnknownParameter, "facets"}, "after=a": {400, wire.SlugUnknownParameter, "after"},
			"envelope=1": {400, wire.SlugUnknownParameter, "envelope"}, "status=completed": {400, wire.SlugUnknownParameter, "status"},
			"minPriority=1": {400, wire.SlugUnknownParameter, "minPriority"}, "since=2d": {400, wire.SlugUnknownParameter, "since"},
			"q=": {400, wire.SlugBadValue, "q"}, "q=a&Q=b": {400, wire.SlugBadValue, "q"}, "q=%ff": {400, wire.SlugBadValue, "q"}, "sort=": {400, wire.SlugBadValue, "sort"},
			"sort=Statsu": {400, wire.SlugUnknownField, "sort"}, "sort=Failure,-failure": {400, wire.SlugBadValue, "sort"}, "sort=!Failure": {400, wire.SlugBadValue, "sort"},
			"fields=Priority": {400, wire.SlugUnknownField, "fields"}, "fields=!Failure": {400, wire.SlugBadValue, "fields"}, "has=Priority": {400, wire.SlugUnknownField, "has"},
			"limit=0": {400, wire.SlugBadValue, "limit"}, "limit=10001": {400, wire.SlugBadValue, "limit"}, "limit=1.5": {400, wire.SlugBadValue, "limit"}, "limit=+3": {400, wire.SlugBadValue, "limit"},
			"limit=": {400, wire.SlugBadValue, "limit"}, "limit=2&limit=3": {400, wire.SlugBadValue, "limit"}, "idx=-1": {400, wire.SlugBadValue, "idx"}, "idx=a": {400, wire.SlugBadValue, "idx"},
			"failure=many": {400, wire.SlugBadValue, "failure"}, "minFailure=many": {400, wire.SlugBadValue, "minFailure"}, "failure=1*": {400, wire.SlugBadValue, "failure"},
			"failurerate=!x": {400, wire.SlugBadValue, "failurerate"}, "minFailure=1&minfailure=2": {400, wire.SlugBadValue, "minFailure"},
			"gen=other-1": {410, wire.SlugGenerationExpired, "gen"}, "gen=a%20b": {400, wire.SlugBadValue, "gen"}, "format=xml": {406, wire.SlugNotAcceptable, "format"},
			"sort=Failure,Success,Running,Pending,Cooloff,Workflows,TotalJobs,JobProgress,FailureRate": {422, wire.SlugTooExpensive, "sort"},
		} {
			a := f.get(path + "?" + query)
			require.Equal(t, want.status, a.StatusCode, "%s?%s: %s", path, query, a.body)
			p := a.problem(t)
			assert.Equal(t, want.slug, p.Slug(), "%s?%s", path, query)
			assert.Equal(t, want.param, p.Param, "%s?%s", path, query)
		}
		a := f.get(path + "?failre=1")
		assert.Contains(t, a.problem(t).DidYouMean, "failure")
		a = f.get(path+"?limit=2", "Accept: image/png")
		assert.Equal(t, http.StatusNotAcceptable, a.StatusCode)
		expired := f.get(path + "?gen=gone-1&idx=4&limit=2&sort=-Failure").problem(t)
		assert.Equal(t, path+"?limit=2&sort=-Failure", expired.Restart)
		assert.Empty(t, expired.Continue)
		assert.Equal(t, 200, f.get(expired.Restart).StatusCode)
		beyond, a := f.records(path + "?idx=5000&limit=2")
		assert.Empty(t, beyond)
		assert.Empty(t, a.links()["next"])
		assert.Empty(t, a.links()["prev"])
	}
	for _, path := range []string{"/campaign", "/release"} {
		assert.Equal(t, wire.SlugUnknownParameter, ptr(f.get(path+"?read=a").problem(t)).Slug(), "their generation determines everything")
	}
	for query, slug := range map[string]wire.Slug{"read=a": wire.SlugGenerationExpired, "read=": wire.SlugBadValue, "read=a&read=b": wire.SlugBadValue} {
		p := f.get("/sites?limit=2&" + query).problem(t)
		assert.Equal(t, slug, p.Slug(), query)
		assert.Equal(t, "read", p.Param)
	}
}

// The formats of lists of totals are those of lists of workflows.
func TestFormsOfGroupPages(t *testing.T) {
	f := newGroupFixture(t)
	table := rows(t, f.get("/campaign?format=csv&limit=2&fields=Failure&sort=-Failure&dl=1").body)
	assert.Equal(t, []string{"Campaign", "Failure"}, table[0])
	assert.Len(t, table, 3)
	lines := strings.Split(strings.TrimSpace(string(f.get("/campaign?limit=3", "Accept: application/x-ndjson").body)), "\n")
	assert.Len(t, lines, 3)
	a := f.get("/campaign?limit=3&campaign=Camp1_*")
	assert.Equal(t, http.StatusNotModified, f.get("/campaign?limit=3&campaign=Camp1_*", "If-None-Match: "+a.Header.Get("ETag")).StatusCode)
	assert.Equal(t, "private, no-cache", a.Header.Get("Cache-Control"))
	assert.Equal(t, "private, max-age=600, immutable", f.get(a.links()["next"]).Header.Get("Cache-Control"))
	head := f.do(http.MethodHead, "/campaign?limit=3&campaign=Camp1_*")
	assert.Equal(t, a.Header.Get("Content-Length"), head.Header.Get("Content-Length"))
	assert.Equal(t, a.Header.Get("Link"), head.Header.Get("Link"))
	through := f.get("/v1/campaign?limit=3", "X-Forwarded-Prefix: /api")
	assert.True(t, strings.HasPrefix(through.links()["next"], "/api/v1/campaign?"), through.Header.Get("Link"))
	empty, a := f.records("/sites?site=T9_*&limit=3")
	assert.Empty(t, empty)
	assert.Equal(t, "0", a.Header.Get("X-Total-Count"))
	none, _ := f.records("/campaign?campaign=(none)")
	assert.Len(t, none, 1)
}
