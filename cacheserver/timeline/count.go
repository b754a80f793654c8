package timeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// candidate is a campaign or site that may be followed.
type candidate struct {
	name          string
	weight, least int64 // its rank
	counters      *schema.Counters
}

// count computes the values of a point: overall, and for the campaigns and
// sites that are followed. old are those followed so far.
func (t *Timeline) count(generation *store.Generation, old map[key]*series) (counts map[key][]int64, top map[key]bool, err error) {
	counts, top = map[key][]int64{}, map[key]bool{}
	all := make([]int64, len(t.labels))
	for _, s := range generation.Statuses() {
		all[t.status(s.Status)] += s.Workflows
	}
	var campaigns, sites []candidate
	rows := generation.Campaigns() // each workflow is in one of them
	for i := range rows {
		c := &rows[i]
		t.addStates(all, &c.Counters)
		if c.Campaign != schema.None && c.Workflows > 0 {
			campaigns = append(campaigns, candidate{c.Campaign, c.Workflows, c.TotalJobs, &c.Counters})
		}
	}
	places := generation.Sites()
	for i := range places {
		s := &places[i]
		if s.Site != schema.None && s.Site != schema.Unknown && s.Workflows > 0 {
			sites = append(sites, candidate{s.Site, s.Running, s.TotalJobs, &s.Counters})
		}
	}
	counts[key{}], top[key{}] = all, true
	for _, group := range []struct {
		kind, field string
		list        []candidate
	}{{kindCampaign, wire.MainField("Campaign"), campaigns}, {kindSite, "Sites", sites}} {
		if err := t.countGroup(generation, group.kind, group.field, group.list, old, counts, top); err != nil {
			return nil, nil, err
		}
	}
	return counts, top, nil
}

func (t *Timeline) countGroup(generation *store.Generation, kind, field string, list []candidate, old map[key]*series, counts map[key][]int64, top map[key]bool) error {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(b.least, a.least), cmp.Compare(a.name, b.name))
	})
	for _, c := range list[:min(t.o.Top, len(list))] {
		top[key{kind, c.name}] = true
		counts[key{kind, c.name}] = make([]int64, len(t.labels))
	}
	// Those that are no longer on top are still followed, as long as there is
	// room.
	var left []key
	for k := range old {
		if k.kind == kind && !top[k] {
			left = append(left, k)
		}
	}
	slices.SortFunc(left, func(a, b key) int {
		return cmp.Or(cmp.Compare(old[b].top, old[a].top), cmp.Compare(a.name, b.name))
	})
	for _, k := range left[:min(t.o.Top, len(left))] {
		counts[k] = make([]int64, len(t.labels))
	}
	term := wire.Term{Field: field, Op: wire.In}
	for _, c := range list {
		if values := counts[key{kind, c.name}]; values != nil {
			t.addStates(values, c.counters)
			term.Values = append(term.Values, c.name)
		}
	}
	if len(term.Values) == 0 {
		return nil
	}
	slices.Sort(term.Values)
	groups, _, err := generation.Stats(context.Background(), wire.Query{Terms: []wire.Term{term}}, []string{field, "Status"}, nil)
	if err != nil {
		return fmt.Errorf("count the workflows of each %s by status: %w", kind, err)
	}
	for _, g := range groups {
		if values := counts[key{kind, g.Keys[0]}]; values != nil {
			values[t.status(g.Keys[1])] += int64(g.Count)
		}
	}
	return nil
}

func (t *Timeline) addStates(values []int64, c *schema.Counters) {
	for i := range states {
		values[t.states+i] += states[i].count(c)
	}
}

// status returns the index of a status in labels.
func (t *Timeline) status(name string) int {
	if i := slices.Index(t.labels[:t.states], name); i >= 0 {
		return i
	}
	return t.states - 1
}
