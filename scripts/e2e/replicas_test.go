package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/bench/failover"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// haproxyFile is the configuration in deploy.
var haproxyFile = filepath.Join("..", "..", "deploy", "haproxy", "haproxy-log.cfg")

// buildCluster builds the programs of a cluster, the engine of the log from its module.
func buildCluster(t *testing.T) cluster.Options {
	t.Helper()
	if testing.Short() {
		t.Skip("processes")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "github.com/dmwm/wmstats/cacheserver/cmd/cacheserver",
		"github.com/dmwm/wmstats/uiserver/cmd/uiserver", "github.com/dmwm/wmstats/mock/cmd/mock", "github.com/nats-io/nats-server/v2")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return cluster.Options{Bin: dir, Workflows: 300, Seed: 1, Live: 10, Out: testWriter{t}}
}

// TestReplicasFail kills the leader of three cache servers, and restarts all of them,
// while clients scan, follow feeds and read pages: they see nothing of it. With the tests
// below each failure of `make bench SECTIONS=ha` is tried in a short form; that has more
// load and longer failures.
func TestReplicasFail(t *testing.T) {
	o := failover.Options{
		Cluster: buildCluster(t), Faults: []string{"calm", "leader", "rolling"}, Length: 8 * time.Second,
		PerSecond: 50, Page: 20, Out: testWriter{t},
	}
	results, err := failover.Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, results, len(o.Faults))
	for _, r := range results {
		assertUnseen(t, r)
	}
}

// TestEnginesFail runs three engines, whose log and snapshots have three copies: a
// follower is killed, each engine in turn, an engine has no room left, a cache server is
// cut off from all of them, and CouchDB is away.
func TestEnginesFail(t *testing.T) {
	o := failover.Options{
		Cluster: buildCluster(t), Faults: []string{"follower", "engines", "disk", "cut", "couch"}, Length: 10 * time.Second,
		PerSecond: 50, Page: 20, Out: testWriter{t},
	}
	o.Cluster.Engines = 3
	results, err := failover.Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, results, len(o.Faults))
	for i, r := range results {
		if o.Faults[i] == "couch" {
			assert.Positive(t, r.Stale, r.Fault)
			r.DemandFailed = 0 // these need CouchDB
		}
		assertUnseen(t, r)
	}
}

// TestLeaderFrozen stops the leader until another one leads, and wakes it: no entry of
// its own follows, which the fault itself checks, and clients see nothing of it. HAProxy
// runs with the configuration in deploy where it is installed.
func TestLeaderFrozen(t *testing.T) {
	o := failover.Options{
		Cluster: buildCluster(t), Faults: []string{"frozen"}, Length: 24 * time.Second, // frozen for a third, longer than a lease
		PerSecond: 50, Page: 20, Out: testWriter{t},
	}
	o.Cluster.HAProxy = haproxyFile
	results, err := failover.Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, results, 1)
	assertUnseen(t, results[0])
}

// TestOtherVersion rolls in a version with another fingerprint, whose servers are a
// group of their own: clients meet one 410 or reset for each time that the balancer
// takes them to the other group, no other ones, and miss nothing.
func TestOtherVersion(t *testing.T) {
	o := failover.Options{
		Cluster: buildCluster(t), Faults: []string{"version"}, Length: 12 * time.Second,
		PerSecond: 50, Page: 20, Other: filepath.Join(t.TempDir(), "other"), Out: testWriter{t},
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X github.com/dmwm/wmstats/schema.variant=test", "-o", o.Other, "github.com/dmwm/wmstats/cacheserver/cmd/cacheserver")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	results, err := failover.Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, results, 1)
	assertUnseen(t, results[0])
	assert.Positive(t, results[0].Changed)
}

// assertUnseen checks that clients asked, and saw nothing of a failure.
func assertUnseen(t *testing.T, r failover.Result) {
	t.Helper()
	assert.Positive(t, r.Requests, r.Fault)
	assert.Positive(t, r.Demand, r.Fault)
	assert.Equal(t, []int{0, 0, 0, 0, 0, 0}, []int{r.Errors, r.Gone, r.Resets, r.Missed, r.Twice, r.DemandFailed}, "%s\n%s", r, strings.Join(r.First, "\n"))
}

// TestLogAway kills a cache server, and nobody sees it; then the engine of the log:
// pages stay, with a banner, until it is back. HAProxy runs with the configuration in
// deploy where it is installed.
func TestLogAway(t *testing.T) {
	o := buildCluster(t)
	o.HAProxy = haproxyFile
	c, err := cluster.Start(t.Context(), o)
	defer c.Stop()
	require.NoError(t, err)
	page := func() string {
		p := get(t, c.Users+"/workflows")
		assert.Equal(t, http.StatusOK, p.status)
		return string(p.body)
	}
	const banner = "The log does not answer: showing data from "
	require.NoError(t, c.Caches[0].Kill())
	for range 20 {
		assert.NotContains(t, page(), `class="banner stale"`)
	}
	engine := c.Engines[0]
	require.NoError(t, engine.Kill())
	require.Eventually(t, func() bool { return strings.Contains(page(), banner) }, patience, 50*time.Millisecond)
	for range 20 {
		assert.NotContains(t, page(), "CouchDB does not answer")
	}
	require.NoError(t, engine.Start())
	require.Eventually(t, func() bool { return !strings.Contains(page(), `class="banner stale"`) }, patience, 50*time.Millisecond)
	require.NoError(t, c.Caches[0].Start())
	require.NoError(t, c.Caches[0].Ready(t.Context(), "http://"+c.Caches[0].Addr+"/readyz"))
}
