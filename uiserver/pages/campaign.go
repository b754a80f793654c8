package pages

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// How long the page of a campaign waits for job reports: those of all workflows may
// have to be read from CouchDB first.
const worstWait = 2 * time.Second

// campaign is the page of one campaign.
func (p *Pages) campaign(c echo.Context) error {
	var past *web.History
	var worst *load.Answer[wire.ErrorsEnvelope]
	page, record, ok, err := groupPage(p, c, web.CampaignsPath, "campaign", "Campaign", load.Round.Campaign, func(r load.Round, name string) {
		past = r.History("state", url.Values{"campaign": {name}})
		failing := query.ErrorsOf(query.Exactly("Campaign", name)).Params()
		worst = r.Apart().Within(worstWait).FailingJobsReported(failing, []string{query.SiteParam}, wire.MaxLimit)
	})
	if !ok {
		return err
	}
	page.Rollup, page.Counters, page.History = &record.Rollup, record.Counters, past
	page.Held = &record.Held
	page.Pin = p.pinButton(web.PinCampaign, page.Name, stateOfCampaign(&record.Campaign))
	page.Worst = p.worstSites(page.Name, record.WorstSites, worst)
	page.JSON = web.APIPrefix + "/campaign" + strings.TrimPrefix(web.CampaignPath(page.Name), web.CampaignsPath)
	return p.render(c, status(page.Notes), web.Group(page))
}

// worstSites returns the sites of a campaign where most jobs failed, with their job
// reports. Errors do not fail the page: Missing has the reason.
func (p *Pages) worstSites(campaign string, worst []schema.SiteFailures, a *load.Answer[wire.ErrorsEnvelope]) *web.WorstSites {
	out := &web.WorstSites{Reports: a.Value.FailureReports, Missing: load.MissingOf("failing jobs", "", a.Err)}
	q := query.ErrorsOf(query.Exactly("Campaign", campaign))
	for _, s := range worst {
		row := web.WorstSite{SiteFailures: s, Href: q.With(query.SiteParam, query.Text(s.Site))}
		if i := slices.IndexFunc(a.Value.Items, func(e schema.ErrorSummary) bool { return e.Site == s.Site }); i >= 0 {
			row.Reports, row.ExitCodes = a.Value.Items[i].Jobs, a.Value.Items[i].ExitCodes
		}
		if a.Err != nil {
			row.Reports, row.ExitCodes = -1, -1
		}
		out.Rows = append(out.Rows, row)
	}
	if a.Err != nil && out.Missing == nil {
		p.Loader.LeftOut("job reports of a campaign", a.Err)
		out.Missing = &web.Missing{Title: "Timed out reading job reports.", Text: "The page of failing jobs waits longer."}
	}
	return out
}
