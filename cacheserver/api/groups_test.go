package api_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestEnvelope(t *testing.T) {
	f := newFixture(t, 60)
	a := f.get("/fetch?facets=status,campaign:2,site&limit=20&idx=20")
	env := decode[wire.Envelope[schema.Workflow]](t, a.body)
	assert.Equal(t, a.Header.Get("X-Generation"), env.Generation)
	assert.Equal(t, a.Header.Get("X-Generation-Time"), env.Time)
	assert.Equal(t, a.links()["next"], env.Next)
	assert.Equal(t, []int{60, 20, 20}, []int{env.Total, env.Idx, env.Limit})
	assert.Equal(t, names(f.list("/fetch?limit=20&idx=20")), names(env.Items))
	assert.Len(t, env.Facets, 3)
	assert.Len(t, env.Facets["Status"].Values, len(statuses))
	assert.Len(t, env.Facets["Campaign"].Values, 2)
	last := decode[wire.Envelope[schema.Workflow]](t, f.get(env.Next).body)
	assert.Empty(t, last.Next)
	all := decode[wire.Envelope[schema.Workflow]](t, f.get("/fetch?envelope=1&limit=all").body)
	assert.Len(t, all.Items, 60)
	assert.NotNil(t, all.Facets)
	empty := f.get("/fetch?envelope=1&status=nowhere")
	assert.Contains(t, string(empty.body), `"Items":[]`)
	assert.Equal(t, 200, empty.StatusCode)
}

func TestGroups(t *testing.T) {
	f := newFixture(t, 100)
	generation, _ := f.store.Newest()
	for path, filter := range map[string]string{
		"/sites/T2_CH_CERN_1": "site=T2_CH_CERN_1", "/campaign/Run3Summer01": "campaign=Run3Summer01",
		"/release/CMSSW_14_0_2": "release=CMSSW_14_0_2", "/agent/vocms1.cern.ch": "agent=vocms1.cern.ch",
		"/campaign/(none)": "has=!campaign", "/campaign/%28none%29": "has=!campaign",
	} {
		a := f.get(path + "?limit=10&idx=5&sort=-Priority&status=completed,closed-out&facets=status")
		require.Equal(t, 200, a.StatusCode, string(a.body))
		got := decode[struct {
			Site       *schema.SiteDetail
			Campaign   *schema.Campaign
			Release    *schema.Release
			Agent      *schema.AgentDetail
			WorstSites []schema.SiteFailures
			Holds      []schema.Hold
			Left       []schema.StatusLeft
			MostLeft   []schema.WorkflowLeft
			Drain      schema.Drain
			Rate       schema.Rate
			wire.Group[schema.Workflow]
			Facets map[string]wire.FacetResult
		}](t, a.body)
		want := f.get("/fetch?limit=10&idx=5&sort=-Priority&status=completed,closed-out&" + filter)
		assert.Equal(t, names(decode[[]schema.Workflow](t, want.body)), names(got.Workflows), path)
		assert.Equal(t, want.Header.Get("X-Total-Count"), strconv.Itoa(got.Total), path)
		assert.NotZero(t, got.Total, path)
		assert.Len(t, got.Facets["Status"].Values, 5, "a facet ignores its own filter")
		assert.Equal(t, a.links()["next"], got.Next)
		if got.Next != "" {
			assert.Equal(t, strings.Split(path, "?")[0], strings.Split(got.Next, "?")[0])
			assert.Equal(t, 200, f.get(got.Next).StatusCode)
		}
	}
	site := decode[struct {
		Site schema.SiteDetail
		Rate schema.Rate
		wire.Group[schema.Workflow]
	}](t, f.get("/sites/T1_US_FNAL").body)
	assert.Contains(t, generation.Sites(), site.Site.Site)
	agent := f.get("/agent/vocms1.cern.ch").body
	assert.Contains(t, string(agent), `"Components":[{"Agent":"vocms1.cern.ch","Component":"JobSubmitter","Down":true`)

	assert.Equal(t, generation.Sites(), decode[[]schema.Site](t, f.get("/sites").body))
	assert.Equal(t, generation.Campaigns(), decode[[]schema.Campaign](t, f.get("/campaign").body))
	assert.Equal(t, generation.Releases(), decode[[]schema.Release](t, f.get("/release").body))
	assert.Equal(t, generation.Statuses(), decode[[]schema.StatusSummary](t, f.get("/status").body))
	assert.Len(t, decode[[]schema.Agent](t, f.get("/agent").body), 3)
	assert.Equal(t, "Site,Workflows", strings.Join(rows(t, f.get("/sites?format=csv&fields=workflows").body)[0], ","))

	for path, near := range map[string]string{
		"/sites/T1_US_FNLA": "T1_US_FNAL", "/campaign/run3summer01": "Run3Summer01", "/agent/vocms1": "vocms1.cern.ch", "/release/CMSSW_14_0_9": "CMSSW_14_0_0",
	} {
		a := f.get(path)
		assert.Equal(t, 404, a.StatusCode)
		assert.Contains(t, a.problem(t).DidYouMean, near, path)
	}
}

func TestStatsAndFacet(t *testing.T) {
	f := newFixture(t, 100)
	a := f.get("/stats?by=status,campaign&sum=Failure,Success&status=!closed-out")
	require.Equal(t, 200, a.StatusCode, string(a.body))
	stats := decode[wire.Stats](t, a.body)
	assert.Equal(t, []string{"Status", "Campaign"}, stats.By)
	assert.Equal(t, []string{"Failure", "Success"}, stats.Sum)
	assert.Equal(t, 80, stats.Total)
	type key struct{ status, campaign string }
	want, got := map[key][3]int64{}, map[key][3]int64{}
	for _, w := range f.list("/fetch?status=!closed-out&limit=all") {
		k := key{w.Status, w.Campaign}
		v := want[k]
		want[k] = [3]int64{v[0] + 1, v[1] + w.Failure, v[2] + w.Success}
	}
	for _, g := range stats.Groups {
		got[key{g.Keys[0], g.Keys[1]}] = [3]int64{int64(g.Count), g.Sums[0], g.Sums[1]}
	}
	assert.Equal(t, want, got)
	assert.Contains(t, string(f.get("/stats?by=status&status=none").body), `"Sum":[],"Groups":[]`)

	all := decode[wire.Stats](t, f.get("/stats?sum=Failure,Success").body)
	assert.Equal(t, 100, all.Total)
	assert.Equal(t, []string{}, all.By)
	require.Len(t, all.Groups, 1)
	var failure, success int64
	for _, w := range f.list("/fetch?limit=all") {
		failure, success = failure+w.Failure, success+w.Success
	}
	assert.Equal(t, wire.StatsGroup{Keys: []string{}, Count: 100, Sums: []int64{failure, success}}, all.Groups[0])
	none := decode[wire.Stats](t, f.get("/stats?status=none&sum=Failure").body)
	assert.Equal(t, []wire.StatsGroup{{Keys: []string{}, Sums: []int64{0}}}, none.Groups, "one group even of no workflows")

	// Bands of age have the workflows that the age filters find.
	aged := decode[wire.Stats](t, f.get("/stats?by=age,status&sum=Failure").body)
	assert.Equal(t, []string{wire.AgeField, "Status"}, aged.By)
	counts := map[string]int{}
	for _, g := range aged.Groups {
		counts[g.Keys[0]] += g.Count
	}
	bands := wire.AgeBands()
	for i, band := range bands {
		query := "/fetch?limit=all&minAge=" + band.Key
		if i+1 < len(bands) {
			query += fmt.Sprintf("&maxAge=%ds", bands[i+1].From-1)
		}
		assert.Len(t, f.list(query), counts[band.Key], band.Key)
	}
	assert.Len(t, f.list("/fetch?limit=all&has=!StatusTime"), counts[""])

	page := decode[wire.FacetPage](t, f.get("/facet/site?prefix=t2_&limit=1&status=completed").body)
	assert.Equal(t, "Sites", page.Field)
	assert.Len(t, page.Values, 1)
	assert.Equal(t, 2, page.Distinct)
	assert.Equal(t, 20, page.Values[0].Count+page.Other)

	for path, param := range map[string]string{
		"/stats?by=status,site,type": "by", "/stats?by=FailureRate": "by", "/stats?by=status&sum=FailureRate": "sum",
		"/stats?by=status,status": "by", "/stats?by=age,age": "by", "/stats?sum=age": "sum", "/stats?by=statsu": "by", "/stats?by=status&limit=5": "limit", "/stats?by=status&sort=Priority": "sort",
		"/facet/sit": "/facet", "/facet/Failure": "/facet", "/facet/TimePerEvent": "/facet", "/facet/site?limit=all": "limit", "/facet/site?limit=0": "limit", "/facet/site?prefx=a": "prefx",
	} {
		a := f.get(path)
		assert.Equal(t, 400, a.StatusCode, path)
		assert.Equal(t, param, a.problem(t).Param, path)
	}
}

// Jobs of a site that agents can't name are listed like any other; for jobs
// without a site only the totals are known, and the answer states that.
func TestSitesWithoutAName(t *testing.T) {
	f := newFixture(t, 40)
	docs := changes(900, 902, 1)
	for _, c := range docs {
		if c.Report != nil {
			c.Report.Sites = []schema.SiteReport{{Site: schema.Unknown, Counts: schema.JobCounts{Success: 1}}}
		}
	}
	f.store.Apply(docs)
	type site struct {
		Site schema.SiteDetail
		Rate schema.Rate
		wire.Group[schema.Workflow]
	}
	unknown := decode[site](t, f.get("/sites/(unknown)").body)
	assert.Equal(t, int64(2), unknown.Site.Workflows)
	assert.Equal(t, []string{workflowName(901), workflowName(900)}, names(unknown.Workflows))
	assert.Empty(t, unknown.Note)

	none := decode[site](t, f.get("/sites/(none)").body)
	assert.Positive(t, none.Site.Workflows)
	assert.EqualValues(t, none.Site.Workflows, none.Total, "the counted jobs are the listed jobs")
	assert.Empty(t, none.Note)
	list := f.list("/fetch?hasunplacedjobs=true&limit=all")
	assert.Len(t, list, none.Total)
	for _, w := range list {
		assert.Positive(t, w.TotalJobs+w.SubmittedFirst+w.SubmittedRetry)
	}
	assert.Equal(t, 200, f.get("/sites/(none)?format=ndjson").StatusCode)
}

// TestSiteByAgent: agents disagree on a site; the answer for one site has a
// row for each of them, and a state that follows their silence without a new
// generation.
func TestSiteByAgent(t *testing.T) {
	f := newFixture(t, 40)
	now := f.clock.Now().Unix()
	report := func(agent, state string, at int64) join.Change {
		d := &schema.AgentDetail{Agent: schema.Agent{Agent: agent, Kind: "agent", UpdateTime: at}}
		d.Sites = []schema.AgentSite{{Agent: agent, Site: "T3_US_ZZZ", State: state, RunningSlots: 2000, PendingSlots: 375, FreeForQueue: -1, PendingJobs: -1}}
		return join.Change{Kind: join.AgentInfo, ID: agent, Hash: uint64(at), Time: at, Info: d} //nolint:gosec // times of the test
	}
	f.store.Apply([]join.Change{report("z.fnal.gov", "Normal", now), report("y.cern.ch", "Down", now-1200)})
	type answer struct {
		Site schema.SiteDetail
		Rate schema.Rate
		wire.Group[schema.Workflow]
	}
	one := func() schema.SiteDetail { return decode[answer](t, f.get("/sites/T3_US_ZZZ").body).Site }
	got := one()
	assert.Equal(t, "Down", got.State)
	assert.Equal(t, []string{"y.cern.ch"}, got.StateAgents)
	assert.EqualValues(t, 2000, got.RunningSlots)
	require.Len(t, got.AgentStates, 2)
	assert.Equal(t, "y.cern.ch", got.AgentStates[0].Agent)
	assert.True(t, got.AgentStates[0].Alive)
	assert.Contains(t, string(f.get("/sites").body), `"State":"Down","StateAgents":["y.cern.ch"]`)

	f.clock.advance(time.Second)
	got = one()
	assert.Equal(t, "Normal", got.State)
	assert.False(t, got.AgentStates[0].Alive)
	assert.NotContains(t, string(f.get("/sites").body), `"State":"Down","StateAgents":["y.cern.ch"]`)
}
