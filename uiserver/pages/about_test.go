package pages_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// The page shows the recent activity of the cache server with one request besides
// the pulse, and is shown without it if that fails.
func TestAbout(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/about")
	rows := doc.Find("#generations-h").Parent().Find("tbody tr")
	assert.GreaterOrEqual(t, rows.Length(), 2)
	newest, first := rows.First().Children().Map(text), rows.Last().Children().Map(text)
	assert.Equal(t, s.cache.Generation, newest[0])
	assert.Equal(t, "changes", newest[3])
	assert.Equal(t, "full read", first[3])
	assert.Equal(t, first[5], first[7], "the first full read adds all records")
	source := doc.Find("#source-h").Parent().Find("tbody tr")
	assert.Contains(t, source.Text(), "wmstats _changes")
	facts := doc.Find("#process-h").Parent().Text()
	for _, fact := range []string{"memory after the last garbage collection", "memory budget beyond the records", "memory: kept generations"} {
		assert.Contains(t, facts, fact)
	}
	assert.ElementsMatch(t, []string{"/pulse", "/about"}, s.cache.Seen())

	s.cache.Answer(testcache.Everything, testcache.Broken())
	doc, _ = s.page(t, http.StatusOK, "/about")
	assert.Zero(t, doc.Find("#generations-h").Length())
}

// The page of a server that has run for long: a full read, generations of changes,
// a CouchDB error whose text looks like markup, and an unknown part of the memory.
func TestAboutAfterLong(t *testing.T) {
	s := newSite(t)
	now := time.Now().Unix()
	s.cache.Answer("/about", testcache.JSON(wire.About{
		Version: "test", Go: "go1.26", Started: now - 86400,
		Memory: wire.AboutMemory{Kept: 3 << 20, Budget: 256 << 20, Parts: []wire.MemoryPart{{Part: "kept", Bytes: 3 << 20, Limit: 150 << 20}, {Part: "later", Bytes: 5}}},
		Generations: []wire.AboutGeneration{
			{Generation: "a-1835", By: wire.CausedByChanges, Time: now/60*60 - 121, Seconds: .0034, Records: 27, Changed: 36, Added: 2, Bytes: 61203441},
			{Generation: "a-1834", By: wire.CausedByChanges, Time: now/60*60 - 122, Seconds: .0014, Records: 25, Changed: 1, Bytes: 61203441},
			{Generation: "a-1", By: wire.CausedByRead, Time: now - 86000, Seconds: 4.2, Records: 27, Added: 27, Bytes: 61203441},
		},
		Source: []wire.SourceAnswers{{What: "requests _all_docs", Count: 12, Last: .21, Median: .2, Most: 1.4, Time: now - 90}},
		Errors: []wire.SourceError{{Database: "wmstats", Reason: testcache.Hostile()[0], First: now - 7200, Last: now - 7000, Count: 4}},
	}))
	doc, _ := s.page(t, http.StatusOK, "/about")
	rows := doc.Find("#generations-h").Parent().Find("tbody tr")
	summed := rows.First().Children().Map(text)
	assert.Equal(t, []string{"a-1835", "2"}, summed[:2])
	assert.Equal(t, []string{"changes", "3 ms", "27", "37", "2", "0", "61.2\u202fMB"}, summed[3:])
	assert.Equal(t, []string{"a-1", "1", "23 h 53 min ago", "full read", "4.2 s", "27", "0", "27", "0", "61.2\u202fMB"}, rows.Last().Children().Map(text))
	source := doc.Find("#source-h").Parent().Find("tbody tr")
	assert.Equal(t, []string{"requests _all_docs", "12", "0.2 s", "1.4 s", "0.2 s", "1 min ago"}, source.First().Children().Map(text))
	failed := doc.Find("#errors-h").Parent().Find("tbody tr")
	assert.Equal(t, []string{"1 h 56 min ago", "2 h ago", "4", "wmstats", testcache.Hostile()[0]}, failed.First().Children().Map(text))
	facts := doc.Find("#process-h").Parent().Text()
	for _, fact := range []string{"3.15\u202fMB of 157\u202fMB", "memory: later"} {
		assert.Contains(t, facts, fact)
	}
}
