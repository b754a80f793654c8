package api_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// What gained failed jobs, and what came under a rule and left it, is what /fetch,
// /campaign, /sites, /release and /agent say before and after.
func TestChangesSinceEqualTheLists(t *testing.T) {
	f := newFixture(t, 60)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	first := f.clock.Now().Unix()
	read := func() (workflows map[string]schema.Workflow, failure map[string]map[string]int64) {
		workflows, failure = map[string]schema.Workflow{}, map[string]map[string]int64{"workflow": {}, "campaign": {}, "site": {}, "release": {}, "agent": {}}
		for _, w := range decode[[]schema.Workflow](t, f.get("/fetch?limit=1000").body) {
			workflows[w.Workflow], failure["workflow"][w.Workflow] = w, w.Failure
		}
		for _, c := range decode[[]schema.Campaign](t, f.get("/campaign").body) {
			failure["campaign"][c.Campaign] = c.Failure
		}
		for _, s := range decode[[]schema.Site](t, f.get("/sites").body) {
			failure["site"][s.Site] = s.Failure
		}
		for _, r := range decode[[]schema.Release](t, f.get("/release").body) {
			failure["release"][r.Release] = r.Failure
		}
		for _, a := range decode[[]schema.Agent](t, f.get("/agent").body) {
			if a.Kind == schema.KindAgent {
				failure["agent"][a.Agent] = a.Failure
			}
		}
		return workflows, failure
	}
	before, failedBefore := read()
	f.clock.advance(5 * time.Minute)
	later := changes(0, 40, 9)
	for i := range later {
		if r := later[i].Report; r != nil {
			more := int64(i % 7)
			r.Counts.FailureException += more
			r.Sites[1].Counts.FailureException += more
		} else if i%3 == 0 {
			later[i].Workflow.Status = "failed"
		}
	}
	f.store.Apply(later)
	f.store.Apply([]join.Change{{Kind: join.Request, ID: workflowName(41), Hash: 77, Deleted: true}})
	f.observe()
	after, failedAfter := read()
	to := f.clock.Now().Unix()
	require.NotContains(t, after, workflowName(41))

	for by, now := range failedAfter {
		want := []schema.FailureChange{}
		for name, failure := range now {
			was, there := failedBefore[by][name]
			if failure > was && (there || by == "workflow") {
				want = append(want, schema.FailureChange{Name: name, By: by, From: first, To: to, Failure: failure, Gained: failure - was})
			}
		}
		slices.SortFunc(want, func(a, b schema.FailureChange) int {
			return cmp.Or(cmp.Compare(b.Gained, a.Gained), cmp.Compare(a.Name, b.Name))
		})
		a := f.get("/history/failures?limit=10000&by=" + by + "&since=" + strconv.FormatInt(first, 10))
		assert.Equal(t, want, decode[[]schema.FailureChange](t, a.body), by)
		assert.NotEmpty(t, want, by)
		assert.Equal(t, time.Unix(first, 0).UTC().Format("2006-01-02T15:04:05.000Z"), a.Header.Get("X-History-Start"))
		a = f.get("/history/failures?limit=1&by=" + by)
		assert.Equal(t, want[:1], decode[[]schema.FailureChange](t, a.body))
		assert.Equal(t, strconv.Itoa(len(want)), a.Header.Get("X-Total-Count"))
	}

	want := map[string]schema.AlertChange{}
	each := func(names map[string]schema.Workflow, note func(c *schema.AlertChange, name string, other bool), others map[string]schema.Workflow) {
		for name, w := range names {
			for _, rule := range w.Alerts {
				c, known := want[rule]
				if !known {
					c = schema.AlertChange{Rule: rule, From: first, To: to, Workflows: []string{}}
				}
				note(&c, name, slices.Contains(others[name].Alerts, rule))
				want[rule] = c
			}
		}
	}
	each(after, func(c *schema.AlertChange, name string, held bool) {
		c.Holds++
		if !held {
			c.Began++
			c.Workflows = append(c.Workflows, name)
		}
	}, before)
	each(before, func(c *schema.AlertChange, _ string, holds bool) {
		if !holds {
			c.Ended++
		}
	}, after)
	got := decode[[]schema.AlertChange](t, f.get("/history/alerts?since="+strconv.FormatInt(first, 10)).body)
	require.Len(t, got, len(want))
	moved := int64(0)
	for _, c := range got {
		w := want[c.Rule]
		slices.Sort(w.Workflows)
		assert.Equal(t, w, c)
		moved += c.Began + c.Ended
	}
	assert.Positive(t, moved)
	for _, c := range decode[[]schema.AlertChange](t, f.get("/history/alerts?since="+strconv.FormatInt(to, 10)).body) {
		assert.Zero(t, c.Began+c.Ended, "nothing has changed since the newest point")
	}
}

// A site that an agent sets to Down, and that is there again, has two changes.
func TestSiteChanges(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	const site = "T2_XX_Test"
	state := func(version int, to string) {
		f.clock.advance(10 * time.Minute)
		infos := agentInfos()
		for i := range infos {
			infos[i].Rev, infos[i].Hash, infos[i].Time = strconv.Itoa(version), infos[i].Hash+uint64(version)*100, f.clock.Now().Unix() //nolint:gosec // small
			infos[i].Info.UpdateTime = infos[i].Time
			infos[i].Info.Sites = []schema.AgentSite{{Agent: infos[i].Info.Agent.Agent, Site: site, State: to}}
		}
		f.store.Apply(infos)
		f.observe()
	}
	state(2, "Normal")
	began := f.clock.Now().Unix()
	state(3, "Down")
	state(4, "Normal")
	var got []schema.SiteChange
	for _, c := range decode[[]schema.SiteChange](t, f.get("/history/sites?site="+site).body) {
		if c.Time > began {
			got = append(got, c)
		}
	}
	require.Len(t, got, 2)
	assert.Equal(t, []string{"Normal", "Down", "Down", "Normal"}, []string{got[0].From, got[0].To, got[1].From, got[1].To})
	assert.Equal(t, []int64{began + 600, began + 1200, 600}, []int64{got[0].Time, got[1].Time, got[1].Seconds})
	assert.Empty(t, decode[[]schema.SiteChange](t, f.get("/history/sites?site=none").body))
}

// Parameters that make no sense are refused; before the first point there is nothing.
func TestChangesSinceRefuseNonsense(t *testing.T) {
	f := newFixture(t, 5)
	for path, queries := range map[string]map[string]int{
		"/history/failures": {
			"": 200, "?since=1d": 200, "?by=site&limit=5&format=csv": 200, "?by=status": 400, "?by=site&by=agent": 400, "?limit=0": 400, "?limit=10001": 400,
			"?limit=many": 400, "?limit=1&limit=2": 400, "?since=soon": 400, "?since=1d&since=2d": 400, "?gen=t-1": 400, "?campaign=x": 400, "?format=xml": 406, "?fields=Gained": 200, "?fields=x": 400,
		},
		"/history/alerts": {"": 200, "?since=2026-01-01&format=ndjson": 200, "?rule=failed": 400, "?since=soon": 400, "?gen=t-1": 400},
		"/history/sites":  {"": 200, "?site=a&site=b&since=1d": 200, "?agent=a": 400, "?site=a" + manyNames("&site=", 200): 400, "?since=soon": 400, "?gen=t-1": 400},
	} {
		for query, status := range queries {
			assert.Equal(t, status, f.get(path+query).StatusCode, path+query)
		}
		empty := newEmptyFixture(t)
		a := empty.get(path)
		assert.Equal(t, []string{"[]", ""}, []string{strings.TrimSpace(string(a.body)), a.Header.Get("X-History-Start")}, path)
	}
}
