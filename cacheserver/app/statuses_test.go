package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// With --statuses the lists have only requests in these statuses, from the
// first full read on; one that enters them is added, one that leaves them or
// is archived is removed.
func TestStatusesAreTheListOfInterest(t *testing.T) {
	const db = "reqmgr_workload_cache"
	fake, url := couch(t)
	put(t, fake, db, request("a", "acquired", 1), request("b", "running-open", 1), request("c", "announced", 1), request("d", "acquired", 1))
	o := options(t, url, &logBuffer{})
	o.Statuses = []string{"acquired", "running-open"}
	a := start(t, o)
	ready(t, a.Addr())
	names := func() string {
		_, body := get(t, a.Addr(), "/fetch?fields=Workflow&format=csv&limit=all&sort=Workflow")
		return strings.Join(strings.Fields(body), " ")
	}
	assert.Equal(t, "Workflow a b d", names())
	put(t, fake, db, request("c", "running-open", 1), request("a", "running-closed", 1), request("b", "normal-archived", 1), request("e", "new", 1), request("f", "acquired", 1))
	require.Eventually(t, func() bool { return names() == "Workflow c d f" }, waitFor, tick, "c and f enter, a and b leave, e never appears")
}
