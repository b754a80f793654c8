package pages

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// ruleParam chooses rules, as in the API.
const ruleParam = "rule"

// attention is the page of workflows and agents that need attention.
func (p *Pages) attention(c echo.Context) error {
	r := p.begin(c)
	answer := r.Attention(c.QueryParams()[ruleParam])
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.AttentionPath, state, err)
	}
	page := web.AttentionPage{
		Frame: p.frame(web.AttentionPath, "Attention", state, answer.Meta), Notes: query.OnlyParams(c.Request().URL, ruleParam),
		Total: int64(answer.Value.Total), JSON: web.APIPrefix + web.AttentionPath,
	}
	for _, rule := range answer.Value.Rules {
		page.Rules = append(page.Rules, web.AttentionRule{AttentionRule: rule, Href: pageOf(rule.Query)})
	}
	return p.render(c, status(page.Notes), web.Attention(page))
}

// pageOf returns the address of the page for an address of the API.
func pageOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return web.WorkflowsPath
	}
	switch {
	case strings.HasSuffix(u.Path, "/agent"):
		return web.AgentsPath
	case strings.HasSuffix(u.Path, "/stray"):
		return web.StrayPath
	case strings.HasSuffix(u.Path, "/pulse"):
		return web.AboutPath
	case u.RawQuery == "":
		return web.WorkflowsPath
	}
	return web.WorkflowsPath + "?" + u.RawQuery
}
