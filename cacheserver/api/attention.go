package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// showAttention handles GET /attention?rule=a,b: the rules that match, their
// items, and the URL of the full list. NDJSON and CSV have one line for each
// item.
func (a *API) showAttention(c echo.Context) error {
	v, err := onlyParams(c, "rule", "format", "dl")
	if err != nil {
		return err
	}
	q, err := wire.ParseQueryExcept(v, "rule")
	if err != nil {
		return err
	}
	rules, err := a.chosenRules(v["rule"])
	if err != nil {
		return err
	}
	format, err := chooseFormat(c, q.Format, wire.Formats()...)
	if err != nil {
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
		m, err := a.attentionItems(ctx, state, r)
		if err != nil {
			return err
		}
		body.Rules = append(body.Rules, wire.AttentionRule{
			Rule: r.Name, Title: r.Title, Help: r.Help, Query: base(c) + r.Query(), Count: m.Count, Workflows: m.Workflows, Items: m.Items,
		})
	}
	slices.SortStableFunc(body.Rules, func(a, b wire.AttentionRule) int {
		return cmp.Or(cmp.Compare(b.Workflows, a.Workflows), cmp.Compare(min(b.Count, 1), min(a.Count, 1)))
	})
	ans := answerOf(generation, q, format, "attention", began)
	if format == wire.JSON {
		return a.sendObject(c, ans, body)
	}
	lines := attentionRecords(&body)
	return sendList(c, a, ans, listing{fields: schema.Describe[schema.AttentionRecord](), total: int64(len(lines))}, lines)
}

// attentionRecords returns the items of all rules as flat records.
func attentionRecords(body *wire.Attention) []schema.AttentionRecord {
	out := []schema.AttentionRecord{}
	for i := range body.Rules {
		r := &body.Rules[i]
		for k := range r.Items {
			item := &r.Items[k]
			out = append(out, schema.AttentionRecord{
				Rule: r.Rule, Title: r.Title, Kind: item.Kind, Name: item.Name, Status: item.Status, Priority: item.Priority,
				Since: item.Since, Failure: item.Failure, Workflows: item.Workflows, Score: item.Score,
				Cause: item.Cause, Who: item.Who, Reasons: item.Reasons,
			})
		}
	}
	return out
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
