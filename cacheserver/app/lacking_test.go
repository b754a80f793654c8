package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestALiveDocumentIsNotLost: the source sends a row of a feed without the
// document, and does not deliver it on request either: the record does not
// change, and everything that reports the state of the server says so. When
// the source delivers it, the server recovers.
func TestALiveDocumentIsNotLost(t *testing.T) {
	for _, kind := range []couchfake.Kind{couchfake.NullDoc, couchfake.NoDoc, couchfake.DocError} {
		t.Run(string(kind), func(t *testing.T) {
			fake, url := couch(t)
			put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1), request("w2", "running-open", 1))
			put(t, fake, "wmstats", agentRequest("w1", 1))
			for _, path := range []string{"/reqmgr_workload_cache/_changes", "/wmstats/_changes"} {
				fake.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: path}, Kind: kind, IDs: []string{"w1", "agent-w1"}})
			}
			hold := fake.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/reqmgr_workload_cache/_all_docs"}, Kind: kind})
			var log logBuffer
			a := start(t, options(t, url, &log))
			ready(t, a.Addr())
			put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 777), request("w2", "running-open", 778))
			put(t, fake, "wmstats", agentRequest("w1", 99))
			require.Eventually(t, func() bool {
				one, _ := workflow(t, a.Addr(), "w1")
				two, _ := workflow(t, a.Addr(), "w2")
				return one.Success == 99 && two.Priority == 778
			}, waitFor, tick, "the delivered documents")
			var list []api.Quarantined
			require.Eventually(t, func() bool {
				_, body := get(t, a.Addr(), "/quarantine")
				require.NoError(t, json.Unmarshal([]byte(body), &list))
				_, metrics := get(t, a.Addr(), "/metrics")
				return len(list) == 1 && strings.Contains(metrics, "\nwmstats_owed_documents 1\n")
			}, waitFor, tick)
			assert.Equal(t, []any{"w1", "requests", true}, []any{list[0].ID, list[0].Database, list[0].Owed})
			one, ok := workflow(t, a.Addr(), "w1")
			require.True(t, ok)
			assert.EqualValues(t, 1, one.Priority, "the old record")
			_, metrics := get(t, a.Addr(), "/metrics")
			assert.True(t, strings.Contains(metrics, `wmstats_follower_lacking_documents_total{db="requests"} `), "the metric of rows")
			assert.Equal(t, 1, strings.Count(log.String(), "document missing in the row; requesting it by ID\" id=w1 "))

			hold.Clear()
			require.Eventually(t, func() bool {
				one, _ := workflow(t, a.Addr(), "w1")
				_, body := get(t, a.Addr(), "/quarantine")
				_, metrics := get(t, a.Addr(), "/metrics") // which are updated after the list
				return one.Priority == 777 && strings.TrimSpace(body) == "[]" && strings.Contains(metrics, "\nwmstats_owed_documents 0\n")
			}, waitFor, tick)
		})
	}
}
