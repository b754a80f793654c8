package api

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/store"
)

func (a *API) attentionState(generation *store.Generation) attention.State {
	return attention.State{Generation: generation, Agents: a.o.Store.Agents(generation), Source: a.o.Store.Source(), Now: a.o.Now()}
}

// attentionItems returns the items of a rule. Without only, workflows are
// selected once for a generation and a read of the job reports: whoever asks does
// not cause such a read, which takes minutes.
func (a *API) attentionItems(ctx context.Context, state attention.State, r *attention.Rule, only *attention.Only) (attention.Matches, error) {
	key := "attention/" + state.Generation.ID() + "/" + r.Name
	if reports := a.failing.newest(); reports != nil {
		state.Exits = reports.ExitCodes
		key += "/" + reports.id
	}
	kept := len(r.Terms) > 0 && only == nil
	if kept {
		if cached, ok := a.o.Cache.Get(key); ok {
			if m, ok := cached.(attention.Matches); ok {
				return m, nil
			}
		}
	}
	m, err := a.attention.Load().Items(ctx, state, r, only)
	if err != nil {
		return m, fmt.Errorf("rank attention: %w", err)
	}
	if kept {
		const usual = 700 // bytes of an item with its reasons and alerts
		a.o.Cache.Set(key, m, int64(usual*(1+len(m.Items))))
	}
	return m, nil
}

// attentionTotals returns the numbers for /pulse: all items, and those that
// began at or after since; -1 if they are unknown. Without since there are no
// new ones.
func (a *API) attentionTotals(ctx context.Context, since int64) (total, begun int) {
	generation, ok := a.o.Store.Newest()
	if !ok {
		return -1, -1
	}
	state := a.attentionState(generation)
	_, total, err := a.attention.Load().Count(ctx, state)
	if err != nil {
		a.log.ErrorContext(ctx, "could not count attention", "err", err)
		return -1, -1
	}
	if _, begun, err = a.attentionNew(ctx, state, since); err != nil {
		a.log.ErrorContext(ctx, "could not count what is new of attention", "err", err)
	}
	return total, begun
}

// attentionNew counts the items that began at or after since, by rule and in
// all; -1 without since. Their times are read once for a generation.
func (a *API) attentionNew(ctx context.Context, state attention.State, since int64) (byRule map[string]int, total int, err error) {
	if since == 0 {
		return nil, -1, nil
	}
	rules := a.attention.Load()
	key := "attention/" + state.Generation.ID()
	began, ok := a.cachedBegan(key)
	if !ok {
		if began, err = rules.Began(ctx, state.Generation); err != nil {
			return nil, -1, fmt.Errorf("count new items: %w", err)
		}
		const least = 500 // bytes
		a.o.Cache.Set(key, began, least+began.Size())
	}
	byRule, total = rules.CountNew(state, began, since)
	return byRule, total, nil
}

func (a *API) cachedBegan(key string) (*attention.Began, bool) {
	cached, ok := a.o.Cache.Get(key)
	if !ok {
		return nil, false
	}
	began, ok := cached.(*attention.Began)
	return began, ok
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
