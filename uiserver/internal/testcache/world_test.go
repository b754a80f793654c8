package testcache_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// The world has the data that tests need, and a front forwards it until told to
// fail.
func TestWorld(t *testing.T) {
	f := testcache.New(t)
	assert.NotEmpty(t, f.Older)
	assert.NotEqual(t, f.Older, f.Generation)
	for _, name := range append(testcache.Hostile(), testcache.Today) {
		assert.True(t, slices.ContainsFunc(f.Workflows, func(w schema.Workflow) bool { return w.Workflow == name }), name)
		assert.True(t, slices.ContainsFunc(f.Campaigns, func(c schema.Campaign) bool { return c.Campaign == name }), name)
	}
	assert.True(t, slices.ContainsFunc(f.Sites, func(s schema.Site) bool { return s.Site == testcache.Hostile()[0] }))
	assert.True(t, slices.ContainsFunc(f.Agents, func(a schema.AgentDetail) bool { return a.Agent.Agent == testcache.Hostile()[0] }))
	status := func() int {
		res, err := http.Get(f.URL + "/fetch?limit=1")
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
	assert.Equal(t, http.StatusOK, status())
	f.Answer(testcache.Everything, testcache.Broken())
	assert.Equal(t, http.StatusInternalServerError, status())
	f.Behave()
	assert.Equal(t, http.StatusOK, status())
	assert.Len(t, f.Seen(), 3)
}
