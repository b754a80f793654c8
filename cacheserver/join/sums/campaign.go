package sums

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// Campaign is the sum of a campaign, with the sites where most of its jobs failed.
type Campaign struct {
	schema.Campaign
	WorstSites []schema.SiteFailures
}

// mostWorst is the number of WorstSites.
const mostWorst = 20

// campaign is the running sum of a campaign, also by site.
type campaign struct {
	rollup[schema.Campaign]
	sites map[string]ended
}

// ended are the jobs of a campaign that ended at one site.
type ended struct{ success, failure int64 }

func newCampaign() *campaign {
	return &campaign{sites: map[string]ended{}, rollup: rollup[schema.Campaign]{
		events: averages{}, lumis: averages{}, show: func(name string, r schema.Rollup, c schema.Counters) *schema.Campaign {
			return &schema.Campaign{Campaign: name, Rollup: r, Counters: c}
		},
	}}
}

func (c *campaign) changeSite(site string, counts *schema.JobCounts, sign int64) {
	at := c.sites[site]
	at.success += sign * counts.Success
	at.failure += sign * (counts.FailureCreate + counts.FailureSubmit + counts.FailureException)
	if at == (ended{}) {
		delete(c.sites, site)
	} else {
		c.sites[site] = at
	}
}

func (c *campaign) record(name string) *Campaign {
	out := &Campaign{Campaign: *c.rollup.record(name), WorstSites: []schema.SiteFailures{}}
	for site, at := range c.sites {
		if at.failure > 0 {
			rate := schema.Percent(float64(at.failure), float64(at.success+at.failure))
			out.WorstSites = append(out.WorstSites, schema.SiteFailures{Site: site, Success: at.success, Failure: at.failure, FailureRate: rate})
		}
	}
	slices.SortFunc(out.WorstSites, func(a, b schema.SiteFailures) int {
		return cmp.Or(cmp.Compare(b.Failure, a.Failure), cmp.Compare(a.Site, b.Site))
	})
	out.WorstSites = slices.Clip(slices.Clone(out.WorstSites[:min(len(out.WorstSites), mostWorst)]))
	return out
}
