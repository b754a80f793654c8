package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// without returns a text without one of its letters.
func without(text string, at int) string { return text[:at] + text[at+1:] }

var inParentheses = regexp.MustCompile(`\(([\d\p{Zs}]+)\)|there are ([\d\p{Zs}]+)\.`)

// checkEmpty checks that a list is empty, and that each link of its explanation
// leads to as many workflows as the text says. It returns the text and the links.
func (s *site) checkEmpty(t *testing.T, path string) (text string, links map[string]url.Values) {
	t.Helper()
	doc, _ := s.page(t, http.StatusOK, path)
	empty := doc.Find(".empty")
	require.Equal(t, 1, empty.Length(), path)
	links = map[string]url.Values{}
	text = strings.Join(strings.Fields(empty.Text()), " ")
	counts := inParentheses.FindAllStringSubmatch(text, -1)
	for i, a := range empty.Find("div a").EachIter() {
		target := resolve(t, path, a.AttrOr("href", ""))
		links[a.Text()] = target.Query()
		if i < len(counts) {
			digits := strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, counts[i][0])
			assert.Equal(t, digits, s.total(t, target.RequestURI()), "%s: %s", path, a.Text())
		}
	}
	return text, links
}

// total returns the number of workflows of a list, in plain digits.
func (s *site) total(t *testing.T, path string) string {
	t.Helper()
	doc, _ := s.page(t, http.StatusOK, path)
	count, _, ok := strings.Cut(doc.Find(".tools .count strong").Text(), "workflow")
	require.True(t, ok, path)
	return strings.Join(strings.Fields(count), "")
}

// A value that no workflow has leads to those that may have been meant; everything
// else of the query is kept.
func TestEmptyListSuggests(t *testing.T) {
	s := newSite(t)
	status := without("running-open", 3)
	first := usual(s.cache.World)

	text, links := s.checkEmpty(t, "/workflows?status="+status+"&minPriority=1&sort=-Failure&cols=jobs")
	assert.Contains(t, text, "No workflow has status "+status+". Did you mean running-open (")
	assert.Equal(t, url.Values{"status": {"running-open"}, "minPriority": {"1"}, "sort": {"-Failure"}, "cols": {"jobs"}}, links["running-open"])
	assert.Contains(t, text, "Without status "+status+" there are ")

	i := slices.IndexFunc(s.cache.Sites, func(x schema.Site) bool {
		return strings.HasPrefix(x.Site, "T2_US_") && x.Workflows > 0
	})
	require.GreaterOrEqual(t, i, 0)
	text, links = s.checkEmpty(t, "/workflows?site=T2_US")
	assert.Contains(t, text, "No workflow has site T2_US. Did you mean T2_US_")
	for _, values := range links {
		if values.Has("site") {
			assert.True(t, strings.HasPrefix(values.Get("site"), "T2_US_"), values)
		}
	}

	// Typed into the filter bar.
	res := s.get(t, "/workflows?f="+url.QueryEscape("failure>0 -status:new"))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	text, links = s.checkEmpty(t, res.Header.Get("Location"))
	assert.Contains(t, text, "No name, PrepID or dataset holds failure>0. Did you mean failure:>0 (")
	assert.Equal(t, url.Values{"status": {"!new"}, "minFailure": {"1"}}, links["failure:>0"])

	typo := without(first.Campaign, len(first.Campaign)/2)
	text, links = s.checkEmpty(t, "/workflows?q="+typo)
	assert.Contains(t, text, "holds "+typo+". Did you mean ")
	assert.True(t, links["campaign:"+first.Campaign] != nil || links[first.Campaign] != nil, text)
	text, links = s.checkEmpty(t, "/workflows?campaign="+typo)
	assert.Contains(t, text, "No workflow has campaign "+typo+".")
	assert.Equal(t, first.Campaign, links[first.Campaign].Get("campaign"))
	assert.Contains(t, strings.Join(s.cache.Seen(), " "), "/suggest?campaign="+typo)
}

// Two conditions that are each fine, with nothing in common: the counts without
// each, and no suggestion.
func TestEmptyCombination(t *testing.T) {
	s := newSite(t)
	i, j := -1, -1
	for a, x := range s.cache.Workflows {
		for b, y := range s.cache.Workflows {
			both := slices.ContainsFunc(s.cache.Workflows, func(w schema.Workflow) bool {
				return w.Status == x.Status && slices.Contains(w.Campaigns, y.Campaign)
			})
			if i < 0 && !both && y.Campaign != "" && y.Workflow != y.Campaign && !strings.Contains(y.Campaign, "*") {
				i, j = a, b
			}
		}
	}
	require.GreaterOrEqual(t, i, 0)
	status, campaign := s.cache.Workflows[i].Status, s.cache.Workflows[j].Campaign
	text, links := s.checkEmpty(t, "/workflows?"+url.Values{"status": {status}, "campaign": {campaign}}.Encode())
	assert.NotContains(t, text, "Did you mean")
	assert.Equal(t, url.Values{"campaign": {campaign}}, links["status "+status])
	assert.Equal(t, url.Values{"status": {status}}, links["campaign "+campaign])

	text, _ = s.checkEmpty(t, "/workflows?site=!T*&minRunning=1&status="+status+"&campaign="+url.QueryEscape(campaign))
	assert.NotContains(t, text, "site !T*", "it is not the only reason")
}

// Any requested value is shown as text, and the page does without suggestions.
func TestEmptyListOfHostileValues(t *testing.T) {
	s := newSite(t)
	for _, value := range append(testcache.Hostile(), `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "é\u202e*", strings.Repeat("T2_", 900), `\,"`) {
		for _, param := range []string{"status", "campaign", "name"} {
			query := url.Values{"type": {"no-such-type"}, param: {strings.NewReplacer(`\`, `\\`, ",", `\,`, "*", "").Replace("x" + value)}}
			doc, body := s.page(t, http.StatusOK, "/workflows?"+query.Encode())
			assert.Equal(t, 1, doc.Find(".empty").Length(), value)
			assert.Equal(t, 0, doc.Find(".empty script, .empty img").Length(), value)
			assert.NotContains(t, string(body), "onerror=alert(1)>")
			for _, a := range doc.Find(".empty a").EachIter() {
				assert.True(t, strings.HasPrefix(a.AttrOr("href", ""), "?"), a.AttrOr("href", ""))
			}
		}
	}
	s.cache.Answer("/suggest", testcache.Broken())
	text, _ := s.checkEmpty(t, "/workflows?status=nothing")
	assert.Equal(t, "No workflows match.Clear all filters", text)
}

// Tables of groups and the palette suggest names too.
func TestNamesSuggested(t *testing.T) {
	s := newSite(t)
	first := usual(s.cache.World)
	agent := normalAgent(s.cache.World)
	for path, name := range map[string]string{
		"/campaigns": first.Campaign, "/releases": first.Release, "/sites": first.Sites[0], "/agents": agent,
	} {
		typo := without(name, len(name)-3)
		doc, _ := s.page(t, http.StatusOK, path+"?q="+url.QueryEscape(typo)+"&sort=-Failure")
		texts := doc.Find(".empty div a").Map(text)
		require.NotEmpty(t, texts, "%s %s: %s", path, typo, doc.Find(".empty").Text())
		found := false
		for _, a := range doc.Find(".empty div a").EachIter() {
			target := resolve(t, path, a.AttrOr("href", ""))
			assert.Equal(t, "-Failure", target.Query().Get("sort"))
			list, _ := s.page(t, http.StatusOK, target.RequestURI())
			assert.NotZero(t, list.Find("#results tbody tr, table tbody tr").Length(), target)
			found = found || strings.Contains(list.Find("tbody").Text(), name)
		}
		assert.True(t, found, "%s: %s among %s", path, name, texts)
	}
	doc, _ := s.page(t, http.StatusOK, "/agents?q=no-such-agent-at-all")
	assert.Contains(t, doc.Find(".empty").Text(), "No name matches.")

	typo := without(first.Campaign, len(first.Campaign)/2)
	doc, _ = s.page(t, http.StatusOK, "/go?q="+typo)
	links := doc.Find(`#found section[aria-label="Did you mean"] li`)
	require.NotZero(t, links.Length(), doc.Find("#found").Text())
	assert.Contains(t, doc.Find("#found").Text(), "Nothing has “"+typo+"”")
	for _, li := range links.EachIter() {
		count, err := strconv.Atoi(s.total(t, li.Find("a").AttrOr("href", "")))
		require.NoError(t, err)
		shown, _, _ := strings.Cut(li.Find("span").Text(), " workflow")
		assert.Equal(t, strconv.Itoa(count), strings.Join(strings.Fields(shown), ""))
	}
}
