// Package attention determines what operators should look at: a fixed list of
// rules, the workflows and agents under each, and their ranking. It reads one
// generation and the store's state of agents and source. It decides nothing
// about a record: alerts and severities are computed by package schema with
// the record; here they are only gathered, counted and ranked.
package attention

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Names of the rules that are not alerts of workflows.
const (
	AgentError   = schema.AlertAgentError
	AgentWarning = schema.AlertAgentWarning
	OldData      = "old_data"
)

// RuleNames returns the codes of all rules but those of the alerts file, in the
// order in which they are shown.
func RuleNames() []string {
	return []string{
		schema.AlertFailed, schema.AlertConfigError, schema.AlertSiteError, schema.AlertAssignedStall, schema.AlertStatusStall,
		schema.AlertStaleAgent, schema.AlertSkippedFiles, schema.AlertPausedJobs, schema.AlertStrayJobs, AgentError, AgentWarning, OldData,
	}
}

// Options are the thresholds. The zero value is valid.
type Options struct {
	Limits       schema.Limits // those used by the store for alerts; rules that are off are not shown
	HighPriority int64         // status_stall applies to workflows of at least this priority; 0: 85000
	Period       time.Duration // expected interval of answers of the source; data are old after 3 of them; 0: 5 min
	Top          int           // maximum items shown for a rule; 0: 20

	Notify map[string]bool // whether people are notified of a rule, by its name; nil: the defaults
}

// notified returns the rules that people are notified of by default. The others
// hold for too many workflows at a time.
func notified() map[string]bool {
	notify := map[string]bool{}
	for _, rule := range RuleNames() {
		notify[rule] = slices.Contains([]string{schema.AlertFailed, schema.AlertConfigError, AgentError, OldData}, rule)
	}
	return notify
}

// Complete replaces zero values by the defaults.
func (o Options) Complete() Options {
	if o.Limits.IsZero() {
		o.Limits = schema.DefaultLimits()
	}
	if o.HighPriority == 0 {
		o.HighPriority = 85_000
	}
	if o.Period == 0 {
		o.Period = 5 * time.Minute
	}
	if o.Top == 0 {
		o.Top = 20
	}
	if o.Notify == nil {
		o.Notify = notified()
	}
	return o
}

// Rule is one reason for attention.
type Rule struct {
	Name, Title, Help string
	Terms             []wire.Term // selects its workflows; none: it is about agents or the source
	Notify            bool        // whether people are notified of its items
	Severity          string      // of its alerts: schema.SeverityError or SeverityWarning
	agents            string      // severity of its agents
	path              string      // of the list of all its items, if they are not workflows
}

// Query returns the list request for all items of the rule, as path and
// parameters.
func (r *Rule) Query() string {
	if len(r.Terms) == 0 {
		return r.path
	}
	return "/fetch?" + r.query().Values().Encode()
}

// query is the list of the workflows of a rule in the order of items: those
// that hold back most jobs first.
func (r *Rule) query() wire.Query {
	return wire.Query{Terms: r.Terms, Sort: []wire.SortKey{{Field: "Score", Desc: true}, {Field: "Priority", Desc: true}, {Field: "StatusTime"}}}
}

// Holds reports whether a rule about agents holds for an agent.
func (r *Rule) Holds(a *schema.Agent) bool { return r.agents != "" && a.Severity == r.agents }

// Rules returns all rules, in the order in which they are shown.
func (o Options) Rules() []Rule {
	o = o.Complete()
	alert := func(name, title, help string, more ...wire.Term) Rule {
		terms := []wire.Term{{Field: "Alerts", Op: wire.In, Values: []string{name}}}
		return Rule{Name: name, Title: title, Help: help, Terms: append(more, terms...)}
	}
	span := schema.Span
	all := []Rule{
		alert(schema.AlertFailed, "Failed", "workflows in status failed"),
		alert(schema.AlertConfigError, "Configuration error", "jobs fail and none has succeeded"),
		alert(schema.AlertSiteError, "Site error",
			fmt.Sprintf("more than %g %% of the jobs fail", o.Limits.SiteErrorPercent())),
		alert(schema.AlertAssignedStall, "Stalled in assigned", "more than "+span(o.Limits.AssignedStall)+" in status assigned"),
		alert(schema.AlertStatusStall, "No progress",
			fmt.Sprintf("more than %s in one status with no running job, priority %d and above", span(o.Limits.StatusStall), o.HighPriority),
			wire.Term{Field: "Priority", Op: wire.Min, Number: float64(o.HighPriority)}),
		alert(schema.AlertStaleAgent, "Stale counts",
			"running, and the counts of an agent are older than "+span(o.Limits.AgentSilent)),
		alert(schema.AlertSkippedFiles, "Skipped files", "jobs have skipped input files"),
		alert(schema.AlertPausedJobs, "Paused jobs",
			fmt.Sprintf("more than %d jobs are paused and wait for an operator", o.Limits.PausedJobs)),
		{Name: schema.AlertStrayJobs, Title: "Stray jobs", Help: "agents report running or pending jobs whose request allows none, is archived or unknown", path: "/stray"},
		{Name: AgentError, Title: "Agents in error", Help: "agents and services whose severity is error", agents: schema.SeverityError, path: "/agent"},
		{Name: AgentWarning, Title: "Agents with a warning", Help: "agents and services whose severity is warning", agents: schema.SeverityWarning, path: "/agent"},
		{Name: OldData, Title: "Old data", Help: "the source has not answered for " + span(int64(o.OldAfter().Round(time.Second)/time.Second)), path: "/pulse"},
	}
	for i := range all {
		all[i].Notify, all[i].Severity = o.Notify[all[i].Name], severity(all[i].Name)
	}
	for _, own := range o.Limits.Own {
		help := "matches " + own.Query
		if own.For > 0 {
			help += " for " + span(own.For)
		}
		rule := alert(own.Name, own.Title, help)
		rule.Notify, rule.Severity = own.Notify, own.Severity
		all = append(all, rule)
	}
	return slices.DeleteFunc(all, func(r Rule) bool { return !o.Limits.On(r.Name) })
}

// severity returns that of the alerts of a rule of the server.
func severity(rule string) string {
	switch rule {
	case schema.AlertFailed, schema.AlertConfigError, AgentError, OldData:
		return schema.SeverityError
	}
	return schema.SeverityWarning
}

// Old reports whether the data are old: the source has not answered for three
// periods, whether or not the rule old_data is on. since is when it last
// answered.
func (o Options) Old(source store.SourceState, now time.Time) (since time.Time, old bool) {
	since = source.CheckTime
	return since, !since.IsZero() && now.Sub(since) > o.OldAfter()
}

// OldAfter returns for how long the source may not answer until its data are
// old.
func (o Options) OldAfter() time.Duration { return 3 * o.Complete().Period }

// State is the input of the rules.
type State struct {
	Generation *store.Generation
	Agents     []schema.AgentDetail
	Source     store.SourceState
	Now        time.Time

	// Exits returns the exit code of most job reports of each workflow that has
	// any; nil: job reports have not been read.
	Exits func(ctx context.Context, workflows []string) (map[string]schema.Part, error)
}

// Count returns how many items each rule has. total is the number of different
// workflows and agents, plus one for old data.
func (o Options) Count(ctx context.Context, s State) (byRule map[string]int, total int, err error) {
	o = o.Complete()
	byRule = map[string]int{}
	var alerts []string // of rules without other conditions
	for _, r := range o.Rules() {
		switch {
		case len(r.Terms) > 0:
			list, err := s.Generation.Select(ctx, wire.Query{Terms: r.Terms})
			if err != nil {
				return nil, 0, fmt.Errorf("count %s: %w", r.Name, err)
			}
			byRule[r.Name] = list.Total()
			if len(r.Terms) == 1 {
				alerts = append(alerts, r.Name)
			}
		default:
			byRule[r.Name] = len(o.others(s, &r))
			total += byRule[r.Name]
		}
	}
	// A workflow may match several rules: those with an alert, and stalled
	// ones without any of these alerts, are each counted once.
	slices.Sort(alerts)
	some := wire.Term{Field: "Alerts", Op: wire.In, Values: alerts}
	none := wire.Term{Field: "Alerts", Op: wire.NotIn, Values: alerts}
	terms := [][]wire.Term{{some}}
	for _, r := range o.Rules() {
		if len(r.Terms) > 1 {
			terms = append(terms, append(slices.Clone(r.Terms), none))
		}
	}
	for _, t := range terms {
		list, err := s.Generation.Select(ctx, wire.Query{Terms: t})
		if err != nil {
			return nil, 0, fmt.Errorf("count workflows that need attention: %w", err)
		}
		total += list.Total()
	}
	twice, err := o.counted(ctx, s.Generation, terms)
	return byRule, total - twice, err
}

// counted returns how many workflows with stray jobs match one of the other
// rules too.
func (o Options) counted(ctx context.Context, g *store.Generation, terms [][]wire.Term) (n int, err error) {
	var names []string
	for _, w := range g.Strays() {
		if w.Status != "" {
			names = append(names, w.Workflow)
		}
	}
	if len(names) == 0 || !o.Limits.On(schema.AlertStrayJobs) {
		return 0, nil
	}
	for _, t := range terms {
		list, err := g.Matching(ctx, wire.Query{Terms: t, Names: names})
		if err != nil {
			return 0, fmt.Errorf("count workflows with stray jobs: %w", err)
		}
		n += list.Total()
	}
	return n, nil
}

// Item is an item of a rule, and when it was first seen, Unix s; 0 is unknown.
type Item struct {
	wire.AttentionItem
	Began int64
}

// Matches are the items of a rule.
type Matches struct {
	Items     []Item // the first, at most Options.Top
	Count     int    // of all
	Workflows int64  // that all hold back
}

// Only limits the items of a rule to those that began at or after a time.
type Only struct {
	Since int64
	Names map[string][]string // workflows of each rule, as NewNames returns them
}

// Items returns the items of a rule, those that hold back most first. only, if
// it is not nil, limits Items, while Count and Workflows are of all.
func (o Options) Items(ctx context.Context, s State, r *Rule, only *Only) (m Matches, err error) {
	o = o.Complete()
	if len(r.Terms) > 0 {
		return o.workflows(ctx, s, r, only)
	}
	all := o.others(s, r)
	m.Count = len(all)
	for i := range all {
		m.Workflows += all[i].Workflows
	}
	if only != nil {
		all = slices.DeleteFunc(all, func(i Item) bool { return i.Began < only.Since })
	}
	slices.SortFunc(all, order)
	m.Items = all[:min(o.Top, len(all))]
	return m, nil
}

// others returns the agents or the source.
func (o Options) others(s State, r *Rule) []Item {
	items := []Item{}
	if r.Name == OldData {
		if since, old := o.Old(s.Source, s.Now); old {
			items = append(items, o.source(s, since))
		}
		return items
	}
	if r.Name == schema.AlertStrayJobs {
		strays := s.Generation.Strays()
		for i := range strays {
			items = append(items, strayItem(&strays[i], o.Limits))
		}
		return items
	}
	turned := s.Generation.AgentsTurned()
	for i := range s.Agents {
		a := &s.Agents[i].Agent
		if !r.Holds(a) {
			continue
		}
		item := Item{AttentionItem: wire.AttentionItem{
			Kind: "Agent", Name: a.Agent, Status: a.Severity, Since: a.UpdateTime, Failure: a.Failure,
			Reasons: reasons(a.Reasons...), Alerts: of(r.Name, s.Agents[i].AlertRecords),
		}}
		if item.Began = turned[a.Agent]; item.Began == 0 || schema.ReportedSeverity(*a, s.Now.Unix(), o.Limits) != a.Severity {
			item.Began = earliest(item.Alerts, s.Now.Unix())
		}
		if a.Severity == schema.SeverityError { // with a warning it still works
			item.Workflows, item.Score = a.Workflows, a.TotalJobs-a.Canceled-a.Success
		}
		if at := earliest(item.Alerts, s.Now.Unix()); at > 0 {
			item.Since = at
		}
		explain(&item)
		items = append(items, item)
	}
	return items
}

// strayItem is the item of a workflow with jobs that should not be there: they
// hold back what could run in their place.
func strayItem(w *schema.StrayWorkflow, l schema.Limits) Item {
	alert := w.Alert(l)
	item := Item{Began: w.Since, AttentionItem: wire.AttentionItem{
		Kind: "Workflow", Name: w.Workflow, Status: w.Status, Since: w.Since, Workflows: 1, Score: w.Running + w.Pending,
		Reasons: reasons(alert.Reason), Alerts: []schema.Alert{alert},
	}}
	if item.Status == "" {
		item.Status = "not in the lists"
	}
	explain(&item)
	return item
}

// source is the item of old data, which hold back whatever is decided by them.
func (o Options) source(s State, since time.Time) Item {
	who := o.Limits.Who[OldData]
	if who == "" {
		who = "source " + s.Source.Source
	}
	return Item{Began: since.Add(o.OldAfter()).Unix(), AttentionItem: wire.AttentionItem{
		Kind: "Source", Name: s.Source.Source, Status: "stale", Since: since.Unix(), Workflows: int64(s.Generation.Total()),
		Cause: "the source has not answered since " + since.UTC().Format("2006-01-02 15:04 UTC"), Who: who,
		Reasons: reasons(s.Source.Reason), Alerts: []schema.Alert{},
	}}
}

// explain sets Cause and Who of an item: those of its first alert.
func explain(item *Item) {
	if len(item.Alerts) > 0 {
		item.Cause, item.Who = item.Alerts[0].Cause, item.Alerts[0].Who
	}
}

// earliest returns the earliest known start of alerts; 0 if none is known.
func earliest(alerts []schema.Alert, now int64) (began int64) {
	for i := range alerts {
		if at := alerts[i].Since; at > 0 && at <= now && (began == 0 || at < began) {
			began = at
		}
	}
	return began
}

// of returns the alerts of one rule.
func of(rule string, alerts []schema.Alert) []schema.Alert {
	return slices.DeleteFunc(append([]schema.Alert{}, alerts...), func(a schema.Alert) bool { return a.Rule != rule })
}

func reasons(texts ...string) []string {
	return slices.DeleteFunc(append([]string{}, texts...), func(t string) bool { return t == "" })
}
