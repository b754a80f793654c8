package follower

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// The view by status does not return them, so the feed must not either: a
// restart would lose them again.
func TestRequestsWithoutAStatusAreInNoList(t *testing.T) {
	odd := func(id, status string, n int) string {
		return strings.Replace(requestDoc(id, "running-open", n), `"RequestStatus":"running-open"`, status, 1)
	}
	statuses := []string{`"Other":1`, `"RequestStatus":null`, `"RequestStatus":["running-open"]`, `"RequestStatus":""`, `"RequestStatus":{"a":"running-open"}`}
	r := newRig(t)
	r.fill(3)
	for i, status := range statuses {
		r.put(requestDB, odd(fmt.Sprintf("before-%d", i), status, i))
	}
	r.start()
	r.converges(3)
	for i, status := range statuses {
		r.put(requestDB, odd(fmt.Sprintf("before-%d", i), status, i+10), odd(fmt.Sprintf("after-%d", i), status, i))
	}
	r.put(requestDB, odd("wf1", statuses[0], 5), requestDoc("wf2", "completed", 6))
	r.eventually("the changes", func() bool {
		_, gone := r.store.content()[key(join.Request, "wf1")]
		return !gone && r.store.content()[key(join.Request, "wf2")] == r.source("wf2")[key(join.Request, "wf2")]
	})
	for k := range r.store.content() {
		require.NotContains(t, k, "before-")
		require.NotContains(t, k, "after-")
	}
	r.stop()
}
