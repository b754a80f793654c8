package query_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

func newLists(t *testing.T) *query.Lists {
	t.Helper()
	l, err := query.NewLists(query.DefaultViews())
	require.NoError(t, err)
	return l
}

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	return httptest.NewRequest(http.MethodGet, address, nil).URL
}

// addresses are lists with conditions of each kind.
func addresses() []string {
	return []string{
		"/workflows", "/workflows?status=running-open%2Cacquired&site=%21T1_%2A&q=HIG&cols=jobs&limit=100&idx=200&gen=a-7",
		"/workflows?minPriority=10000&maxPriority=90000&minAge=2d&has=failure&sort=-Failure", "/workflows?campaign=a%5C%2Cb%2Cc&team=%5C%21x&cols=Status,Team",
		"/workflows?q=one+%22two+three%22+-four&type=new",
		"/workflows?name=x%2Cy&since=2026-01-01&has=%21agent",
	}
}

// A parsed address is formatted to an equal one.
func TestAddressRoundTrip(t *testing.T) {
	l := newLists(t)
	for _, address := range addresses() {
		q, notes := l.Read(parse(t, address))
		assert.Empty(t, notes, address)
		again, notes := l.Read(parse(t, q.Address("/workflows")))
		assert.Empty(t, notes, address)
		assert.Equal(t, q, again, address)
		assert.Equal(t, parse(t, q.Address("/workflows")).RawQuery, strings.TrimPrefix(q.Here(), "?"))
	}
}

// The line of the filter bar has the same conditions when parsed.
func TestLineRoundTrip(t *testing.T) {
	l := newLists(t)
	for _, address := range addresses() {
		q, _ := l.Read(parse(t, address))
		again, mistakes := q.Ask(query.Line(q.Query))
		assert.Empty(t, mistakes, address)
		assert.Equal(t, query.Conditions(q.Query), query.Conditions(again.Query), address)
		assert.Zero(t, again.Idx)
		assert.Empty(t, again.Gen)
		assert.Equal(t, q.Cols, again.Cols, "columns stay")
	}
}

// Removing all conditions one by one leads to the list without any.
func TestSplitDropsOne(t *testing.T) {
	l := newLists(t)
	for _, address := range addresses() {
		q, _ := l.Read(parse(t, address))
		for left := len(q.Split()); left > 0; left-- {
			parts := q.Split()
			require.Len(t, parts, left, address)
			q = parts[left/2].Rest
		}
		assert.Equal(t, q.Bare().Here(), q.Top().Here(), address)
	}
}

// A page's own parameters are not treated as those of the list, and are kept in
// suggestions.
func TestOwnParameters(t *testing.T) {
	l := newLists(t)
	q, notes := l.Read(parse(t, "/columns?up=Team&stauts=new&status=acquired"), "up", "down")
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0].Text, "'stauts' is not a parameter")
	assert.Equal(t, "/columns?status=new&up=Team", notes[0].Links[0].Href)
	assert.Equal(t, "/columns?status=acquired", q.Address("/columns"))
	_, notes = l.Read(parse(t, "/columns?up=%zz"), "up")
	require.Len(t, notes, 1, "invalid encoding is reported")
}

func TestJobs(t *testing.T) {
	all := []schema.JobError{{ExitCode: 8021, Site: "T1_US_FNAL", State: "jobfailed"}, {ExitCode: 8021, Site: "T2_DE", State: "success"}, {ExitCode: 50660, Site: "T1_US_FNAL", State: "jobfailed"}}
	for address, want := range map[string]struct {
		picked  int
		label   string
		failing string
		bad     int
	}{
		"/x":                              {3, "", "state=%21success", 0},
		"/x?exitcode=8021&exitcode=&site": {2, "exit code 8021", "exitcode=8021&state=%21success", 0},
		"/x?exitcode=8021&site=T1_*":      {1, "exit code 8021, site T1_*", "exitcode=8021&site=T1_%2A&state=%21success", 0},
		"/x?exitcode=8021&exitcode=50660&state=success": {1, "exit code 8021,50660, state success", "exitcode=8021%2C50660&state=success", 0},
		"/x?exitcode=abc&site=T2_DE":                    {1, "site T2_DE", "site=T2_DE&state=%21success", 1},
	} {
		j, notes := query.ReadJobs(parse(t, address))
		assert.Len(t, notes, want.bad, address)
		assert.Len(t, j.Pick(all), want.picked, address)
		assert.Equal(t, want.label, j.Label(), address)
		assert.Equal(t, want.failing, j.Failing().Encode(), address)
	}
	j, _ := query.ReadJobs(parse(t, "/x?state=success"))
	assert.Equal(t, "/workflows/w%2Fx?exitcode=7&show=jobs&site=a%5C%2Cb&state=success#errors", j.With(7, "a,b").Samples("w/x"))
	assert.Empty(t, j.Get(query.ExitParam), "a copy was changed")
}

// Each chip on the page of failing jobs removes one condition.
func TestErrorsChips(t *testing.T) {
	l := newLists(t)
	q, notes := l.ReadErrors(parse(t, "/errors?exitcode=8021&site=T1_*&campaign=a&status=new&rows=all&limit=25"))
	require.Empty(t, notes)
	assert.True(t, q.All)
	whole := q.Params()
	chips := q.Chips()
	require.Len(t, chips, 4)
	for _, chip := range chips {
		left := parse(t, chip.Href).Query()
		assert.Len(t, left, len(whole)-1, chip.Text)
	}
	assert.Equal(t, "/errors?has=%21campaign", query.ErrorsOf(query.Exactly("Campaign", "(none)")).With())
}

func TestGroups(t *testing.T) {
	columns := []query.GroupColumn{{Key: "Site", Label: "site"}, {Key: "Failure", Label: "failed", Numeric: true}, {Label: "line"}}
	q, notes := query.ReadGroups(parse(t, "/sites?q=T2&sort=-failure&idx=50&rows=all"), columns, query.Groups{Sort: "Site"}, "rows")
	assert.Empty(t, notes)
	assert.Equal(t, query.Groups{Text: "T2", Sort: "Failure", Desc: true, Idx: 50}, q)
	assert.Equal(t, "?idx=50&q=T2&sort=-Failure", q.Here())
	heads := q.Heads(columns)
	assert.Equal(t, web.GroupHead{Key: "Failure", Label: "failed", Numeric: true, Href: "?q=T2&sort=Failure", Sort: "descending"}, heads[1])
	assert.Equal(t, "?q=T2&sort=Site", heads[0].Href)
	assert.Empty(t, heads[2].Href)
	pager := q.Pager("sites", 50, 120)
	assert.Equal(t, web.Pager{From: 51, To: 100, Total: 120, Noun: "sites", Page: 2, Pages: 3, Fields: []web.Field{{Name: "q", Value: "T2"}, {Name: "sort", Value: "-Failure"}}, First: "?q=T2&sort=-Failure", Prev: "?q=T2&sort=-Failure", Next: "?idx=100&q=T2&sort=-Failure", Last: "?idx=100&q=T2&sort=-Failure"}, pager)
	_, notes = query.ReadGroups(parse(t, "/sites?sort=x&idx=-1&y=1"), columns, query.Groups{})
	assert.Len(t, notes, 3)
}

// The export of a list has its conditions, and no quote ends a command.
func TestExport(t *testing.T) {
	l := newLists(t)
	q, _ := l.Read(parse(t, "/workflows?status=new&idx=50&gen=a-1&q=it's&cols=jobs"))
	e := q.Export("http://x")
	for _, address := range []string{e.JSON, e.NDJSON, e.CSV, q.NamesOnly()} {
		asked, err := wire.ParseQuery(parse(t, address).Query())
		require.NoError(t, err)
		assert.Equal(t, query.Conditions(q.Query), query.Conditions(asked), address)
		assert.Empty(t, asked.Gen)
	}
	assert.Equal(t, 2, strings.Count(query.Curl("http://x/it's"), "'"))
	assert.Equal(t, 2, strings.Count(e.Curl, "'"))
}

func TestParseViews(t *testing.T) {
	views, err := query.ParseViews([]byte("views:\n  - name: failing at T1\n    filter: \"site:T1_* rate:>=10\"\n    sort: -Failure\n    columns: jobs\n  - {name: b, filter: \"\"}\n"))
	require.NoError(t, err)
	assert.Equal(t, query.View{Name: "failing at T1", Filter: "site:T1_* rate:>=10", Sort: "-Failure", Columns: "jobs"}, views[0])
	for text, want := range map[string][]string{
		"":                      {"no views"},
		"views: []":             {"no views"},
		"view:\n - {name: a}":   {"view"},
		"views:\n - {title: a}": {"title"},
		"- a":                   {"list of views"},
		"views:\n - {filter: x}\n - {name: a, filter: 'stauts:new'}\n - {name: a, filter: y, sort: Failur, columns: 'Stauts'}": {
			"view 1 has no name", "stauts:new", `"a" is used twice`, "Failur", "Status",
		},
	} {
		_, err := query.ParseViews([]byte(text))
		require.Error(t, err, text)
		for _, part := range want {
			assert.Contains(t, err.Error(), part, text)
		}
	}
}
