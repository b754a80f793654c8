package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Parameters of the page, as in the API.
const (
	ruleParam  = "rule"  // chooses rules
	beganParam = "since" // time from which on items are new
	newParam   = "new"   // 1: only new ones
)

// attention is the page of workflows and agents that need attention. The time of news
// is in its address, so that the marks stay when the page is loaded again: a
// reader who comes without it gets that of the last visit.
func (p *Pages) attention(c echo.Context) error {
	asked := c.QueryParams()
	if last := lastVisit(c.Request()); last > 0 && !asked.Has(beganParam) {
		asked.Set(beganParam, strconv.FormatInt(last, 10))
		return redirect(c, http.StatusFound, web.AttentionPath+"?"+asked.Encode())
	}
	v := url.Values{}
	for _, name := range []string{ruleParam, beganParam, newParam} {
		if values := asked[name]; len(values) > 0 {
			v.Set(name, strings.Join(values, ","))
		}
	}
	r := p.begin(c)
	answer := r.Attention(v)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.AttentionPath, state, err)
	}
	page := web.AttentionPage{
		Frame: p.frame(web.AttentionPath, "Attention", state, answer.Meta), Notes: query.OnlyParams(c.Request().URL, ruleParam, beganParam, newParam),
		Total: int64(answer.Value.Total), New: int64(answer.Value.New), Only: v.Has(newParam),
		JSON: query.At(web.APIPrefix+web.AttentionPath, v),
	}
	page.Since, _ = strconv.ParseInt(v.Get(beganParam), 10, 64)
	page.Data.Newest = query.At(web.AttentionPath, v)
	page.OnlyNew, page.All = newOnly(v)
	for _, rule := range answer.Value.Rules {
		slices.SortStableFunc(rule.Items, func(a, b wire.AttentionItem) int { return cmp.Compare(rank(a), rank(b)) })
		page.Rules = append(page.Rules, web.AttentionRule{AttentionRule: rule, Href: pageOf(rule.Query)})
	}
	if len(page.Notes) == 0 && !v.Has(ruleParam) {
		visited(c, cmp.Or(answer.Meta.Date, p.Now()))
	}
	return p.render(c, status(page.Notes), web.Attention(page))
}

// rank puts new items first.
func rank(item wire.AttentionItem) int {
	if item.New {
		return 0
	}
	return 1
}

// newOnly returns the addresses of the same page with only the new items, and with
// all.
func newOnly(v url.Values) (only, all string) {
	v.Del(newParam)
	all = query.At(web.AttentionPath, v)
	v.Set(newParam, "1")
	return query.At(web.AttentionPath, v), all
}

// visited notes that the reader has seen all items of this moment.
func visited(c echo.Context, at time.Time) {
	const year = 365 * 24 * 60 * 60
	http.SetCookie(c.Response(), &http.Cookie{
		Name: visitCookie, Value: strconv.FormatInt(at.Unix(), 10), Path: web.At(c.Request().Context(), "/"), MaxAge: year,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.Request().TLS != nil,
	})
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
