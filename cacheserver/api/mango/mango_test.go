package mango_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	oracle "github.com/go-kivik/kivik/v4/x/mango"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/mango"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

var fields = schema.Describe[schema.Workflow]()

func parse(t *testing.T, text string) *mango.Selector {
	t.Helper()
	s, err := mango.Parse([]byte(text), fields)
	require.NoError(t, err, text)
	return s
}

// words are few, so that random conditions often match.
var words = []string{"completed", "running-open", "failed", "T1_US_FNAL", "T2_CH_CERN", "a", "B", "b", "", "Run3", "é"}

func randomRecord(r *rand.Rand) []byte {
	list := func() []string {
		out := []string{}
		for range r.IntN(4) {
			out = append(out, words[r.IntN(len(words))])
		}
		return out
	}
	w := schema.Workflow{
		Workflow: fmt.Sprintf("wf_%d", r.IntN(20)), Status: words[r.IntN(len(words))], Campaign: words[r.IntN(len(words))],
		StatusTime: int64(r.IntN(4)), Priority: int64(r.IntN(8)) - 2, EstimatedJobs: int64(r.IntN(4)) - 1,
		StatusKnown: r.IntN(2) == 0, Skipped: r.IntN(2) == 0, Sites: list(), Agents: list(),
		TimePerEvent: float64(r.IntN(5)) - 1,
	}
	w.Failure = int64(r.IntN(5))
	return schema.AppendJSON(nil, &w)
}

type object = map[string]any

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomValue(r *rand.Rand) any {
	switch r.IntN(10) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2, 3, 4, 5:
		return float64(r.IntN(8) - 2) // kivik compares whole numbers only
	}
	return words[r.IntN(len(words))]
}

func randomList(r *rand.Rand) []any {
	out := []any{}
	for range r.IntN(4) {
		out = append(out, randomValue(r))
	}
	return out
}

// randomCondition returns one operator. both are ours and the same in kivik's
// syntax.
func randomCondition(r *rand.Rand, field string, isList bool) (ours, theirs object) {
	same := func(c any) (object, object) { return object{field: c}, object{field: c} }
	op := pick(r, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$type", "$all", "$size", "$mod", "$regex", "$elemMatch", "")
	switch op {
	case "":
		return same(randomValue(r))
	case "$in", "$nin":
		values := randomList(r)
		if !isList {
			return same(object{op: values})
		}
		var each []any // for a list CouchDB tests the elements, kivik the whole list
		for _, v := range values {
			each = append(each, object{field: object{"$elemMatch": object{"$eq": v}}})
		}
		if each == nil {
			each = []any{}
		}
		return object{field: object{op: values}}, object{map[string]string{"$in": "$or", "$nin": "$nor"}[op]: each}
	case "$all":
		return same(object{op: randomList(r)})
	case "$exists":
		return same(object{op: r.IntN(2) == 0})
	case "$type":
		return same(object{op: pick(r, "null", "boolean", "number", "string", "array", "object")})
	case "$size":
		return same(object{op: r.IntN(4)})
	case "$mod":
		return same(object{op: []int{1 + r.IntN(3), r.IntN(3)}})
	case "$regex":
		return same(object{op: pick(r, "^T", "e", "^$", "[ab]", "(?i)B$")})
	case "$elemMatch":
		return same(object{op: object{"$eq": randomValue(r)}}) // kivik takes any operator here for $eq
	case "$gt", "$gte", "$lt", "$lte": // a missing value is in no range
		value := randomValue(r)
		bounds := []any{object{field: object{op: value}}, object{field: object{"$ne": -1}}, object{field: object{"$ne": ""}}}
		if isList {
			bounds = append(bounds, object{field: object{"$ne": []any{}}})
		}
		if strings.HasSuffix(field, "Time") {
			bounds = append(bounds, object{field: object{"$ne": 0}})
		}
		return object{field: object{op: value}}, object{"$and": bounds}
	}
	return same(object{op: randomValue(r)})
}

func randomSelector(r *rand.Rand, depth int) (ours, theirs object) {
	if depth > 0 && r.IntN(3) == 0 {
		op := pick(r, "$and", "$or", "$nor", "$not")
		if op == "$not" {
			a, b := randomSelector(r, depth-1)
			return object{op: a}, object{op: b}
		}
		mine, other := []any{}, []any{}
		for range r.IntN(4) {
			a, b := randomSelector(r, depth-1)
			mine, other = append(mine, a), append(other, b)
		}
		return object{op: mine}, object{op: other}
	}
	field := pick(r, "Status", "Campaign", "StatusTime", "Priority", "EstimatedJobs", "StatusKnown", "Skipped", "Sites", "Agents", "TimePerEvent", "Failure", "Workflow")
	isList := field == "Sites" || field == "Agents"
	a, x := randomCondition(r, field, isList)
	b, y := randomCondition(r, field, isList)
	first, ok1 := a[field].(object)
	second, ok2 := b[field].(object)
	if ok1 && ok2 && r.IntN(3) == 0 {
		merged := object{}
		maps.Copy(merged, first)
		maps.Copy(merged, second)
		if len(merged) == 2 { // several operators in one condition: only ours
			return object{field: merged}, object{"$and": []any{x, y}}
		}
	}
	if ok1 && r.IntN(8) == 0 {
		return object{field: object{"$not": first}}, object{"$not": x}
	}
	return a, x
}

// matches returns the result of kivik's matcher.
func kivikMatches(t *testing.T, selector object, record []byte) bool {
	t.Helper()
	raw, err := json.Marshal(selector)
	require.NoError(t, err)
	node, err := oracle.Parse(raw)
	require.NoError(t, err, "%s", raw)
	var doc any
	require.NoError(t, json.Unmarshal(record, &doc))
	return oracle.Match(node, doc)
}

func TestKivikAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	found, all := 0, 0
	for range 3000 {
		ours, theirs := randomSelector(r, 3)
		text, err := json.Marshal(ours)
		require.NoError(t, err)
		s := parse(t, string(text))
		m := s.Matcher(budget.From(t.Context()))
		terms, exact := s.Terms()
		for range 8 {
			record := randomRecord(r)
			want := kivikMatches(t, theirs, record)
			got, err := m.Match(record, s)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s\n%s", text, record)
			fits := fulfils(t, record, terms)
			if got {
				require.True(t, fits, "terms are implied: %s\n%v\n%s", text, terms, record)
			} else if exact {
				require.False(t, fits, "exact terms are the selector: %s\n%v\n%s", text, terms, record)
			}
			all++
			if got {
				found++
			}
		}
	}
	assert.Greater(t, found, all/10)
	assert.Less(t, found, all*9/10)
}

// Each element is tested separately with kivik, whose $elemMatch supports only
// $eq.
func TestElementsAsKivik(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 2000 {
		condition := object{pick(r, "$ne", "$gt", "$gte", "$lt", "$lte"): pick[any](r, words[r.IntN(len(words))], 3.0, nil)}
		if r.IntN(4) == 0 {
			condition = object{"$regex": pick(r, "^T", "e", "^$", "[ab]")}
		}
		record := randomRecord(r)
		var doc object
		require.NoError(t, json.Unmarshal(record, &doc))
		want := false
		for _, element := range doc["Sites"].([]any) {
			raw, err := json.Marshal(object{"x": condition})
			require.NoError(t, err)
			node, err := oracle.Parse(raw)
			require.NoError(t, err)
			want = want || oracle.Match(node, object{"x": element})
		}
		text, err := json.Marshal(object{"Sites": object{"$elemMatch": condition}})
		require.NoError(t, err)
		s := parse(t, string(text))
		got, err := s.Matcher(budget.From(t.Context())).Match(record, s)
		require.NoError(t, err)
		require.Equal(t, want, got, "%s\n%s", text, doc["Sites"])
	}
}

// fulfils evaluates terms as the store does: a missing value matches no
// positive condition.
func fulfils(t *testing.T, record []byte, terms []wire.Term) bool {
	t.Helper()
	var doc object
	require.NoError(t, json.Unmarshal(record, &doc))
	for _, term := range terms {
		key, _ := wire.FieldOfMain(term.Field)
		values := []any{doc[key]}
		if list, ok := doc[key].([]any); ok {
			values = list
		}
		found := slices.ContainsFunc(values, func(v any) bool {
			switch n, isNumber := v.(float64); {
			case v == "", n == -1, isNumber && n == 0 && strings.HasSuffix(term.Field, "Time"):
				return false
			case term.Op == wire.Min:
				return n >= term.Number
			}
			return slices.Contains(term.Values, fmt.Sprint(v))
		})
		if found != (term.Op != wire.NotIn) {
			return false
		}
	}
	return true
}

func TestTerms(t *testing.T) {
	for text, want := range map[string]struct {
		terms []wire.Term
		exact bool
	}{
		`{}`: {nil, true},
		`{"Status":{"$in":["b","a"]},"Priority":{"$gte":90000}}`: {[]wire.Term{
			{Field: "Status", Op: wire.In, Values: []string{"a", "b"}}, {Field: "Priority", Op: wire.Min, Number: 90000}}, true},
		`{"Priority":{"$gt":5,"$lt":9}}`:            {[]wire.Term{{Field: "Priority", Op: wire.Min, Number: 6}}, false},
		`{"FailureRate":{"$gt":5}}`:                 {[]wire.Term{{Field: "FailureRate", Op: wire.Min, Number: 5}}, false},
		`{"Priority":{"$gte":-3}}`:                  {nil, false},
		`{"Status":"a*"}`:                           {nil, false},
		`{"Status":{"$ne":"new"}}`:                  {[]wire.Term{{Field: "Status", Op: wire.NotIn, Values: []string{"new"}}}, true},
		`{"Sites":{"$elemMatch":{"$eq":"T1"}}}`:     {[]wire.Term{{Field: "Sites", Op: wire.In, Values: []string{"T1"}}}, true},
		`{"Sites":{"$elemMatch":{"$regex":"^T1"}}}`: {nil, false},
		`{"$or":[{"Status":"a"},{"Status":"b"}]}`:   {nil, false},
		`{"status":"a","$and":[{"Skipped":true}]}`:  {[]wire.Term{{Field: "Status", Op: wire.In, Values: []string{"a"}}}, false},
		`{"Skipped":true,"EstimatedJobs":-1}`:       {[]wire.Term{{Field: "Skipped", Op: wire.In, Values: []string{"true"}}}, false},
	} {
		terms, exact := parse(t, text).Terms()
		assert.Equal(t, want.terms, terms, text)
		assert.Equal(t, want.exact, exact, text)
	}
}

// TestRangesLeaveOutWhatIsMissing: -1, 0 in a time, and the empty text and list
// stand for no value. They are in no range, as in the bounds of a list request.
func TestRangesLeaveOutWhatIsMissing(t *testing.T) {
	record := schema.AppendJSON(nil, &schema.Workflow{Workflow: "w", InputEvents: -1, EventProgress: -1, EstimatedJobs: 0, Sites: []string{}, StatusTime: 0, CreateTime: 5})
	for selector, want := range map[string]bool{
		`{"InputEvents":{"$lt":5}}`: false, `{"InputEvents":{"$lte":-1}}`: false, `{"InputEvents":{"$gt":-5}}`: false, `{"InputEvents":{"$gte":-1}}`: false,
		`{"EventProgress":{"$lt":50}}`: false, `{"StatusTime":{"$lt":10}}`: false, `{"StatusTime":{"$gte":0}}`: false, `{"CreateTime":{"$lt":10}}`: true,
		`{"EstimatedJobs":{"$lt":5}}`: true, `{"Failure":{"$lte":0}}`: true, `{"Campaign":{"$lt":"z"}}`: false, `{"Sites":{"$lt":["z"]}}`: false,
		`{"InputEvents":{"$gt":null}}`: false, `{"Failure":{"$gt":null}}`: true, `{"Skipped":{"$lt":true}}`: true,
		`{"InputEvents":-1}`: true, `{"InputEvents":{"$not":{"$lt":5}}}`: true, `{"$not":{"InputEvents":{"$lt":5}}}`: true,
		`{"InputEvents":{"$lt":5,"$gt":-5}}`: false, `{"$or":[{"InputEvents":{"$lt":5}},{"Failure":{"$lt":5}}]}`: true,
	} {
		s := parse(t, selector)
		got, err := s.Matcher(budget.From(t.Context())).Match(record, s)
		require.NoError(t, err)
		assert.Equal(t, want, got, selector)
	}
}

func TestBadSelectors(t *testing.T) {
	deep := strings.Repeat(`{"$not":`, 20) + `{"Status":"a"}` + strings.Repeat("}", 20)
	wide := `{"$or":[` + strings.TrimSuffix(strings.Repeat(`{"Status":"a"},`, 200), ",") + `]}`
	for text, want := range map[string]wire.Slug{
		`[]`: wire.SlugBadSelector, ``: wire.SlugBadSelector, `{"Status":`: wire.SlugBadSelector, `{} {}`: wire.SlugBadSelector, `null`: wire.SlugBadSelector,
		`{"Statsu":"a"}`: wire.SlugUnknownField, `{"Status":{"$gtt":1}}`: wire.SlugBadSelector, `{"$foo":[]}`: wire.SlugBadSelector,
		`{"Status":{"a":1}}`: wire.SlugBadSelector, `{"Status":{}}`: wire.SlugBadSelector, `{"Status":{"$eq":{"a":1}}}`: wire.SlugBadSelector,
		`{"Status":"a","Status":"b"}`: wire.SlugBadSelector, `{"Status":{"$in":"a"}}`: wire.SlugBadSelector, `{"$and":{}}`: wire.SlugBadSelector, `{"$or":null}`: wire.SlugBadSelector,
		`{"Status":{"$type":"text"}}`: wire.SlugBadSelector, `{"Sites":{"$size":-1}}`: wire.SlugBadSelector, `{"Priority":{"$mod":[0,1]}}`: wire.SlugBadSelector,
		`{"Priority":{"$mod":[2,1,1]}}`: wire.SlugBadSelector, `{"Status":{"$exists":1}}`: wire.SlugBadSelector, `{"Status":{"$regex":null}}`: wire.SlugBadSelector,
		`{"Status":{"$regex":"(a)\\1"}}`: wire.SlugTooExpensive, `{"Status":{"$regex":"("}}`: wire.SlugTooExpensive, deep: wire.SlugTooExpensive, wide: wire.SlugTooExpensive,
	} {
		_, err := mango.Parse([]byte(text), fields)
		var p *wire.Problem
		require.ErrorAs(t, err, &p, "%.60s", text)
		assert.Equal(t, want, p.Slug(), "%.60s: %s", text, p.Detail)
	}
	_, err := mango.Parse([]byte(`{"Status":{"$elemMtch":1}}`), fields)
	var p *wire.Problem
	require.ErrorAs(t, err, &p)
	assert.Contains(t, p.DidYouMean, "$elemMatch")
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Status":{"$in":["a"]},"$or":[{"Sites":{"$elemMatch":{"$regex":"^T"}}}]}`)
	f.Add(`{"Priority":{"$mod":[2,1],"$not":{"$gt":1e400}}}`)
	record := randomRecord(rand.New(rand.NewPCG(1, 1)))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := mango.Parse([]byte(text), fields)
		if err != nil {
			var p *wire.Problem
			require.ErrorAs(t, err, &p)
			return
		}
		_, err = s.Matcher(budget.From(t.Context())).Match(record, s)
		require.NoError(t, err)
	})
}
