package cacheclient_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

func client(t *testing.T, address string) *cacheclient.Client {
	t.Helper()
	c, err := cacheclient.New(cacheclient.Options{BaseURL: address, Timeout: 5 * time.Second, MaxBody: 8 << 20})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestFetch(t *testing.T) {
	s := testcache.New(t)
	list, err := client(t, s.URL).Fetch(t.Context(), wire.Query{
		Terms: []wire.Term{{Field: "Status", Op: wire.In, Values: []string{"acquired"}}}, Limit: 5, Idx: 5, Facets: []wire.Facet{{Field: "Type"}},
	})
	require.NoError(t, err)
	assert.Len(t, list.Items, 5)
	assert.Equal(t, 5, list.Idx)
	assert.Greater(t, list.Total, 10)
	assert.Equal(t, s.Generation, list.Meta.Generation)
	assert.False(t, list.Meta.GenerationTime.IsZero())
	assert.NotEmpty(t, list.Facets["Type"].Values)
	for _, w := range list.Items {
		assert.Equal(t, "acquired", w.Status)
	}
}

// Names arrive unchanged, whatever they contain.
func TestNamesSurvive(t *testing.T) {
	s := testcache.New(t)
	c := client(t, s.URL)
	for _, name := range testcache.Hostile() {
		detail, _, err := c.Workflow(t.Context(), name)
		require.NoError(t, err, name)
		assert.Equal(t, name, detail.Workflow.Workflow)
		group, err := c.Campaign(t.Context(), name, wire.Query{})
		require.NoError(t, err, name)
		assert.Equal(t, name, group.Campaign.Campaign)
		assert.Equal(t, 1, group.Total)
	}
}

// Pages of groups are requested with the keys of their own records.
func TestGroupPages(t *testing.T) {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + "?" + r.URL.RawQuery
		values := r.URL.Query()
		_, err := wire.Groups[schema.Agent]().Parse(values)
		assert.NoError(t, err)
		w.Header().Set(wire.HeaderTotal, "7")
		w.Header().Set(wire.HeaderLink, `</agent?gen=a-1&idx=3&limit=2&read=f>; rel="next"`)
		_, _ = w.Write([]byte(`[{"Agent":"b"},{"Agent":"a"}]`))
	}))
	t.Cleanup(server.Close)
	agents, meta, err := client(t, server.URL).AgentPage(t.Context(), wire.Query{
		Terms: []wire.Term{{Field: "Kind", Op: wire.In, Values: []string{"agent"}}, {Field: "Agent", Op: wire.NotIn, Values: []string{"x,y"}}},
		Text:  "cern", Sort: []wire.SortKey{{Field: "Failure", Desc: true}}, Fields: []string{"Agent", "Failure"}, Gen: "a-1", Idx: 1, Limit: 100, Format: wire.CSV,
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "a"}, []string{agents[0].Agent, agents[1].Agent})
	assert.Equal(t, 7, meta.Total)
	assert.Equal(t, "/agent?gen=a-1&idx=3&limit=2&read=f", meta.Next)
	readable, err := url.QueryUnescape(asked)
	require.NoError(t, err)
	assert.Equal(t, `/agent?agent=!x\,y&fields=Agent,Failure&format=json&gen=a-1&idx=1&kind=agent&limit=100&q=cern&sort=-Failure`, readable)
}

func TestGroupsAndStats(t *testing.T) {
	s := testcache.New(t)
	c := client(t, s.URL)
	sites, meta, err := c.Sites(t.Context())
	require.NoError(t, err)
	assert.Len(t, sites, len(s.Sites))
	assert.Equal(t, s.Generation, meta.Generation)
	one, err := c.Site(t.Context(), sites[0].Site, wire.Query{Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, sites[0].Site, one.Site.Site.Site)
	assert.Len(t, one.Workflows, 3)
	agent, err := c.Agent(t.Context(), s.Agents[0].Agent.Agent, wire.Query{})
	require.NoError(t, err)
	assert.Equal(t, s.Agents[0].Agent, agent.Agent.Agent)
	stats, _, err := c.Stats(t.Context(), wire.Query{}, []string{"type"}, []string{"Success", "Failure"})
	require.NoError(t, err)
	assert.Equal(t, len(s.Workflows), stats.Total)
	statuses, _, err := c.Statuses(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, statuses)
	info, err := c.Pulse(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, s.Generation, info.Generation)
}

// A list with several pages is read by its next links.
func TestFollowsNext(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("idx") {
		case "":
			w.Header().Set("Link", `</sites?gen=a-1&idx=1>; rel="next"`)
			fmt.Fprint(w, `[{"Site":"A"}]`)
		default:
			fmt.Fprint(w, `[{"Site":"B"}]`)
		}
	}))
	t.Cleanup(s.Close)
	sites, _, err := client(t, s.URL).Sites(t.Context())
	require.NoError(t, err)
	require.Len(t, sites, 2)
	assert.Equal(t, "B", sites[1].Site)
}

func TestErrors(t *testing.T) {
	s := testcache.New(t)
	c := client(t, s.URL)

	_, _, err := c.Workflow(t.Context(), testcache.Today[1:])
	problem := wire.ProblemOf(err)
	require.NotNil(t, problem)
	assert.Equal(t, wire.SlugNotFound, problem.Slug())
	assert.NotEmpty(t, problem.DidYouMean)

	_, err = c.Fetch(t.Context(), wire.Query{Gen: "b-1"})
	require.NotNil(t, wire.ProblemOf(err))
	assert.Equal(t, wire.SlugGenerationExpired, wire.ProblemOf(err).Slug())

	s.Answer(testcache.Everything, testcache.Loading(""))
	_, err = c.Pulse(t.Context(), 0)
	assert.Equal(t, wire.SlugNotReady, wire.ProblemOf(err).Slug())

	s.Answer(testcache.Everything, testcache.Broken())
	_, err = c.Pulse(t.Context(), 0)
	require.NotNil(t, wire.ProblemOf(err), "an answer without a problem gets one")
	assert.Equal(t, 500, wire.ProblemOf(err).Status)

	s.Answer(testcache.Everything, testcache.Hanging())
	_, err = c.Pulse(t.Context(), 0)
	assert.ErrorIs(t, err, cacheclient.ErrUnreachable, "a truncated answer is an error")

	s.Close()
	_, err = c.Pulse(t.Context(), 0)
	assert.ErrorIs(t, err, cacheclient.ErrUnreachable)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Pulse(ctx, 0)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, cacheclient.ErrUnreachable)
}

func TestBodyIsBounded(t *testing.T) {
	s := testcache.New(t)
	c, err := cacheclient.New(cacheclient.Options{BaseURL: s.URL, MaxBody: 1000})
	require.NoError(t, err)
	_, err = c.Fetch(t.Context(), wire.Query{})
	assert.ErrorContains(t, err, "larger than 1000 bytes")
}

func TestBadAddress(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8081", "ftp://x", "http://", "http://x?y=1"} {
		_, err := cacheclient.New(cacheclient.Options{BaseURL: address})
		assert.Error(t, err, address)
	}
}
