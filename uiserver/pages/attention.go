package pages

import (
	"context"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

const attentionPath = "/attention"

// ruleParam chooses rules, as in the API.
const ruleParam = "rule"

// attention is the page on what somebody should look at.
func (p *Pages) attention(c echo.Context) error {
	var answer wire.Attention
	var meta cacheclient.Meta
	state, err := p.load(c.Request().Context(), func(ctx context.Context) (err error) {
		answer, meta, err = p.Client.Attention(ctx, c.QueryParams()[ruleParam])
		return err
	})
	if err != nil {
		return p.fail(c, attentionPath, state, err)
	}
	page := web.AttentionPage{
		Frame: p.frame(attentionPath, "Attention", state, meta), Notes: onlyParams(c.Request(), ruleParam),
		Total: int64(answer.Total), JSON: APIPrefix + attentionPath,
	}
	for _, rule := range answer.Rules {
		page.Rules = append(page.Rules, web.AttentionRule{AttentionRule: rule, Href: pageOf(rule.Query)})
	}
	return p.render(c, statusFor(page.Notes), web.Attention(page))
}

// pageOf is the page that shows what an address of the API gives.
func pageOf(query string) string {
	u, err := url.Parse(query)
	if err != nil {
		return workflowsPath
	}
	switch {
	case strings.HasSuffix(u.Path, "/agent"):
		return "/agents"
	case strings.HasSuffix(u.Path, "/pulse"):
		return "/about"
	case u.RawQuery == "":
		return workflowsPath
	}
	return workflowsPath + "?" + u.RawQuery
}
