package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// showAttention handles GET /attention?rule=a,b: the rules that fire, what they
// name, and the list of all of it.
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

// chosenRules are the rules named in rule=, or all.
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
			p := wire.BadValue("rule", fmt.Sprintf("There is no rule %.80q; there are: %s.", name, strings.Join(names, ", ")))
			p.DidYouMean = wire.Near(name, names, 3)
			return nil, p
		}
		chosen[name] = true
	}
	return slices.DeleteFunc(all, func(r attention.Rule) bool { return !chosen[r.Name] }), nil
}

func (a *API) attentionState(generation *store.Generation) attention.State {
	return attention.State{Generation: generation, Agents: a.o.Store.Agents(generation), Source: a.o.Store.Source(), Now: a.o.Now()}
}

// ranked is what a rule names of one generation.
type ranked struct {
	items []wire.AttentionItem
	count int
}

// attentionItems ranks what a rule names. Workflows are ranked once in a
// generation: that reads the record of each.
func (a *API) attentionItems(ctx context.Context, state attention.State, r *attention.Rule) ([]wire.AttentionItem, int, error) {
	key := "attention/" + state.Generation.ID() + "/" + r.Name
	if len(r.Terms) > 0 {
		if kept, ok := a.o.Cache.Get(key); ok {
			if rk, ok := kept.(ranked); ok {
				return rk.items, rk.count, nil
			}
		}
	}
	items, count, err := a.attention.Load().Items(ctx, state, r)
	if err != nil {
		return nil, 0, fmt.Errorf("rank attention: %w", err)
	}
	if len(r.Terms) > 0 {
		const usual = 500 // bytes of an item with its reasons and alerts
		a.o.Cache.Set(key, ranked{items, count}, int64(usual*(1+len(items))))
	}
	return items, count, nil
}

// attentionTotal is the number in /pulse; -1 when it is not known.
func (a *API) attentionTotal(ctx context.Context) int {
	generation, ok := a.o.Store.Newest()
	if !ok {
		return -1
	}
	_, total, err := a.attention.Load().Count(ctx, a.attentionState(generation))
	if err != nil {
		a.log.ErrorContext(ctx, "attention can't be counted", "err", err)
		return -1
	}
	return total
}

// attentionMetric counts at each scrape.
type attentionMetric struct {
	api  *API
	desc *prometheus.Desc
}

func newAttentionMetric(a *API) *attentionMetric {
	return &attentionMetric{a, prometheus.NewDesc("wmstats_attention", "Workflows and agents that a rule of /attention names.", []string{"rule"}, nil)}
}

func (m *attentionMetric) Describe(descs chan<- *prometheus.Desc) { descs <- m.desc }

func (m *attentionMetric) Collect(metrics chan<- prometheus.Metric) {
	generation, ok := m.api.o.Store.Newest()
	if !ok {
		return
	}
	byRule, _, err := m.api.attention.Load().Count(context.Background(), m.api.attentionState(generation))
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(m.desc, err)
		return
	}
	for rule, n := range byRule {
		metrics <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(n), rule)
	}
}
