package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema/wire"
)

// showAttention handles GET /attention?rule=a,b: the rules that match, their
// items, and the URL of the full list.
func (a *API) showAttention(c echo.Context) error {
	v, err := onlyParams(c, "rule")
	if err != nil {
		return err
	}
	rules, err := a.chosenRules(v["rule"])
	if err != nil {
		return err
	}
	if _, err := chooseFormat(c, "", wire.JSON); err != nil {
		return err
	}
	generation, err := a.generation(c, wire.Query{})
	if err != nil {
		return err
	}
	began := a.o.Now()
	state := a.attentionState(generation)
	ctx := c.Request().Context()
	_, total, err := a.attention.Load().Count(ctx, state)
	if err != nil {
		return err
	}
	body := wire.Attention{Generation: generation.ID(), Time: answer.Timestamp(generation.Time()), Total: total, Rules: []wire.AttentionRule{}}
	for i := range rules {
		r := &rules[i]
		shown := wire.AttentionRule{Rule: r.Name, Title: r.Title, Help: r.Help, Query: base(c) + r.Query()}
		if shown.Items, shown.Count, err = a.attentionItems(ctx, state, r); err != nil {
			return err
		}
		body.Rules = append(body.Rules, shown)
	}
	return a.sendObject(c, answerOf(generation, wire.Query{}, wire.JSON, "", began), body)
}

// chosenRules returns the rules named in rule=, or all.
func (a *API) chosenRules(asked []string) ([]attention.Rule, error) {
	all := a.attention.Load().Rules()
	if len(asked) == 0 {
		return all, nil
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	chosen := map[string]bool{}
	for _, name := range strings.Split(strings.Join(asked, ","), ",") {
		if !slices.Contains(names, name) {
			p := wire.BadValue("rule", fmt.Sprintf("Unknown rule %.80q; the rules are: %s.", name, strings.Join(names, ", ")))
			p.DidYouMean = wire.Near(name, names, 3)
			return nil, p
		}
		chosen[name] = true
	}
	return slices.DeleteFunc(all, func(r attention.Rule) bool { return !chosen[r.Name] }), nil
}
