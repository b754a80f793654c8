package attention

import (
	"context"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Began has when the items of a generation were first seen, Unix s, so that the
// new ones of any time are counted without reading them again. Items whose
// agents or source depend on the present time are not in it. It is immutable.
type Began struct {
	rules map[string][]int64 // by rule, ascending
	all   []int64            // of distinct workflows: the newest of the item's rules
}

// Size returns the approximate memory of b in bytes.
func (b *Began) Size() int64 {
	n := len(b.all)
	for _, times := range b.rules {
		n += len(times)
	}
	return int64(8 * n)
}

// Began reads when the workflows of all rules were first seen.
func (o Options) Began(ctx context.Context, g *store.Generation) (*Began, error) {
	out := &Began{rules: map[string][]int64{}}
	strays := map[string]int64{}
	if o.Limits.On(schema.AlertStrayJobs) {
		for _, s := range g.Strays() {
			strays[s.Workflow] = s.Since
			out.rules[schema.AlertStrayJobs] = append(out.rules[schema.AlertStrayJobs], s.Since)
		}
	}
	err := o.eachWorkflow(ctx, g, func(name string, items map[string]int64) {
		newest := strays[name]
		delete(strays, name)
		for rule, began := range items {
			out.rules[rule] = append(out.rules[rule], began)
			newest = max(newest, began)
		}
		out.all = append(out.all, newest)
	})
	for _, since := range strays {
		out.all = append(out.all, since)
	}
	for _, times := range out.rules {
		slices.Sort(times)
	}
	slices.Sort(out.all)
	return out, err
}

// eachWorkflow calls f with each workflow that is an item of a rule about
// workflows, and with when each of its items was first seen. f must not keep the
// map.
func (o Options) eachWorkflow(ctx context.Context, g *store.Generation, f func(name string, items map[string]int64)) error {
	o = o.Complete()
	least, codes := map[string]float64{}, []string{}
	for _, r := range o.Rules() {
		for _, t := range r.Terms {
			if t.Op == wire.Min && t.Field == "Priority" {
				least[r.Name] = t.Number
			}
		}
		if len(r.Terms) > 0 {
			codes = append(codes, r.Name)
		}
	}
	list, err := g.Select(ctx, wire.Query{Terms: []wire.Term{{Field: "Alerts", Op: wire.In, Values: codes}}})
	if err != nil {
		return fmt.Errorf("select workflows that need attention: %w", err)
	}
	items := map[string]int64{}
	err = list.EachSeen(ctx, func(w *schema.Workflow, seen func(string) int64) {
		clear(items)
		for _, code := range w.Alerts {
			if bound, ok := least[code]; slices.Contains(codes, code) && (!ok || float64(w.Priority) >= bound) {
				items[code] = seen(code)
			}
		}
		if len(items) > 0 {
			f(w.Workflow, items)
		}
	})
	if err != nil {
		return fmt.Errorf("read workflows that need attention: %w", err)
	}
	return nil
}

// CountNew returns how many items of each rule began at or after a time, and how
// many different workflows and agents that are, plus one for old data.
func (o Options) CountNew(s State, b *Began, since int64) (byRule map[string]int, total int) {
	byRule = map[string]int{}
	after := func(times []int64) int {
		i, _ := slices.BinarySearch(times, since)
		return len(times) - i
	}
	for _, r := range o.Rules() {
		if len(r.Terms) > 0 || r.Name == schema.AlertStrayJobs {
			byRule[r.Name] = after(b.rules[r.Name])
			continue
		}
		for _, item := range o.others(s, &r) {
			if item.Began >= since {
				byRule[r.Name]++
			}
		}
		total += byRule[r.Name]
	}
	return byRule, total + after(b.all)
}

// NewNames returns the workflows of each rule about workflows that began at or
// after a time.
func (o Options) NewNames(ctx context.Context, g *store.Generation, since int64) (names map[string][]string, err error) {
	names = map[string][]string{}
	err = o.eachWorkflow(ctx, g, func(name string, items map[string]int64) {
		for rule, began := range items {
			if began >= since {
				names[rule] = append(names[rule], name)
			}
		}
	})
	return names, err
}
