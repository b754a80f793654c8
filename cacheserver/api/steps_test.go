package api_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
	"github.com/dmwm/wmstats/schema/wire"
)

// requestOf returns the change for a request document.
func requestOf(t *testing.T, body string) join.Change {
	t.Helper()
	doc, err := raw.DecodeReqMgr([]byte(body))
	require.NoError(t, err)
	w := doc.Record()
	return join.Change{Kind: join.Request, ID: doc.Name, Hash: doc.Hash, Time: doc.Time, Workflow: &w}
}

// TestWhatOnlyAStepHasIsFound: campaigns, releases, teams and PrepIDs that are
// not the main ones are found where people look, and each value's count is the
// length of its list.
func TestWhatOnlyAStepHasIsFound(t *testing.T) {
	f := newFixture(t, 40)
	f.store.Apply([]join.Change{
		requestOf(t, `{"RequestName":"inner","RequestType":"StepChain","RequestStatus":"running-open","Campaign":"CampTop","CMSSWVersion":"CMSSW_12_4_14",
			"Teams":["production","relval"],"PrepID":"P-1","StepChain":3,"Step1":{"StepName":"G"},"Step2":{"StepName":"D","PrepID":"P-2"},
			"Step3":{"StepName":"M","Campaign":"CampInner10188","CMSSWVersion":"CMSSW_13_0_0"}}`),
		requestOf(t, `{"RequestName":"top","RequestStatus":"new","Campaign":"CampTop","Team":"production"}`),
		requestOf(t, `{"RequestName":"bare","RequestStatus":"new","TaskChain":1,"Task1":{"CMSSWVersion":"CMSSW_13_0_0","PrepID":"P-2"}}`),
	})
	all := len(f.list("/fetch?limit=all"))
	for query, want := range map[string][]string{
		"campaign=CampInner10188": {"inner"}, "campaign=CampInner*": {"inner"}, "campaigns=CampInner10188": {"inner"},
		"campaign=CampTop": {"inner", "top"}, "campaign=CampTop,!CampInner10188": {"top"}, "release=CMSSW_13_0_0": {"bare", "inner"},
		"release=CMSSW_12_4_14,!CMSSW_13*": {}, "team=relval": {"inner"}, "prepid=P-2": {"bare", "inner"}, "campaign=CampInner10188,nothing": {"inner"},
	} {
		assert.ElementsMatch(t, want, names(f.list("/fetch?"+query)), query)
	}
	assert.Len(t, f.list("/fetch?limit=all&campaign=!CampInner10188"), all-1, "an exclusion is the opposite")

	for path, want := range map[string][3]int64{ // by the main one, in a step alone, in the list
		"/campaign/CampInner10188": {0, 1, 1}, "/campaign/CampTop": {2, 0, 2}, "/release/CMSSW_13_0_0": {1, 1, 2}, "/release/CMSSW_12_4_14": {1, 0, 1},
	} {
		a := f.get(path)
		require.Equal(t, 200, a.StatusCode, path)
		got := decode[struct {
			Campaign   *schema.Campaign
			Release    *schema.Release
			WorstSites []schema.SiteFailures
			Holds      []schema.Hold
			Left       []schema.StatusLeft
			MostLeft   []schema.WorkflowLeft
			Rate       schema.Rate
			wire.Group[schema.Workflow]
		}](t, a.body)
		var r schema.Rollup
		if got.Campaign != nil {
			r = got.Campaign.Rollup
		} else {
			r = got.Release.Rollup
		}
		assert.Equal(t, want, [3]int64{r.Workflows, r.StepWorkflows, int64(got.Total)}, path)
	}
	near := f.get("/campaign/CampInner1018")
	assert.Equal(t, 404, near.StatusCode)
	assert.Contains(t, string(near.body), "CampInner10188")
	assert.Contains(t, string(f.get("/campaign").body), `{"Campaign":"CampInner10188","Workflows":0,"StepWorkflows":1,`)

	for _, field := range []string{"Campaign", "Release", "PrepID", "Team", "Campaigns", "Releases", "PrepIDs", "Teams"} {
		lengths := map[string]int{}
		facet := decode[wire.Envelope[schema.Workflow]](t, f.get("/fetch?limit=1&facets="+field+":1000").body).Facets[field]
		require.NotEmpty(t, facet.Values, field)
		for _, v := range facet.Values {
			lengths[v.Value] = len(f.list("/fetch?limit=all&" + url.Values{field: {v.Value}}.Encode()))
			assert.Equal(t, lengths[v.Value], v.Count, "%s %s", field, v.Value)
		}
		assert.Len(t, f.list("/fetch?limit=all&has=!"+field), facet.Missing, field)
		stats := decode[wire.Stats](t, f.get("/stats?by="+field).body)
		for _, g := range stats.Groups {
			if g.Keys[0] != "" {
				assert.Equal(t, lengths[g.Keys[0]], g.Count, "%s %s", field, g.Keys[0])
			}
		}
	}

	// A selector tests the keys that it names.
	find := func(selector string) int {
		a := f.send("POST", "/find", `{"selector":`+selector+`,"limit":10000}`)
		require.Equal(t, 200, a.StatusCode, string(a.body))
		return decode[wire.Envelope[schema.Workflow]](t, a.body).Total
	}
	assert.Zero(t, find(`{"Campaign":"CampInner10188"}`))
	assert.Equal(t, 1, find(`{"Campaigns":{"$elemMatch":{"$eq":"CampInner10188"}}}`))
	assert.Equal(t, 2, find(`{"Campaign":"CampTop"}`))
	assert.Equal(t, all-2, find(`{"Campaign":{"$ne":"CampTop"}}`))
}
