package api_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// rated are the answers about one group that have a rate.
type rated struct {
	Site       *schema.SiteDetail
	Campaign   *schema.Campaign
	Release    *schema.Release
	Agent      *schema.AgentDetail
	Rate       schema.Rate
	WorstSites []schema.SiteFailures
	Holds      []schema.Hold
	Left       []schema.StatusLeft
	MostLeft   []schema.WorkflowLeft
	Drain      *schema.Drain
	wire.Group[schema.Workflow]
}

// Rates of campaigns, releases, sites and agents are those of the points of
// /history, and name their true span; an estimate needs an hour of them.
func TestRates(t *testing.T) {
	f := newFixture(t, 40)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	paths := map[string]string{
		"/campaign/Run3Summer01": "campaign=Run3Summer01", "/campaign/(none)": "campaign=(none)", "/release/CMSSW_14_0_1": "release=CMSSW_14_0_1",
		"/sites/T2_CH_CERN_1": "site=T2_CH_CERN_1", "/agent/vocms1.cern.ch": "agent=vocms1.cern.ch",
	}
	get := func(path string) rated {
		return decode[rated](t, f.get((&url.URL{Path: path}).EscapedPath()+"?limit=1").body)
	}
	for path := range paths {
		r := get(path).Rate
		require.Positive(t, r.JobsLeft, path)
		assert.Equal(t, schema.Rate{JobsLeft: r.JobsLeft, SecondsLeft: -1}, r, "%s: one point", path)
	}
	for i := range 30 { // 2.5 h, in which counts rise
		f.clock.advance(5 * time.Minute)
		version := changes(0, 40, i+2)
		for k := range version {
			if r := version[k].Report; r != nil {
				r.Counts.Success += int64(3 * (i + 1))
				r.Counts.FailureException += int64(i)
				for s := range r.Sites {
					r.Sites[s].Counts.Success += int64(i + 1)
				}
			}
		}
		f.store.Apply(version)
		f.observe()
	}
	for path, query := range paths {
		body := get(path)
		r := body.Rate
		points := decode[[]schema.TimelinePoint](t, f.get("/history?by=state&name=Success,Failure&"+query).body)
		first, last := map[string]int64{}, map[string]int64{}
		for _, p := range points {
			if p.Time == points[0].Time {
				first[p.Name] = p.Count
			}
			last[p.Name] = p.Count
		}
		assert.Equal(t, []int64{points[0].Time, f.clock.Now().Unix(), 30 * 300}, []int64{r.From, r.To, r.Seconds}, path)
		assert.Equal(t, []int64{last["Success"] - first["Success"], last["Failure"] - first["Failure"]}, []int64{r.Success, r.Failure}, path)
		require.Positive(t, r.Success, path)
		require.Positive(t, r.JobsLeft, path)
		assert.Equal(t, r.JobsLeft*r.Seconds/(r.Success+r.Failure), r.SecondsLeft, path)
		if body.Drain != nil {
			assert.Equal(t, r.JobsLeft, body.Drain.Jobs, path)
		}
	}
	etag := f.get("/agent/vocms1.cern.ch").Header.Get("ETag")
	f.clock.advance(2 * time.Hour)
	assert.EqualValues(t, -1, get("/agent/vocms1.cern.ch").Rate.SecondsLeft, "no recent point")
	assert.Equal(t, 200, f.get("/agent/vocms1.cern.ch", "If-None-Match: "+etag).StatusCode)
}
