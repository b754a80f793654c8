package api_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema"
)

// The last point equals the current totals; the one before equals the earlier
// ones.
func TestHistory(t *testing.T) {
	f := newFixture(t, 60)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	first := f.clock.Now()
	points := func(query string) (out []schema.TimelinePoint) {
		return decode[[]schema.TimelinePoint](t, f.get("/history"+query).body)
	}
	at := func(list []schema.TimelinePoint, when time.Time) map[string]int64 {
		out := map[string]int64{}
		for _, p := range list {
			if p.Time == when.Unix() {
				out[p.Name] = p.Count
			}
		}
		return out
	}
	want := map[string]int64{}
	for _, s := range decode[[]schema.StatusSummary](t, f.get("/status").body) {
		want[s.Status] = s.Workflows
	}
	assert.Equal(t, want, at(points(""), first))

	f.clock.advance(5 * time.Minute)
	f.store.Apply(changes(0, 30, 7))
	f.observe()
	second := f.clock.Now()
	sites := decode[[]schema.Site](t, f.get("/sites").body)
	for _, s := range sites {
		if s.Site == schema.None {
			continue
		}
		list := points("?by=state&site=" + s.Site)
		got := at(list, second)
		assert.Equal(t, []int64{s.Success, s.Running, s.Failure}, []int64{got["Success"], got["Running"], got["Failure"]}, s.Site)
		assert.NotContains(t, got, "Paused", "it has no counts")
		if before := at(list, first); got["Running"] > 0 {
			assert.Less(t, before["Running"], got["Running"], s.Site)
		}
	}
	statuses := at(points("?campaign=Run3Summer01&since="+second.Format(time.RFC3339)), second)
	sum := int64(0)
	for _, n := range statuses {
		sum += n
	}
	assert.Equal(t, int64(15), sum)
	assert.Len(t, points("?by=status"), 2*len(want))
	groups := map[string]int64{}
	for status, n := range want {
		info, _ := schema.StatusOf(status)
		groups[info.Group] += n
	}
	assert.Equal(t, groups, at(points("?by=group"), first))
	assert.Len(t, points("?since=4m"), len(want), "one of two points")
	assert.Equal(t, first.UTC().Format("2006-01-02T15:04:05.000Z07:00"), f.get("/history").Header.Get("X-History-Start"))

	csv := strings.Split(strings.TrimSpace(string(f.get("/history?format=csv&fields=Name,Count").body)), "\n")
	assert.Equal(t, "Time,Name,Count", strings.TrimSpace(csv[0]))
	assert.Len(t, csv, 1+2*len(want))
}

// Lines of several campaigns or sites are returned in one answer, one after
// another.
func TestHistoryOfMany(t *testing.T) {
	f := newFixture(t, 60)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	for range 3 {
		f.clock.advance(5 * time.Minute)
		f.observe()
	}
	points := func(query string) []schema.TimelinePoint {
		return decode[[]schema.TimelinePoint](t, f.get("/history"+query).body)
	}
	all := points("?by=state&site=*&name=running&points=1")
	counts := map[string]int64{}
	for _, p := range all {
		counts[p.Site] = p.Count
	}
	assert.Len(t, all, len(decode[[]schema.Site](t, f.get("/sites").body)), "one name of each site, one point")
	for _, s := range decode[[]schema.Site](t, f.get("/sites").body) {
		if s.Workflows > 0 && s.Site != schema.None {
			assert.Equal(t, s.Running, counts[s.Site], s.Site)
		}
	}
	two := points("?campaign=Run3Summer02&campaign=Run3Summer00")
	assert.Equal(t, append(points("?campaign=Run3Summer02"), points("?campaign=Run3Summer00")...), two)
	assert.Equal(t, []string{"Run3Summer02", "group"}, []string{two[0].Campaign, two[0].By})
	running := map[string]int64{}
	for _, query := range []string{"release=*", "agent=*", "campaign=*"} {
		for _, p := range points("?by=state&name=Running&points=1&" + query) {
			running[p.Release+p.Agent+p.Campaign] = p.Count
		}
	}
	names := 0
	for _, r := range decode[[]schema.Release](t, f.get("/release").body) {
		assert.Equal(t, r.Running, running[r.Release], r.Release)
		names++
	}
	for _, c := range decode[[]schema.Campaign](t, f.get("/campaign").body) {
		assert.Equal(t, c.Running, running[c.Campaign], c.Campaign)
		names++
	}
	for _, a := range decode[[]schema.Agent](t, f.get("/agent?kind=agent").body) {
		assert.Equal(t, a.Running, running[a.Agent], a.Agent)
		names++
	}
	assert.Len(t, running, names, "all names, and no others")
	assert.NotEqual(t, f.get("/history?campaign=*").Header.Get("Etag"), f.get("/history?site=*").Header.Get("Etag"))
}

// manyNames returns n values of a parameter.
func manyNames(between string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(between + strconv.Itoa(i))
	}
	return b.String()
}

func TestHistoryFaults(t *testing.T) {
	f := newFixture(t, 20)
	for query, want := range map[string]string{
		"?by=statuses":                      "status",
		"?kampaign=x":                       "campaign",
		"?fields=Nam":                       "Name",
		"?site=T1_US_FNALL":                 "T1_US_FNAL",
		"?site=T1_US_FNAL&site=T1_US_FNALL": "T1_US_FNAL",
		"?by=state&name=Runnin":             "Running",
		"?point=24":                         "points",
	} {
		p := f.get("/history" + query).problem(t)
		assert.Contains(t, p.DidYouMean, want, query)
	}
	for query, status := range map[string]int{
		"?by=x": 400, "?gen=t-1": 400, "?since=soon": 400, "?campaign=a&site=b": 400, "?by=state&by=status": 400, "?campaign=none": 404, "?format=xml": 406,
		"?site=*&site=T1_US_FNAL": 400, "?by=status&site=T1_US_FNAL": 400, "?by=state&agent=*&name=Queued": 400, "?by=group&name=Done": 200, "?release=a&agent=b": 400, "?release=none": 404, "?agent=none": 404, "?points=many": 400, "?points=0": 400, "?points=2&points=3": 400, "?name=Running": 400, "?campaign=*&site=*": 400,
		"?site=" + strings.Repeat("x&site=", 3): 404, "?site=a" + manyNames("&site=", 200): 400,
	} {
		assert.Equal(t, status, f.get("/history"+query).StatusCode, query)
	}
	empty := newEmptyFixture(t)
	a := empty.get("/history")
	assert.Equal(t, []string{"[]\n", ""}, []string{string(a.body), a.Header.Get("X-History-Start")}, "nothing yet")
}

// Changes of agents' states are listed, of all agents or of some.
func TestAgentChanges(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	assert.Empty(t, decode[[]schema.AgentChange](t, f.get("/history/agents").body), "first seen")
	f.clock.advance(10 * time.Minute)
	changed := agentInfos()
	for i := range changed {
		changed[i].Rev, changed[i].Hash, changed[i].Time = "2", changed[i].Hash+100, f.clock.Now().Unix()
		changed[i].Info.UpdateTime, changed[i].Info.Draining = changed[i].Time, true
	}
	f.store.Apply(changed)
	f.observe()
	all := decode[[]schema.AgentChange](t, f.get("/history/agents").body)
	assert.NotEmpty(t, all)
	now := map[string]string{}
	for _, a := range decode[[]schema.Agent](t, f.get("/agent").body) {
		now[a.Agent] = a.Severity
	}
	for _, c := range all {
		if c.Kind == "drain" {
			assert.Equal(t, []string{"no", "yes"}, []string{c.From, c.To})
		}
		if c.Kind == "severity" {
			assert.Equal(t, now[c.Agent], c.To, c.Agent)
			assert.NotEqual(t, c.From, c.To)
		}
		one := decode[[]schema.AgentChange](t, f.get("/history/agents?agent="+c.Agent).body)
		assert.Contains(t, one, c)
	}
	assert.Empty(t, decode[[]schema.AgentChange](t, f.get("/history/agents?agent=none").body))
	for query, status := range map[string]int{"?gen=t-1": 400, "?since=soon": 400, "?site=a": 400, "?agent=a" + manyNames("&agent=", 200): 400, "?since=1d": 200} {
		assert.Equal(t, status, f.get("/history/agents"+query).StatusCode, query)
	}
}
