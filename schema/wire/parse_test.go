package wire

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func parse(t *testing.T, raw string) (Query, error) {
	t.Helper()
	v, err := url.ParseQuery(raw)
	require.NoError(t, err)
	return ParseQuery(v)
}

func TestParseQuery(t *testing.T) {
	term := func(field string, op Op, values ...string) Term { return Term{Field: field, Op: op, Values: values} }
	bound := func(field string, op Op, n float64) Term { return Term{Field: field, Op: op, Number: n} }
	for raw, want := range map[string]Query{
		"":                           {},
		"status=b,a":                 {Terms: []Term{term("Status", In, "a", "b")}},
		"status=b&status=a":          {Terms: []Term{term("Status", In, "a", "b")}},
		"Status=b&status=a&status=a": {Terms: []Term{term("Status", In, "a", "b")}},
		"site=!T1_*,!T2_US_*":        {Terms: []Term{term("Sites", NotIn, "T1_*", "T2_US_*")}},
		"site=T2_*&site=!T2_US_*":    {Terms: []Term{term("Sites", In, "T2_*"), term("Sites", NotIn, "T2_US_*")}},
		`campaign=a\,b,c\\d,\!e`:     {Terms: []Term{term("Campaign", In, "!e", "a,b", `c\d`)}},
		`campaign=!\!e`:              {Terms: []Term{term("Campaign", NotIn, "!e")}},
		"campaign=%2A2026%20x":       {Terms: []Term{term("Campaign", In, "*2026 x")}},
		"campaign=a%2Cb":             {Terms: []Term{term("Campaign", In, "a", "b")}},
		"priority=90000,1e5":         {Terms: []Term{term("Priority", In, "100000", "90000")}},
		"skipped=TRUE":               {Terms: []Term{term("Skipped", In, "true")}},
		"agent=x&status=y":           {Terms: []Term{term("Status", In, "y"), term("Agents", In, "x")}},

		"minPriority=90000&maxPriority=1e5":      {Terms: []Term{bound("Priority", Min, 90000), bound("Priority", Max, 100000)}},
		"MINPRIORITY=-1":                         {Terms: []Term{bound("Priority", Min, -1)}},
		"maxFailureRate=12.5":                    {Terms: []Term{bound("FailureRate", Max, 12.5)}},
		"since=2026-01-31T12:00:00%2B01:00":      {Terms: []Term{bound("StatusTime", Min, 1769857200)}},
		"since=2026-01-31":                       {Terms: []Term{bound("StatusTime", Min, 1769817600)}},
		"until=1769857200":                       {Terms: []Term{bound("StatusTime", Max, 1769857200)}},
		"since=2d":                               {Terms: []Term{bound("StatusTime", MaxAge, 172800)}},
		"until=90m":                              {Terms: []Term{bound("StatusTime", MinAge, 5400)}},
		"minAge=2d12h":                           {Terms: []Term{bound("StatusTime", MinAge, 216000)}},
		"maxage=3600":                            {Terms: []Term{bound("StatusTime", MaxAge, 3600)}},
		"minCreateTime=1w":                       {Terms: []Term{bound("CreateTime", MaxAge, 604800)}},
		"maxCreateTime=2026-01-31T00:00:00Z":     {Terms: []Term{bound("CreateTime", Max, 1769817600)}},
		"minLastAgentUpdate=100&minStatusTime=5": {Terms: []Term{bound("StatusTime", Min, 5), bound("LastAgentUpdate", Min, 100)}},

		"has=failure,!agent":              {Terms: []Term{{Field: "Failure", Op: Has}, {Field: "Agents", Op: HasNot}}},
		"has=!Agents&has=Failure,failure": {Terms: []Term{{Field: "Failure", Op: Has}, {Field: "Agents", Op: HasNot}}},

		"q=Run3%2C%20x!":            {Text: "Run3, x!"},
		`name=b&name=a,b&name=c\,d`: {Names: []string{"a", "b", "c,d"}},

		"sort=-Priority,Workflow":   {Sort: []SortKey{{"Priority", true}}},
		"sort=-priority,site":       {Sort: []SortKey{{"Priority", true}, {"Sites", false}}},
		"sort=Workflow":             {},
		"sort=-Workflow,Priority":   {Sort: []SortKey{{"Workflow", true}}},
		"fields=Status,failure":     {Fields: []string{"Workflow", "Status", "Failure"}},
		"fields=Workflow":           {Fields: []string{"Workflow"}},
		"facets=campaign:20,status": {Facets: []Facet{{"Status", 0}, {"Campaign", 20}}, Envelope: true},
		"facets=run:5":              {Facets: []Facet{{"Run", 5}}, Envelope: true},
		"facets=status:10":          {Facets: []Facet{{"Status", 0}}, Envelope: true},

		"gen=a-1834&idx=200&limit=50": {Gen: "a-1834", Idx: 200, Limit: 50},
		"limit=100":                   {},
		"limit=10000":                 {Limit: 10000},
		"limit=all&format=ndjson":     {All: true, Format: NDJSON},
		"limit=ALL&format=jsonl":      {All: true, Format: NDJSON},
		"after=pdmv_task_x":           {After: "pdmv_task_x"},
		"gen=a-1&idx=100&last=wf":     {Gen: "a-1", Idx: 100, Last: "wf"},
		"format=CSV&dl=1":             {Format: CSV, Download: true},
		"envelope=1":                  {Envelope: true},
		"envelope=0&dl=false":         {},
	} {
		got, err := parse(t, raw)
		if assert.NoError(t, err, raw) {
			assert.Equal(t, want, got, raw)
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	for raw, want := range map[string]struct {
		slug   Slug
		param  string
		detail string // part of it
		near   string // in did_you_mean
	}{
		"campagn=x":                     {SlugUnknownParameter, "campagn", "'campagn'", "campaign"},
		"minFailur=1":                   {SlugUnknownParameter, "minFailur", "", "minFailure"},
		"stauts=x":                      {SlugUnknownParameter, "stauts", "", "status"},
		"agents=x":                      {SlugUnknownParameter, "agents", "", "agent"},
		"has=failur":                    {SlugUnknownField, "has", "'failur'", "Failure"},
		"sort=-Prioritty":               {SlugUnknownField, "sort", "", "Priority"},
		"fields=Workflw":                {SlugUnknownField, "fields", "", "Workflow"},
		"facets=campagn:3":              {SlugUnknownField, "facets", "", "Campaign"},
		"status=":                       {SlugBadValue, "status", "empty", ""},
		"q=":                            {SlugBadValue, "q", "empty", ""},
		"status=a,,b":                   {SlugBadValue, "status", "empty", ""},
		"status=a,":                     {SlugBadValue, "status", "empty", ""},
		"status=!":                      {SlugBadValue, "status", "empty", ""},
		`campaign=a\*b`:                 {SlugBadValue, "campaign", "backslash", ""},
		`campaign=a\`:                   {SlugBadValue, "campaign", "backslash", ""},
		"status=%ff":                    {SlugBadValue, "status", "UTF-8", ""},
		"priority=9*":                   {SlugBadValue, "priority", "number", ""},
		"skipped=maybe":                 {SlugBadValue, "skipped", "true or false", ""},
		"minPriority=high":              {SlugBadValue, "minPriority", "number", ""},
		"minPriority=NaN":               {SlugBadValue, "minPriority", "number", ""},
		"minPriority=Inf":               {SlugBadValue, "minPriority", "number", ""},
		"minPriority=0x10":              {SlugBadValue, "minPriority", "number", ""},
		"minPriority=1e999":             {SlugBadValue, "minPriority", "number", ""},
		"minPriority=2d":                {SlugBadValue, "minPriority", "number", ""},
		"since=yesterday":               {SlugBadValue, "since", "duration", ""},
		"minAge=2026-01-31":             {SlugBadValue, "minAge", "duration", ""},
		"minAge=-5":                     {SlugBadValue, "minAge", "duration", ""},
		"minAge=9999999999d":            {SlugBadValue, "minAge", "duration", ""},
		"limit=-1":                      {SlugBadValue, "limit", "10000", ""},
		"limit=0":                       {SlugBadValue, "limit", "1 to 10000", ""},
		"limit=ten":                     {SlugBadValue, "limit", "whole number", ""},
		"limit=10001":                   {SlugBadValue, "limit", "10000", ""},
		"limit=+5":                      {SlugBadValue, "limit", "10000", ""},
		"limit=%2B5":                    {SlugBadValue, "limit", "10000", ""},
		"idx=-1":                        {SlugBadValue, "idx", "from 0", ""},
		"idx=1.5":                       {SlugBadValue, "idx", "from 0", ""},
		"idx=99999999999999999999":      {SlugBadValue, "idx", "from 0", ""},
		"limit=5&limit=6":               {SlugBadValue, "limit", "more than once", ""},
		"limit=5&LIMIT=5":               {SlugBadValue, "limit", "more than once", ""},
		"minPriority=1&minpriority=2":   {SlugBadValue, "minPriority", "more than once", ""},
		"since=1&minStatusTime=2":       {SlugBadValue, "since", "two names", ""},
		"since=2d&maxAge=3d":            {SlugBadValue, "maxAge", "two names", ""},
		"sort=Priority,-Priority":       {SlugBadValue, "sort", "more than once", ""},
		"sort=!Priority":                {SlugBadValue, "sort", "minus", ""},
		"fields=!Status":                {SlugBadValue, "fields", "exclusions", ""},
		"facets=Failure":                {SlugBadValue, "facets", "amount", ""},
		"facets=status:0":               {SlugBadValue, "facets", "1000", ""},
		"facets=status:1001":            {SlugBadValue, "facets", "1000", ""},
		"facets=status,status:3":        {SlugBadValue, "facets", "more than once", ""},
		"facets=status&format=csv":      {SlugBadValue, "format", "json", ""},
		"envelope=1&format=ndjson":      {SlugBadValue, "format", "json", ""},
		"envelope=2":                    {SlugBadValue, "envelope", "true or false", ""},
		"name=wf*":                      {SlugBadValue, "name", "workflow=", ""},
		"name=!wf":                      {SlugBadValue, "name", "workflow=", ""},
		"after=a&sort=-Priority":        {SlugBadValue, "after", "sort", ""},
		"gen=a%20b":                     {SlugBadValue, "gen", "X-Generation", ""},
		"format=xml":                    {SlugNotAcceptable, "format", "csv", "ndjson"},
		"name=" + manyNames(MaxNames+1): {SlugBadValue, "name", "1000", ""},
	} {
		_, err := parse(t, raw)
		var p *Problem
		if !assert.True(t, errors.As(err, &p), "%s: %v", raw, err) {
			continue
		}
		kind, ok := KindOf(want.slug)
		require.True(t, ok)
		assert.Equal(t, want.slug, p.Slug(), raw)
		assert.Equal(t, kind.Status, p.Status, raw)
		assert.Equal(t, kind.Title, p.Title, raw)
		assert.Equal(t, want.param, p.Param, raw)
		assert.Contains(t, p.Detail, want.detail, raw)
		if want.near != "" {
			assert.Contains(t, p.DidYouMean, want.near, raw)
		}
	}
	_, err := parse(t, "name="+manyNames(MaxNames))
	assert.NoError(t, err)
}

// manyNames makes n different names, with commas between.
func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "wf" + strings.Repeat("a", i%7) + formatNumber(float64(i))
	}
	return strings.Join(names, ",")
}

func TestParseQueryExceptSuggestsTheCallersOwn(t *testing.T) {
	_, err := ParseQueryExcept(url.Values{"by": {"site"}, "status": {"a"}}, "by", "prefix")
	assert.NoError(t, err)
	_, err = ParseQueryExcept(url.Values{"prefx": {"T2"}}, "by", "prefix")
	var p *Problem
	require.ErrorAs(t, err, &p)
	assert.Contains(t, p.DidYouMean, "prefix")
}

func TestFixedParametersHideNoField(t *testing.T) {
	for name, v := range map[string]*Vocabulary{
		"workflows": ofWorkflows(), "sites": Groups[schema.Site](), "campaigns": Groups[schema.Campaign](),
		"releases": Groups[schema.Release](), "agents": Groups[schema.Agent](),
	} {
		count := len(v.fields)
		for _, f := range v.fields {
			if numeric(f) {
				count += 2
			}
			assert.Equal(t, f.Param, v.params[f.Param].name)
		}
		fixed := map[string]bool{}
		for _, p := range v.groupParams() {
			fixed[strings.ToLower(p.name)] = true
		}
		for _, p := range ofWorkflows().workflowParams() {
			if !v.whole {
				fixed[strings.ToLower(p.name)] = true
			}
		}
		assert.Len(t, v.params, count+len(fixed), "%s: two parameters have one name", name)
	}
}

// Lists of sums are queried like lists of workflows, with their own keys.
func TestGroupQueries(t *testing.T) {
	sites := Groups[schema.Site]()
	for raw, want := range map[string]struct {
		query  Query
		values string
	}{
		"":          {Query{}, ""},
		"limit=all": {Query{All: true}, ""},
		"limit=100": {Query{Limit: 100}, "limit=100"},
		"site=T2_*,!T2_CH_*&state=Down&minRunning=5": {Query{Terms: []Term{
			{Field: "Site", Op: In, Values: []string{"T2_*"}}, {Field: "Site", Op: NotIn, Values: []string{"T2_CH_*"}},
			{Field: "State", Op: In, Values: []string{"Down"}}, {Field: "Running", Op: Min, Number: 5},
		}}, "minRunning=5&site=T2_*,!T2_CH_*&state=Down"},
		"sort=-Failure,site,tier&fields=running,State&has=!State&q=T1&idx=3&gen=a-1&format=csv&dl=1": {Query{
			Terms: []Term{{Field: "State", Op: HasNot}}, Text: "T1", Sort: []SortKey{{"Failure", true}},
			Fields: []string{"Site", "State", "Running"}, Gen: "a-1", Idx: 3, Format: CSV, Download: true,
		}, "dl=1&fields=Site,State,Running&format=csv&gen=a-1&has=!state&idx=3&q=T1&sort=-Failure"},
	} {
		v, err := url.ParseQuery(raw)
		require.NoError(t, err)
		got, err := sites.Parse(v)
		require.NoError(t, err, raw)
		assert.Equal(t, want.query, got, raw)
		written := sites.Values(got)
		readable, err := url.QueryUnescape(written.Encode())
		require.NoError(t, err)
		assert.Equal(t, want.values, readable)
		again, err := sites.Parse(written)
		require.NoError(t, err)
		got.All = false // no limit means all
		assert.Equal(t, got, again, raw)
	}
	for raw, want := range map[string]struct{ slug, param string }{
		"status=a": {"unknown-parameter", "status"}, "facets=site": {"unknown-parameter", "facets"}, "after=a": {"unknown-parameter", "after"},
		"name=a": {"unknown-parameter", "name"}, "since=2d": {"unknown-parameter", "since"}, "envelope=1": {"unknown-parameter", "envelope"},
		"site=": {"bad-value", "site"}, "q=a&q=b": {"bad-value", "q"}, "minRunning=x": {"bad-value", "minRunning"}, "running=a*": {"bad-value", "running"},
		"limit=0": {"bad-value", "limit"}, "limit=10001": {"bad-value", "limit"}, "idx=-1": {"bad-value", "idx"}, "idx=x": {"bad-value", "idx"},
		"sort=Status": {"unknown-field", "sort"}, "sort=State,State": {"bad-value", "sort"}, "fields=Status": {"unknown-field", "fields"},
		"fields=!Site": {"bad-value", "fields"}, "has=Status": {"unknown-field", "has"}, "gen=%20": {"bad-value", "gen"}, "dl=maybe": {"bad-value", "dl"},
		"q=%ff": {"bad-value", "q"}, `site=a\d`: {"bad-value", "site"}, "format=xml": {"not-acceptable", "format"},
	} {
		v, err := url.ParseQuery(raw)
		require.NoError(t, err)
		_, err = sites.Parse(v)
		p := ProblemOf(err)
		require.NotNil(t, p, raw)
		assert.Equal(t, want, struct{ slug, param string }{string(p.Slug()), p.Param}, raw)
	}
	_, err := sites.Parse(url.Values{"stat": {"Down"}})
	assert.Contains(t, ProblemOf(err).DidYouMean, "state")
}

func TestDropEmpty(t *testing.T) {
	got := DropEmpty(url.Values{"q": {""}, "status": {"", "a"}, "site": {"b"}})
	assert.Equal(t, url.Values{"status": {"a"}, "site": {"b"}}, got)
}

func TestValuesAreReadable(t *testing.T) {
	for raw, want := range map[string]string{
		"status=b&status=a&site=!T1_*":         "site=!T1_*&status=a,b",
		"MINFAILURERATE=10&since=2d&limit=100": "maxAge=2d&minFailureRate=10",
		"facets=Campaign:20&facets=status":     "facets=status,campaign:20",
		"minCreateTime=36h&maxCreateTime=90m":  "maxCreateTime=90m&minCreateTime=36h",
	} {
		q, err := parse(t, raw)
		require.NoError(t, err, raw)
		got, err := url.QueryUnescape(q.Values().Encode())
		require.NoError(t, err)
		assert.Equal(t, want, got, raw)
	}
}

// seeds of FuzzParseQuery; each parameter occurs in one of them.
func seeds() []string {
	return []string{
		"status=a,b&site=!T1_*&limit=5", `campaign=a\,b,\!c&campaign=!d`, "minPriority=1e5&maxFailureRate=0.1",
		"since=1.5d&until=2026-01-31T12:00:00.5Z", "minAge=90m&maxCreateTime=3w", "maxAge=2d12h&minLastAgentUpdate=7",
		"has=failure,!agent&name=a,b,c", "sort=-Priority,Status&fields=Failure&facets=status,campaign:20,run",
		"gen=a-1&idx=7&last=x&format=csv&dl=1", "after=%00&q=%2C", "after=pdmv_a&gen=a-1834&limit=10000&fields=Workflow",
		"limit=all&envelope=1", "priority=-0,1e-300&skipped=1", "run=7,!8&minRun=3",
		// With parameters that are the caller's own: of groups, of their sums, of one value's list.
		"by=status,site&sum=Failure&status=a&q=x", "by=exitcode&site=!T2_*&limit=10", "prefix=T2_&limit=7&after=b", "BY=status&gen=a-1",
	}
}

func TestSeedsHaveEveryParameter(t *testing.T) {
	given := map[string]bool{}
	for _, seed := range seeds() {
		v, err := url.ParseQuery(seed)
		require.NoError(t, err, seed)
		for name := range v {
			given[strings.ToLower(name)] = true
		}
	}
	for _, p := range ofWorkflows().workflowParams() {
		assert.True(t, given[strings.ToLower(p.name)], "no seed of FuzzParseQuery has %s", p.name)
	}
}

// FuzzParseQuery checks that Values writes back what ParseQuery accepts, that
// each refusal is a Problem, and that parameters of the caller's own change
// nothing else.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	own := []string{"by", "sum", "prefix"}
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		rest := maps.Clone(v)
		for _, name := range own {
			delete(rest, name)
		}
		q, err := ParseQueryExcept(v, own...)
		alone, errAlone := ParseQuery(rest)
		require.Equal(t, alone, q, raw)
		require.Equal(t, errAlone == nil, err == nil, raw)
		if err != nil {
			var p *Problem
			require.ErrorAs(t, err, &p)
			require.NotEmpty(t, p.Slug(), raw)
			return
		}
		again, err := ParseQuery(q.Values())
		require.NoError(t, err, "%s -> %s", raw, q.Values().Encode())
		require.Equal(t, q, again, "%s -> %s", raw, q.Values().Encode())
	})
}

// A question for what was done since a generation keeps every condition, also the
// bound of the time in the status, whose short name is taken.
func TestValuesSince(t *testing.T) {
	q, err := ParseQuery(url.Values{"since": {"1760000000"}, "status": {"new"}, "q": {"x"}, "name": {"a"}, "sort": {"-Priority"}, "idx": {"3"}})
	require.NoError(t, err)
	v := q.ValuesSince("a-7")
	assert.Equal(t, url.Values{"since": {"a-7"}, "minStatusTime": {"1760000000"}, "status": {"new"}, "q": {"x"}, "name": {"a"}}, v)
	v.Del("since")
	again, err := ParseQuery(v)
	require.NoError(t, err)
	assert.Equal(t, q.Terms, again.Terms)
}
