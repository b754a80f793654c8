package api

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// showAttention handles GET /attention?rule=a,b&since=&new=1: the rules that
// match, their items, and the URL of the full list. since= counts and marks the
// items that began at or after that time, and new=1 lists no others. NDJSON and
// CSV have one line for each item.
func (a *API) showAttention(c echo.Context) error {
	v, err := onlyParams(c, "rule", "since", "new", "format", "dl")
	if err != nil {
		return err
	}
	q, err := wire.ParseQueryExcept(v, "rule", "since", "new")
	if err != nil {
		return err
	}
	since, onlyNew, err := newSince(v, a.o.Now())
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
	byRule, begun, err := a.attentionNew(ctx, state, since)
	if err != nil {
		return err
	}
	var only *attention.Only
	if onlyNew {
		only = &attention.Only{Since: cmp.Or(since, math.MaxInt64)} // without since= no item is new
		if only.Names, err = a.attention.Load().NewNames(ctx, generation, only.Since); err != nil {
			return fmt.Errorf("select new items: %w", err)
		}
	}
	body := wire.Attention{Generation: generation.ID(), Time: answer.Timestamp(generation.Time()), Total: total, New: begun, Rules: []wire.AttentionRule{}}
	for i := range rules {
		r := &rules[i]
		m, err := a.attentionItems(ctx, state, r, only)
		if err != nil {
			return err
		}
		one := wire.AttentionRule{
			Rule: r.Name, Title: r.Title, Help: r.Help, Query: base(c) + r.Query(), Count: m.Count, New: -1, Workflows: m.Workflows, Items: []wire.AttentionItem{},
		}
		if since > 0 {
			one.New = byRule[r.Name]
		}
		for _, item := range m.Items {
			item.New = since > 0 && item.Began >= since
			one.Items = append(one.Items, item.AttentionItem)
		}
		body.Rules = append(body.Rules, one)
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

// newSince reads since= and new=.
func newSince(v url.Values, now time.Time) (since int64, only bool, err error) {
	if since, err = sinceTime(v["since"], now); err != nil {
		return 0, false, err
	}
	given := v["new"]
	if len(given) > 1 || len(given) == 1 && given[0] != "1" {
		return 0, false, wire.BadValue("new", "The only value is 1: only items that began at or after since=.")
	}
	return since, len(given) == 1, nil
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
