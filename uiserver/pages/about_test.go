package pages_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/uiserver/internal/fakecache"
)

// The page tells what the cache server did lately, in one question beside the
// pulse, and does without what it does not tell.
func TestAbout(t *testing.T) {
	s := newSite(t, fakecache.Generate(20))
	doc, _ := s.page(t, http.StatusOK, "/about")
	rows := doc.Find("#generations-h").Parent().Find("tbody tr")
	assert.Equal(t, 50, rows.Length())
	assert.Equal(t, []string{"a-1834", "3 min ago", "changes", "3 ms", "27", "37", "2", "0", "61.2\u202fMB"}, rows.First().Children().Map(text))
	assert.Equal(t, []string{"a-1", "23 h 53 min ago", "full read", "4.2 s", "27", "0", "27", "0", "61.2\u202fMB"}, rows.Last().Children().Map(text))
	source := doc.Find("#source-h").Parent().Find("tbody tr")
	assert.Equal(t, []string{"requests _all_docs", "12", "0.2 s", "1.4 s", "0.2 s", "1 min ago"}, source.First().Children().Map(text))
	failed := doc.Find("#errors-h").Parent().Find("tbody tr")
	assert.Equal(t, []string{"1 h 56 min ago", "2 h ago", "4", "wmstats", fakecache.Hostile()[0]}, failed.First().Children().Map(text))
	assert.Contains(t, doc.Find("#process-h").Parent().Text(), "after the last collection")
	facts := doc.Find("#process-h").Parent().Text()
	for _, fact := range []string{"budget beyond the records", "memory: kept for readers of older generations", "3.15\u202fMB of 157\u202fMB", "memory: later"} {
		assert.Contains(t, facts, fact)
	}
	assert.ElementsMatch(t, []string{"/pulse", "/about"}, s.cache.Seen())

	s.cache.SetMode(fakecache.Broken)
	doc, _ = s.page(t, http.StatusOK, "/about")
	assert.Zero(t, doc.Find("#generations-h").Length())
}
