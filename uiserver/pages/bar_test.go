package pages_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

func asks(line string) string { return "f=" + url.QueryEscape(line) }

// A line leads to the parameters that it stands for. Order and columns are kept,
// the previous conditions are not.
func TestFilterBar(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	first := usual(records)
	for from, want := range map[string]string{
		asks("status:running-open -site:T1_* prio:>90000 failure:>100 age:>2d Summer20"): "/workflows?minAge=2d&minFailure=101&minPriority=90001&q=Summer20&site=%21T1_%2A&status=running-open",
		"f=":                              "/workflows",
		"status=new&q=x&f=":               "/workflows",
		"f=&f=type:ReReco":                "/workflows?type=ReReco",
		asks("  two   words ") + "&q=old": "/workflows?q=two+words",
		"status=new&sort=-Failure&cols=jobs&limit=25&idx=50&gen=a-1834&" + asks("type:ReReco"): "/workflows?cols=jobs&limit=25&sort=-Failure&type=ReReco",
		asks(first.Workflow):                         web.WorkflowPath(first.Workflow),
		"status=new&" + asks(" "+first.Workflow+" "): web.WorkflowPath(first.Workflow),
		asks("type:ReReco " + first.Workflow):        "/workflows?q=" + first.Workflow + "&type=ReReco",
		asks("nothing_of_this_name_is_there"):        "/workflows?q=nothing_of_this_name_is_there",
		asks(`'<b>"a \"b\"" age:>1h`):                "/workflows?minAge=1h&q=" + url.QueryEscape(`"'<b>a \"b\""`),
	} {
		res := s.get(t, "/workflows?"+from)
		assert.Equal(t, http.StatusSeeOther, res.StatusCode, from)
		assert.Equal(t, want, res.Header.Get("Location"), from)
	}
}

// Mistakes are marked in the line, with links to corrections; the list stays.
func TestFilterBarMistakes(t *testing.T) {
	at := time.Now() // same ages on both pages
	s := newSiteTo(t, testcache.New(t), func() time.Time { return at })
	const before = "/workflows?cols=jobs&sort=-Failure&type=TaskChain"
	was, _ := s.page(t, http.StatusOK, before)
	const line = `stauts:running-open prio:>many <b>"x"</b>`
	doc, body := s.page(t, http.StatusBadRequest, before+"&"+asks(line))
	checkStructure(t, doc)
	checkInline(t, doc)
	assert.NotContains(t, string(body), "<b>\"x\"")
	assert.Equal(t, line, doc.Find("#q").AttrOr("value", ""))
	assert.Equal(t, "true", doc.Find("#q").AttrOr("aria-invalid", ""))
	assert.Equal(t, doc.Find("#q").AttrOr("aria-describedby", "-"), doc.Find(".notice.bad").AttrOr("id", ""))
	assert.Equal(t, []string{"stauts:running-open", "prio:>many"}, doc.Find("#mistakes mark").Map(text))
	assert.Contains(t, doc.Find("#mistakes").Text(), "decimal number")
	assert.Equal(t, was.Find("table.list").Text(), doc.Find("table.list").Text(), "the previous result is shown")
	assert.Equal(t, was.Find("ul.active a").Map(text), doc.Find("ul.active a").Map(text))

	fix := resolve(t, before, doc.Find("#mistakes a").First().AttrOr("href", ""))
	assert.Equal(t, `status:running-open prio:>many <b>"x"</b>`, fix.Query().Get("f"))
	assert.Equal(t, "-Failure", fix.Query().Get("sort"), "the rest is kept")
	doc, _ = s.page(t, http.StatusBadRequest, fix.RequestURI())
	assert.Equal(t, []string{"prio:>many"}, doc.Find("#mistakes mark").Map(text))
}

// The line on a page describes the list, and leads to the same list if sent
// unchanged.
func TestFilterBarShowsTheQuery(t *testing.T) {
	s := newSite(t)
	for _, query := range []string{
		"", "status=acquired&cols=jobs", "q=a:b++c&minFailureRate=10&sort=-Failure", `campaign=a%5C,b,%5C!c&has=!agent&since=2026-01-01&name=x,y&limit=25`,
		"type=TaskChain&idx=0&minPriority=1000&maxPriority=90000&maxAge=90m&site=!T1_*,T2_*",
	} {
		doc, _ := s.page(t, http.StatusOK, "/workflows?"+query)
		sent := formQuery(doc.Find("form.ask"))
		res := s.get(t, "/workflows?"+sent.Encode())
		require.Equal(t, http.StatusSeeOther, res.StatusCode, query)
		asked, err := url.ParseQuery(query)
		require.NoError(t, err)
		want, err := wire.ParseQueryExcept(asked, "cols")
		require.NoError(t, err)
		target := resolve(t, "/", res.Header.Get("Location")).Query()
		have, err := wire.ParseQueryExcept(target, "cols")
		require.NoError(t, err)
		assert.Equal(t, want, have, query)
		assert.Equal(t, asked.Get("cols"), target.Get("cols"))
	}
}

func TestViews(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?cols=jobs&idx=50")
	links := doc.Find(".views a")
	require.Greater(t, links.Length(), 3)
	for _, a := range links.EachIter() {
		target := resolve(t, "/workflows", a.AttrOr("href", ""))
		assert.Equal(t, "jobs", target.Query().Get("cols"))
		list, _ := s.page(t, http.StatusOK, target.RequestURI())
		assert.Equal(t, a.Text(), list.Find(".views [aria-current]").Text())
		assert.NotEmpty(t, list.Find("#q").AttrOr("value", ""))
	}
}
