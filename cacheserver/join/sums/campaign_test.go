package sums

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// The worst sites of each campaign equal a recount after any additions and removals.
func TestWorstSitesEqualARecount(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	type in struct {
		w     schema.Workflow
		parts []schema.AgentReport
	}
	var all []in
	s := New()
	for range 400 {
		if len(all) > 30 || len(all) > 0 && rng.IntN(3) == 0 {
			k := rng.IntN(len(all))
			s.Remove(&all[k].w, all[k].parts)
			all = slices.Delete(all, k, k+1)
		} else {
			one := in{w: schema.Workflow{Workflow: "w", Status: "running-open", Campaign: []string{"", "A", "B"}[rng.IntN(3)]}}
			for _, agent := range []string{"a", "b"}[rng.IntN(3)%2:] {
				r := schema.AgentReport{Agent: agent}
				for range rng.IntN(9) {
					c := schema.JobCounts{Success: rng.Int64N(5), FailureCreate: rng.Int64N(2), FailureSubmit: rng.Int64N(2), FailureException: rng.Int64N(3), Running: 1}
					r.Counts.Add(&c)
					r.Sites = append(r.Sites, schema.SiteReport{Site: fmt.Sprintf("T2_%02d", rng.IntN(40)), Counts: c})
				}
				r.Counts.FailureException += rng.Int64N(2) // at no site
				one.parts = append(one.parts, r)
			}
			s.Add(&one.w, one.parts)
			all = append(all, one)
		}
		if rng.IntN(4) > 0 {
			continue
		}
		for c := range s.View().Campaigns.All() {
			bySite := map[string]*schema.SiteFailures{}
			add := func(site string, success, failure int64) {
				if bySite[site] == nil {
					bySite[site] = &schema.SiteFailures{Site: site}
				}
				bySite[site].Success += success
				bySite[site].Failure += failure
			}
			for _, one := range all {
				if cmp.Or(one.w.Campaign, None) != c.Campaign.Campaign {
					continue
				}
				for _, r := range one.parts {
					unplaced := r.Counts.FailureException
					for _, at := range r.Sites {
						add(at.Site, at.Counts.Success, at.Counts.FailureCreate+at.Counts.FailureSubmit+at.Counts.FailureException)
						unplaced -= at.Counts.FailureException
					}
					add(None, 0, unplaced)
				}
			}
			want := []schema.SiteFailures{}
			for _, at := range bySite {
				if at.Failure > 0 {
					at.FailureRate = schema.Percent(float64(at.Failure), float64(at.Failure+at.Success))
					want = append(want, *at)
				}
			}
			slices.SortFunc(want, func(a, b schema.SiteFailures) int {
				return cmp.Or(int(b.Failure-a.Failure), cmp.Compare(a.Site, b.Site))
			})
			require.Equal(t, want[:min(20, len(want))], c.WorstSites, c.Campaign.Campaign)
		}
	}
	for _, one := range all {
		s.Remove(&one.w, one.parts)
	}
	require.Zero(t, s.View().Campaigns.Len())
	require.Zero(t, s.View().Sites.Len())
}
