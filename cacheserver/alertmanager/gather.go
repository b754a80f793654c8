package alertmanager

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// group are the alerts of one rule.
type group struct {
	rule   attention.Rule
	query  string      // annotation
	count  int         // also of alerts that are not read because they are too many
	list   *store.List // workflows that are not read yet; nil: none
	alerts []alert
}

// gather returns the alerts that hold by the rules of which people are
// notified, never nil; old_data is not among them. If there are too many, the
// rules with the most are each replaced by one alert.
func (p *Poster) gather(ctx context.Context, rules attention.Options, state attention.State) ([]alert, error) {
	rules = rules.Complete()
	var groups []group
	total := 0
	for _, r := range rules.Rules() {
		if !r.Notify || r.Name == attention.OldData {
			continue
		}
		g := group{rule: r, query: p.question(r.Query())}
		if r.Name == schema.AlertStrayJobs {
			g.alerts = p.ofStrays(&g, rules.Limits, state.Generation.Strays())
			g.count = len(g.alerts)
		} else if len(r.Terms) == 0 {
			g.alerts = p.ofAgents(&g, state.Agents)
			g.count = len(g.alerts)
		} else if err := p.selectWorkflows(ctx, &g, rules.Limits, state.Generation); err != nil {
			return nil, err
		}
		groups = append(groups, g)
		total += g.count
	}
	summed, tooMany := 0, map[string]bool{}
	for total > perPost {
		most := slices.MaxFunc(groups, func(a, b group) int { return cmp.Compare(a.count, b.count) })
		i := slices.IndexFunc(groups, func(g group) bool { return g.rule.Name == most.rule.Name })
		tooMany[most.rule.Name] = true
		summed += most.count
		total -= most.count - 1
		groups[i].count, groups[i].list, groups[i].alerts = 1, nil, []alert{p.sum(&most)}
	}
	list := []alert{}
	for i := range groups {
		if groups[i].list != nil {
			p.readWorkflows(&groups[i], rules.Limits) //nolint:contextcheck // reading the result spends nothing
		}
		list = append(list, groups[i].alerts...)
	}
	p.noteSums(ctx, tooMany, summed)
	return list, nil
}

// noteSums logs which rules are posted as a sum, when that changes.
func (p *Poster) noteSums(ctx context.Context, tooMany map[string]bool, summed int) {
	rules := maps.Clone(tooMany)
	maps.Copy(rules, p.summed)
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		switch {
		case tooMany[rule] && !p.summed[rule]:
			p.o.Log.WarnContext(ctx, "too many alerts for Alertmanager; posting one for the whole rule", "rule", rule, "alerts", summed, "limit", perPost)
		case !tooMany[rule] && p.summed[rule]:
			p.o.Log.InfoContext(ctx, "posting each alert of the rule to Alertmanager again", "rule", rule)
		}
	}
	p.summed, p.left = tooMany, summed
}

// labels returns those that every alert has.
func (p *Poster) labels(r *attention.Rule) map[string]string {
	return map[string]string{"alertname": "WMStats", "rule": r.Name, "severity": r.Severity, "instance": p.o.Tier}
}

// selectWorkflows selects and counts the workflows of a rule. They are read
// later, if they are not too many: a read costs more than a match.
func (p *Poster) selectWorkflows(ctx context.Context, g *group, limits schema.Limits, generation *store.Generation) error {
	list, err := generation.Select(ctx, wire.Query{Terms: g.rule.Terms})
	if err != nil {
		return fmt.Errorf("select %s: %w", g.rule.Name, err)
	}
	if g.count = list.Total(); g.count > perPost {
		return nil
	}
	g.list = list
	if g.rule.Name == schema.AlertStaleAgent { // the records say how many alerts they are
		p.readWorkflows(g, limits) //nolint:contextcheck // reading the result spends nothing
	}
	return nil
}

// readWorkflows makes the alerts of the selected workflows.
func (p *Poster) readWorkflows(g *group, limits schema.Limits) {
	g.list.EachAlerting(func(w *schema.Workflow, facts schema.Facts) {
		if g.rule.Name != schema.AlertStaleAgent {
			facts.Silent = nil
			g.alerts = append(g.alerts, p.ofWorkflow(g, w, facts, limits))
			return
		}
		for _, s := range facts.Silent { // one for each agent: whether it is silenced depends on the agent
			one := facts
			one.Silent = []schema.Silence{s}
			g.alerts = append(g.alerts, p.ofWorkflow(g, w, one, limits))
		}
	})
	g.count, g.list = len(g.alerts), nil
}

// ofWorkflow returns the alert of a workflow by a rule.
func (p *Poster) ofWorkflow(g *group, w *schema.Workflow, facts schema.Facts, limits schema.Limits) alert {
	r := &g.rule
	a := alert{labels: p.labels(r), annotations: map[string]string{"status": w.Status, "query": g.query}}
	a.labels["workflow"], a.labels["campaign"], a.labels["team"] = w.Workflow, w.Campaign, w.Team
	if len(facts.Silent) > 0 {
		a.labels["agent"] = facts.Silent[0].Agent
	}
	if w.Priority >= 0 {
		a.annotations["priority"] = strconv.FormatInt(w.Priority, 10)
	}
	a.annotations["summary"] = r.Title
	for _, one := range schema.AlertsOf(w, facts, limits) {
		if one.Rule == r.Name {
			a.annotations["summary"], a.annotations["cause"], a.annotations["who"] = one.Reason, one.Cause, one.Who
			a.since = at(one.Since)
			maps.DeleteFunc(a.annotations, func(_, text string) bool { return text == "" })
		}
	}
	a.link = p.page("/workflows/" + url.PathEscape(w.Workflow))
	return a
}

// ofAgents returns an alert for each agent that the rule holds for, with all
// its reasons.
func (p *Poster) ofAgents(g *group, agents []schema.AgentDetail) (list []alert) {
	r := &g.rule
	for i := range agents {
		d := &agents[i]
		if !r.Holds(&d.Agent) {
			continue
		}
		var reasons []string
		var cause, who string
		var since time.Time
		for _, one := range d.AlertRecords {
			if one.Rule != r.Name {
				continue
			}
			if len(reasons) == 0 {
				cause, who = one.Cause, one.Who
			}
			reasons = append(reasons, one.Reason)
			if began := at(one.Since); since.IsZero() || !began.IsZero() && began.Before(since) {
				since = began
			}
		}
		a := alert{labels: p.labels(r), since: since, link: p.page("/agents/" + url.PathEscape(d.Agent.Agent)), annotations: map[string]string{
			"summary": strings.Join(reasons, "; "), "cause": cause, "who": who, "status": d.Severity, "query": g.query,
		}}
		a.labels["agent"], a.labels["team"] = d.Agent.Agent, d.Team
		list = append(list, a)
	}
	return list
}

// ofStrays returns an alert for each workflow with jobs that should not be
// there.
func (p *Poster) ofStrays(g *group, limits schema.Limits, strays []schema.StrayWorkflow) (list []alert) {
	for i := range strays {
		one := strays[i].Alert(limits)
		page := "/workflows/" + url.PathEscape(one.Workflow)
		if strays[i].Status == "" { // the lists have no such request, so it has no page
			page = "/attention?rule=" + g.rule.Name
		}
		a := alert{labels: p.labels(&g.rule), since: at(one.Since), link: p.page(page), annotations: map[string]string{
			"summary": one.Reason, "cause": one.Cause, "who": one.Who, "query": g.query,
		}}
		a.labels["workflow"] = one.Workflow
		list = append(list, a)
	}
	return list
}

// sum returns the alert that stands for all alerts of a rule.
func (p *Poster) sum(g *group) alert {
	return alert{labels: p.labels(&g.rule), link: p.page("/attention"), annotations: map[string]string{
		"summary": fmt.Sprintf("%d alerts of the rule %s: %s", g.count, g.rule.Name, g.rule.Help),
		"count":   strconv.Itoa(g.count), "query": g.query,
	}}
}

// withOldData adds the alert that the data are old, if people are notified of
// it.
func (p *Poster) withOldData(list []alert, rules attention.Options, source store.SourceState) []alert {
	all := rules.Rules()
	i := slices.IndexFunc(all, func(r attention.Rule) bool { return r.Name == attention.OldData && r.Notify })
	if i < 0 {
		return list
	}
	summary := "the source has not answered since " + source.CheckTime.UTC().Format(time.RFC3339)
	if source.Reason != "" {
		summary += ": " + source.Reason
	}
	return append(slices.Clip(list), alert{
		labels: p.labels(&all[i]), since: source.CheckTime.Add(rules.OldAfter()).Truncate(time.Second), link: p.page("/about"),
		annotations: map[string]string{"summary": summary, "status": "stale", "query": p.question(all[i].Query())},
	})
}

// before returns the alerts that began before a time, and those of unknown
// start.
func before(list []alert, since time.Time) []alert {
	return slices.DeleteFunc(list, func(a alert) bool { return a.since.After(since) })
}

// at converts Unix seconds; 0 is unknown.
func at(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// page returns the address of a page of the dashboard, "" if that is unknown.
func (p *Poster) page(path string) string {
	if p.o.Public == "" {
		return ""
	}
	return strings.TrimRight(p.o.Public, "/") + path
}

// question returns a request to the API, under the address of the dashboard if
// that is known.
func (p *Poster) question(path string) string {
	if p.o.Public == "" {
		return path
	}
	return p.page("/api" + path)
}
