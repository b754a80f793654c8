package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every example has the reader's query, and the endpoints are those of the OpenAPI
// document.
func TestAPIPage(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/api?status=running-open&site=T1_*")
	for _, command := range doc.Find("#recipes-h").Parent().Find("pre").Slice(0, 5).Map(text) {
		assert.Contains(t, command, "site=T1_%2A&status=running-open")
	}
	assert.Equal(t, "status:running-open site:T1_*", doc.Find("#api-f").AttrOr("value", ""))
	assert.Contains(t, doc.Find("tbody").Text(), "/api/fetch/{name}", "from the OpenAPI document")
	assert.Equal(t, 1, doc.Find(`tbody tr:contains("/api/find")`).Length())
	res := s.get(t, "/api?f=status:new+T1")
	assert.Equal(t, http.StatusSeeOther, res.StatusCode)
	assert.Equal(t, "/api?q=T1&status=new", res.Header.Get("Location"))
	s.page(t, http.StatusBadRequest, "/api?f=statsu:new")
}

// An endpoint is tried with the reader's query, and only the start of the response
// is shown. Only listed endpoints can be tried.
func TestAPITry(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/api?status=running-open")
	link := resolve(t, "/api", doc.Find(`a[aria-label="try /api/fetch"]`).AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, link.RequestURI())
	require.Equal(t, 1, doc.Find("#try-h").Length())
	assert.Contains(t, doc.Find("#try-h").Text(), "/api/fetch?status=running-open")
	assert.LessOrEqual(t, len(doc.Find("#try-h").Parent().Find("pre").Text()), 2<<10)
	assert.Contains(t, strings.Join(s.cache.Seen(), " "), "/fetch?status=running-open")
	for _, path := range []string{"/metrics", "/fetch/{name}", "http://other.example/", "/../x", "/find"} {
		before := len(s.cache.Seen())
		s.page(t, http.StatusBadRequest, "/api?try="+path)
		for _, asked := range s.cache.Seen()[before:] {
			assert.Contains(t, []string{"/pulse", "/openapi.json"}, asked)
		}
	}
}
