package pages

import (
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Number of worst sites on the page of a campaign, and how long it waits for them:
// the failing jobs of all workflows may have to be read from CouchDB first.
const (
	worstShown = 10
	worstWait  = 2 * time.Second
)

// campaign is the page of one campaign.
func (p *Pages) campaign(c echo.Context) error {
	var past *web.History
	var worst *load.Answer[wire.ErrorsEnvelope]
	page, record, ok, err := groupPage(p, c, web.CampaignsPath, "campaign", "Campaign", load.Round.Campaign, func(r load.Round, name string) {
		past = r.History("state", url.Values{"campaign": {name}})
		failing := query.ErrorsOf(query.Exactly("Campaign", name)).Params()
		worst = r.Apart().Within(worstWait).FailingJobsReported(failing, []string{query.SiteParam}, worstShown)
	})
	if !ok {
		return err
	}
	page.Rollup, page.Counters, page.History = &record.Rollup, record.Counters, past
	page.Held = &record.Held
	page.Worst = p.worstSites(page.Name, worst)
	page.JSON = web.APIPrefix + "/campaign" + strings.TrimPrefix(web.CampaignPath(page.Name), web.CampaignsPath)
	return p.render(c, status(page.Notes), web.Group(page))
}

// worstSites returns the sites with the most job reports of a campaign. Errors do
// not fail the page: Missing has the reason.
func (p *Pages) worstSites(campaign string, a *load.Answer[wire.ErrorsEnvelope]) *web.WorstSites {
	out := &web.WorstSites{Reports: a.Value.FailureReports, Total: int64(a.Value.Total), Missing: load.MissingOf("failing jobs", "", a.Err)}
	q := query.ErrorsOf(query.Exactly("Campaign", campaign))
	for _, e := range a.Value.Items {
		out.Rows = append(out.Rows, web.ErrorRow{ErrorSummary: e, Href: q.With(query.SiteParam, query.Text(e.Site))})
	}
	if a.Err != nil && out.Missing == nil {
		p.Loader.LeftOut("sites with the most job reports", a.Err)
		out.Missing = &web.Missing{Title: "Timed out reading failing jobs.", Text: "The page of failing jobs waits longer."}
	}
	return out
}
