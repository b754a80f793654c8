package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// expensive is a request for as much work as its resource allows.
type expensive struct{ name, method, path, body string }

func selector(s string) string { return `{"selector":` + s + `}` }

func regex(expression string) string {
	return selector(fmt.Sprintf(`{"Workflow":{"$regex":%q}}`, expression))
}

// expensiveRequests has one for each resource that reads more than its page,
// and for each kind of condition.
func expensiveRequests() []expensive {
	var keys, amounts, countable, conditions []string
	for _, f := range schema.Describe[schema.Workflow]() {
		if f.Key != "Workflow" {
			keys = append(keys, f.Key)
		}
		if f.Type == schema.Int {
			amounts = append(amounts, f.Key)
			conditions = append(conditions, f.Param+"=!77")
		}
		if wire.Countable(f) {
			countable = append(countable, f.Key+":1000")
		}
	}
	globs := make([]string, 300)
	for i := range globs {
		globs[i] = fmt.Sprintf("*%d*a*b*c*d*e*f*g*h*", i)
	}
	many := make([]string, 4000)
	for i := range many {
		many[i] = fmt.Sprintf(`"T%d"`, i)
	}
	list := []expensive{
		{"globs of names", "GET", "/fetch?workflow=" + strings.Join(globs, ","), ""},
		{"globs of names that are excluded", "GET", "/fetch?workflow=!" + strings.Join(globs, ",!"), ""},
		{"long globs of a list", "GET", "/fetch?inputdataset=!*" + strings.Repeat("a*", 2_000), ""},
		{"q", "GET", "/fetch?q=" + strings.Repeat("é", 3) + "v", ""},
		{"all ranges", "GET", "/fetch?" + strings.Join(conditions, "&"), ""},
		{"eight keys", "GET", "/fetch?idx=2000&sort=OutputDatasets,PrepIDs," + strings.Join(keys[5:11], ","), ""},
		{"all facets", "GET", "/fetch?facets=" + strings.Join(countable, ","), ""},
		{"all as CSV, by a text", "GET", "/fetch?limit=10000&format=csv&sort=PrepID&fields=Status,Sites", ""},
		{"all in order", "GET", "/fetch?limit=all&sort=-OutputDatasets&q=%2F", ""},
		{"stats", "GET", "/stats?by=OutputDatasets,Sites&sum=" + strings.Join(amounts[:16], ","), ""},
		{"facet of names", "GET", "/facet/workflow?limit=1000&prefix=pdm", ""},
		{"suggestions for values", "GET", "/suggest?workflow=pdmvsrev,*pdm_*x,T2&outputdataset=/A/B,/A/C/x&" + strings.Join(conditions[:20], "&"), ""},
		{"suggestions for words", "GET", "/suggest?q=pdmvsrev_000_wf+wf_0000x+Run3Sumer+vocms1.cren.ch", ""},
		{"page of a site", "GET", "/sites/T1_US_FNAL?sort=OutputDatasets&facets=workflow:1000", ""},
		{"attention", "GET", "/attention", ""},
		{"new attention", "GET", "/attention?since=1&new=1", ""},
		{"failing jobs", "GET", "/errors?by=workflow,exitcode,site,state&workflow=*a*b*,!*c*d*&sort=-meaning,area", ""},
		{"log messages", "GET", "/logs?workflow=*a*b*,!*c*d*&type=" + strings.Join(globs, ",") + "&sort=-message,thread", ""},
		{"changes", "GET", "/changes?since=t-1&workflow=" + strings.Join(globs, ","), ""},
		{"regular expression of many loops", "POST", "/find", regex(strings.Repeat(".*", 400) + "x")},
		{"nested loops", "POST", "/find", regex("((.*){10}){10}x")},
		{"folded classes", "POST", "/find", regex(`(?i)(\pL|[^a]|.)*(\pL|[^b]|.)*(\pL|[^c]|.)*$x`)},
		{"alternatives", "POST", "/find", regex("(" + strings.Repeat("p.*d.*|", 200) + "q)*x")},
		{"$in of thousands", "POST", "/find", selector(`{"$not":{"$or":[{"Sites":{"$in":[` + strings.Join(many, ",") + `]}},{"OutputDatasets":{"$all":[` + strings.Join(many, ",") + `]}}]}}`)},
		{"254 conditions on each element", "POST", "/find", selector(`{"Sites":{"$elemMatch":{"$nor":[` + strings.Repeat(`{"$gt":"T2_CH_CERN_9"},`, 124) + `{"$lt":"A"}]}}}`)},
		{"sixteen levels", "POST", "/find", selector(strings.Repeat(`{"$not":`, 5) + `{"OutputDatasets":{"$elemMatch":{"$regex":"(a|b|/)*$"}}}` + strings.Repeat(`}`, 5))},
	}
	return append(list, expensive{"selector in order", "POST", "/find", `{"selector":{"Priority":{"$lt":1e9}},"sort":["OutputDatasets",{"PrepID":"desc"}],"idx":2000}`})
}

// spent is what the budgets of requests have counted.
type spent struct {
	mu  sync.Mutex
	all []*budget.Budget
}

func (s *spent) note(_ string, b *budget.Budget) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, b)
}

func (s *spent) last(t *testing.T) *budget.Budget {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.all, "the request had no budget")
	return s.all[len(s.all)-1]
}

func (s *spent) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// largest is the most work between two checks of the context: at most 100 ns a
// step, usually far less.
const largest = 1 << 20

// attacked serves n workflows, whose failing jobs have been read.
func attacked(t *testing.T, n int, o api.QueryOptions) (*fixture, *spent) {
	t.Helper()
	f, s := newFixture(t, n), &spent{}
	o.Spent = s.note
	f.newAPI(func(options *api.Options) { options.Queries, options.Cache = o, nil })
	f.get("/errors?limit=1")
	return f, s
}

// Each expensive request ends when its steps are spent, with a reason.
func TestExpensiveRequestsAreRefused(t *testing.T) {
	const steps = 1 << 16
	f, s := attacked(t, 3000, api.QueryOptions{Steps: steps, Timeout: time.Hour})
	for _, d := range expensiveRequests() {
		a := f.send(d.method, d.path, d.body)
		require.Equal(t, http.StatusUnprocessableEntity, a.StatusCode, "%s: %.300s", d.name, a.body)
		p := a.problem(t)
		assert.Equal(t, wire.SlugTooExpensive, p.Slug(), d.name)
		assert.Contains(t, p.Detail, "Request less", d.name)
		b := s.last(t)
		assert.LessOrEqual(t, b.Largest(), int64(largest), "%s: between two checks", d.name)
		assert.LessOrEqual(t, b.Spent(), int64(steps)+2*largest, d.name)
	}
}

// The same requests are answered if their cost is not limited: above they are
// rejected only for their cost.
func TestExpensiveRequestsAreAnswered(t *testing.T) {
	f, s := attacked(t, 3000, api.QueryOptions{Timeout: time.Hour})
	for _, d := range expensiveRequests() {
		if strings.Contains(d.name, "loops") || d.name == "alternatives" {
			continue // minutes of them
		}
		a := f.send(d.method, d.path, d.body)
		assert.Equal(t, http.StatusOK, a.StatusCode, "%s: %.300s", d.name, a.body)
		assert.LessOrEqual(t, s.last(t).Largest(), int64(largest), "%s: between two checks", d.name)
	}
}

// leaving is the context of a client that leaves at one of the checks.
type leaving struct {
	context.Context //nolint:containedctx // it is one
	leave           context.CancelFunc
	left            atomic.Int32 // remaining checks
}

func leavingAt(t *testing.T, look int32) *leaving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	l := &leaving{Context: ctx, leave: cancel}
	l.left.Store(look)
	return l
}

func (l *leaving) Err() error {
	if l.left.Add(-1) == 0 {
		l.leave()
	}
	return l.Context.Err() //nolint:wrapcheck // as if it were it
}

// A client that leaves ends its request, at any point: afterwards at most the
// rest of one chunk of records is processed.
func TestExpensiveRequestsEndWithTheirClient(t *testing.T) {
	const few = 20_000
	f, s := attacked(t, 3000, api.QueryOptions{Timeout: time.Hour})
	for _, d := range expensiveRequests() {
		for _, look := range []int32{1, 2, 3} {
			before := s.count()
			ctx := leavingAt(t, look)
			left := serveUntilLeft(ctx, f.api.Handler(), d)
			require.Greater(t, s.count(), before, d.name)
			b := s.last(t)
			if b.Stopped() == nil {
				assert.Greater(t, look, int32(1), "%s never checks whether its client has left", d.name)
				continue // it was at its end before
			}
			require.ErrorIs(t, b.Stopped(), context.Canceled, d.name)
			assert.True(t, left, "%s: nothing is sent", d.name)
			assert.LessOrEqual(t, b.After(), int64(few), d.name)
		}
	}
	assert.NotContains(t, f.log.String(), "level=ERROR", "a client that left is not an error")
}

// serveUntilLeft reports whether the handler aborted the connection.
func serveUntilLeft(ctx context.Context, h http.Handler, d expensive) (left bool) {
	defer func() {
		if err, ok := recover().(error); ok && errors.Is(err, http.ErrAbortHandler) {
			left = true
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, d.method, d.path, strings.NewReader(d.body)))
	return false
}

// Regular expressions with a large program are rejected before they are
// compiled.
func TestLargeRegularExpressions(t *testing.T) {
	f := newFixture(t, 3)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"3000 loops":           {regex(strings.Repeat(".*", 3000) + "x"), 422},
		"2000 loops":           {regex(strings.Repeat(".*", 2000) + "x"), 422},
		"400 loops":            {regex(strings.Repeat(".*", 400) + "x"), 200},
		"nested":               {regex("((.*){10}){10}x"), 200},
		"nested, to 1000":      {regex("(((a.b.c){10}){10}){10}"), 422},
		"beyond the library":   {regex("((((a{10}){10}){10}){10})"), 422},
		"long text":            {regex(strings.Repeat("a", 4097)), 422},
		"classes":              {regex(strings.Repeat(`\PL`, 1000)), 422},
		"folded classes":       {regex("(?i)[a-zé]+_(prep|PREP|[^x])"), 200},
		"alternatives":         {regex(strings.Repeat("a|", 1900) + "b"), 200}, // one class
		"many of them":         {selector(`{"$or":[` + strings.Repeat(`{"Workflow":{"$regex":"`+strings.Repeat("a.", 100)+`"}},`, 30) + `{"Status":"x"}]}`), 422},
		"an ordinary one":      {regex("^pdmv.*_[0-9]{2,5}$"), 200},
		"fifty workflow names": {regex(strings.Repeat("pdmvserv_task_PPD-Run3Summer22-00001_v1_T_2211|", 50) + "x"), 200},
	} {
		a := f.send(http.MethodPost, "/find", c.body)
		require.Equal(t, c.status, a.StatusCode, "%s: %.300s", name, a.body)
		if c.status != http.StatusOK {
			assert.Equal(t, wire.SlugTooExpensive, slugOf(t, a), name)
		}
	}
}

// Requests with limits of their own.
func TestBoundsOfRequests(t *testing.T) {
	f := newFixture(t, 3)
	texts := make([]string, 1001)
	for i := range texts {
		texts[i] = fmt.Sprint("T", i)
	}
	members := make([]string, 6000)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":1`, i)
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
	}{
		"nine keys of a sort":    {"GET", "/fetch?sort=Status,Priority,PrepID,Campaign,Release,Type,StatusTime,Failure,Running", "", 422},
		"eight keys of a sort":   {"GET", "/fetch?sort=Status,Priority,PrepID,Campaign,Release,Type,StatusTime,Failure", "", 200},
		"many sites of jobs":     {"GET", "/errors?site=" + strings.Join(texts, ","), "", 422},
		"a key of /errors twice": {"GET", "/errors?sort=jobs,-jobs", "", 400},
		"a key of jobs often":    {"GET", "/fetch/" + workflowName(0) + "/errors?by=site" + strings.Repeat(",site", 20_000), "", 200},
		"many names of lines":    {"GET", "/history?name=" + strings.Join(texts, ","), "", 400},
		"many campaigns":         {"GET", "/history?campaign=" + strings.Join(texts, "&campaign="), "", 400},
		"a long name":            {"GET", "/campaign/" + strings.Repeat("a", 100_000), "", 404},
		"members of the body":    {"POST", "/find", "{" + strings.Join(members, ",") + "}", 400},
		"members of a selector":  {"POST", "/find", selector("{" + strings.Join(members, ",") + "}"), 400},
		"deep JSON":              {"POST", "/find", selector(strings.Repeat(`{"$not":`, 6000) + "1" + strings.Repeat("}", 6000)), 422},
		"deep lists":             {"POST", "/find", selector(`{"Sites":{"$in":[` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "]}}"), 200},
		"a large body":           {"POST", "/find", selector(`"` + strings.Repeat("a", 1<<17) + `"`), 413},
		"a body of GET":          {"GET", "/fetch?limit=1", "hello", 200},
		"a large body of GET":    {"GET", "/fetch?limit=1", strings.Repeat("a", 1<<17), 413},
	} {
		a := f.send(c.method, c.path, c.body)
		assert.Equal(t, c.status, a.StatusCode, "%s: %.300s", name, a.body)
	}
}

// /stats promises 422 beyond 10 000 groups.
func TestStatsOfTooManyGroups(t *testing.T) {
	f := newFixture(t, 6000) // each with two datasets
	for _, by := range []string{"workflow,outputdataset", "outputdataset,workflow"} {
		a := f.get("/stats?by=" + by)
		require.Equal(t, http.StatusUnprocessableEntity, a.StatusCode, "%.300s", a.body)
		p := a.problem(t)
		assert.Equal(t, wire.SlugTooExpensive, p.Slug())
		assert.Contains(t, p.Detail, "10000 groups")
	}
	assert.Equal(t, http.StatusOK, f.get("/stats?by=workflow").StatusCode)
	assert.NotContains(t, f.log.String(), "level=ERROR")
}
