package api

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

func (a *API) attentionState(generation *store.Generation) attention.State {
	return attention.State{Generation: generation, Agents: a.o.Store.Agents(generation), Source: a.o.Store.Source(), Now: a.o.Now()}
}

// ranked is the ranking of a rule in one generation.
type ranked struct {
	items []wire.AttentionItem
	count int
}

// attentionItems ranks the items of a rule. Workflows are ranked once per
// generation: that reads the record of each.
func (a *API) attentionItems(ctx context.Context, state attention.State, r *attention.Rule) ([]wire.AttentionItem, int, error) {
	key := "attention/" + state.Generation.ID() + "/" + r.Name
	if len(r.Terms) > 0 {
		if cached, ok := a.o.Cache.Get(key); ok {
			if rk, ok := cached.(ranked); ok {
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

// attentionTotal returns the number for /pulse; -1 if it is unknown.
func (a *API) attentionTotal(ctx context.Context) int {
	generation, ok := a.o.Store.Newest()
	if !ok {
		return -1
	}
	_, total, err := a.attention.Load().Count(ctx, a.attentionState(generation))
	if err != nil {
		a.log.ErrorContext(ctx, "could not count attention", "err", err)
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
	return &attentionMetric{a, prometheus.NewDesc("wmstats_attention", "Workflows and agents that match a rule of /attention; 0 before the first full read.", []string{"rule"}, nil)}
}

func (m *attentionMetric) Describe(descs chan<- *prometheus.Desc) { descs <- m.desc }

func (m *attentionMetric) Collect(metrics chan<- prometheus.Metric) {
	generation, ok := m.api.o.Store.Newest()
	if !ok {
		for _, r := range m.api.attention.Load().Complete().Rules() {
			metrics <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, 0, r.Name)
		}
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
