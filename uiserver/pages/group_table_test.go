package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/web"
)

// unknown reports whether a cell shows a missing value. The name of a row is never
// missing; there is a site named "unknown".
func unknown(cell *goquery.Selection) bool {
	if cell.Is("th") {
		return false
	}
	switch strings.TrimSpace(cell.Text()) {
	case "", "n/a", "none", "(none)", "unknown", "never":
		return true
	}
	return cell.Find("span.na").Length() > 0
}

// listed returns the table of a page; on the page of sites a map follows it.
func listed(doc *goquery.Document) *goquery.Selection {
	if table := doc.Find("#results table"); table.Length() > 0 {
		return table
	}
	return doc.Find("main table").Last()
}

// In every table, sorted by any column in either direction, rows without a value
// come last.
func TestTablesSortMissingValuesLast(t *testing.T) {
	s := newSite(t)
	sorted := 0
	for _, path := range []string{"/campaigns", "/releases", "/sites", "/agents", "/agents?kind=service"} {
		doc, _ := s.page(t, http.StatusOK, path)
		heads := listed(doc).Find("thead th")
		require.Greater(t, heads.Length(), 3, path)
		for i := range heads.Length() {
			href, ok := heads.Eq(i).Find("a").Attr("href")
			if !ok {
				continue
			}
			for range 2 { // the link of a sorted column reverses the order
				target := resolve(t, path, href).RequestURI()
				doc, _ := s.page(t, http.StatusOK, target)
				head := listed(doc).Find("thead th").Eq(i)
				assert.NotEmpty(t, head.AttrOr("aria-sort", ""), "%s: the sorted column", target)
				gone := false
				for _, row := range listed(doc).Find("tbody tr").EachIter() {
					missing := unknown(row.Children().Eq(i))
					assert.False(t, gone && !missing, "%s: %s comes after a missing value", target, row.Children().Eq(i).Text())
					gone = gone || missing
				}
				sorted++
				href = head.Find("a").AttrOr("href", "")
			}
		}
	}
	assert.Greater(t, sorted, 80)
}

// The pages of a table have every record once. With a text they have only the
// records with it in their name. The total is above the table.
func TestTablesAreComplete(t *testing.T) {
	s := newSite(t)
	seen := map[string]int{}
	path := "/sites?q=T2_&sort=-Failure"
	for path != "" {
		doc, _ := s.page(t, http.StatusOK, path)
		assert.Contains(t, doc.Find("p.dim").First().Text(), web.Int(int64(len(s.cache.Sites)))+" in total")
		for _, row := range listed(doc).Find("tbody th a").EachIter() {
			assert.Contains(t, row.Text(), "T2_")
			seen[row.Text()]++
		}
		next := doc.Find(".pager a[rel=next]").AttrOr("href", "")
		if path = next; next != "" {
			path = resolve(t, "/sites", next).RequestURI()
		}
	}
	want := 0
	for _, site := range s.cache.Sites {
		if strings.Contains(site.Site, "T2_") {
			want++
		}
	}
	assert.Len(t, seen, want)
	require.Greater(t, want, 50, "more than a page")
	for name, times := range seen {
		assert.Equal(t, 1, times, name)
	}
}
