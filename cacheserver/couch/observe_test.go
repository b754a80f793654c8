package couch

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// Names of resources leave out the parts that differ between documents.
func TestResource(t *testing.T) {
	o, _, err := Options{URL: "http://couch.example"}.withDefaults()
	require.NoError(t, err)
	for path, want := range map[string]string{
		"/":                                "server",
		"/reqmgr_workload_cache":           "requests state",
		"/prefix/reqmgr_workload_cache/":   "requests state",
		"/reqmgr_workload_cache/_all_docs": "requests _all_docs",
		"/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus": "requests _view/bystatus",
		"/wmstats/_design/WMStatsErl3":                         "wmstats _design",
		"/wmstats/_changes":                                    "wmstats _changes",
		"/wmstats/vocms1.cern.ch-a_workflow":                   "wmstats a document",
		"/wmstats_logdb/_design/LogDB/_view/logByRequest":      "logdb _view/logByRequest",
		"/somewhere/else":                                      "server",
		"/wmstats/_local/x":                                    "wmstats _local",
	} {
		assert.Equal(t, want, o.resource(path), path)
	}
}

// Each answer is reported, whichever client it comes through.
func TestAnswersAreReported(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	srv, c := standIn(t, couchfake.Options{}, func(o *Options) {
		o.Answered = func(what string, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			told[what]++
			assert.Positive(t, took)
		}
	})
	put(t, srv, wmstatsDB, `{"_id":"a","type":"agent_info"}`)
	_, err := c.Position(t.Context(), WMStats)
	require.NoError(t, err)
	_, err = c.Read(t.Context(), WMStats, nil, func(Row) error { return nil })
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, 3, told["wmstats state"], "the position, and two checks of the database when the views fail: %v", told)
	assert.Positive(t, told["wmstats _all_docs"]+told["wmstats _changes"]+told["wmstats _find"], told)
}
