package pages_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// What can't be used is named with suggestions, and the rest of the page is shown.
func TestMistakesInTheAddress(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string]struct{ text, link string }{
		"/workflows?campain=Run3*":                 {"'campain' is not a parameter", "/workflows?campaign=Run3%2A"}, //nolint:misspell // the mistake under test
		"/workflows?minPriority=lots":              {"must be a decimal number", ""},
		"/workflows?sort=-Failur":                  {"'Failur' is not a field", "/workflows?sort=Failure"},
		"/workflows?limit=1000":                    {"at most 200 workflows", ""},
		"/workflows?limit=all":                     {"at most 200 workflows", ""},
		"/workflows?cols=Stauts":                   {"There is no column 'Stauts'", "/workflows?cols=Status"},
		"/workflows?cols=job":                      {"There is no column 'job'", "/workflows?cols=jobs"},
		"/workflows?format=csv":                    {"export links", ""},
		"/workflows?q=%zz":                         {"not valid URL encoding", ""},
		"/sites?sort=nonsense":                     {"can't be sorted by 'nonsense'", ""},
		"/sites?srt=Site":                          {"'srt' is not a parameter", ""},
		"/campaigns?idx=-3":                        {"idx must be", ""},
		"/agents?x=1":                              {"'x' is not a parameter", ""},
		"/campaigns/" + testcache.Today + "?sitee": {"'sitee' is not a parameter", ""},
		"/workflows?sitee=":                        {"'sitee' is not a parameter", ""},
	} {
		doc, _ := s.page(t, http.StatusBadRequest, path)
		assert.Contains(t, doc.Find(".notice").Text(), want.text, path)
		if want.link != "" {
			assert.Equal(t, want.link, doc.Find(".notice a").First().AttrOr("href", ""), path)
		}
		assert.Positive(t, doc.Find("table tbody tr").Length(), "%s: the rest is shown", path)
	}
}

func TestSmallThings(t *testing.T) {
	s := newSite(t)
	first := usual(s.cache.World)
	for path, want := range map[string]string{
		"/workflows?q=&status=acquired&type=":       "/workflows?status=acquired",
		"/workflows?q=":                             "/workflows",
		"/workflows?cols=Status&cols=Team":          "/workflows?cols=Status%2CTeam",
		"/workflows?q=" + first.Workflow:            "/workflows/" + first.Workflow,
		"/workflows?idx=5000&limit=25":              fmt.Sprintf("/workflows?idx=%d&limit=25", (len(s.cache.Workflows)-1)/25*25),
		"/workflows.json?status=acquired&cols=jobs": "/api/fetch?format=json&status=acquired",
		"/sites.csv":         "/api/sites?format=csv",
		"/stray.csv?agent=a": "/api/stray?agent=a&format=csv",
		"/attention.ndjson?rule=failed&since=2d&new=1": "/api/attention?format=ndjson&new=1&rule=failed&since=2d",
		"/errors.csv?exitcode=8021&rows=all":           "/api/errors?exitcode=8021&format=csv",
		"/fetch?gen=a-1&idx=2":                         "/api/fetch?gen=a-1&idx=2",
		"/problems/bad-value":                          "/api/problems/bad-value",
	} {
		res := s.get(t, path)
		assert.Equal(t, 3, res.StatusCode/100, path)
		assert.Equal(t, want, res.Header.Get("Location"), path)
		if strings.Contains(want, "format=") {
			answer, err := http.Get(s.cache.URL + strings.TrimPrefix(want, web.APIPrefix)) //nolint:noctx // one of the test's own servers
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, http.StatusOK, answer.StatusCode, want)
		}
	}
	doc, _ := s.page(t, http.StatusOK, "/workflows?gen=b-9&idx=3")
	assert.Contains(t, doc.Find(".notice").Text(), "no longer kept")

	doc, _ = s.page(t, http.StatusOK, "/workflows?status=acquired&site=T9_*&minPriority=0")
	assert.Contains(t, doc.Find(".empty").Text(), "Without site T9_* there are")
	assert.NotContains(t, doc.Find(".empty").Text(), "Without status", "removing that filter does not help")

	doc, _ = s.page(t, http.StatusOK, "/workflows?status=acquired&site=!T1_*&q=x")
	var dropped []string
	for _, chip := range doc.Find(`ul.active a[aria-label^="Remove"]`).EachIter() {
		dropped = append(dropped, resolve(t, "/workflows", chip.AttrOr("href", "")).RawQuery)
	}
	assert.ElementsMatch(t, []string{"q=x&site=%21T1_%2A", "q=x&status=acquired", "site=%21T1_%2A&status=acquired"}, dropped)
}
