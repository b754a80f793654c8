package join

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// renumber replaces the numbers of rules in the matches of all workflows.
func (j *Join) renumber(from, to *ownrules.Rules) {
	moved := from.Moved(to)
	for _, w := range j.workflows {
		if w.own != nil {
			w.setOwn(renumbered(*w.own, moved))
		}
	}
}

func renumbered(matches []ownrules.Match, moved []int) (out []ownrules.Match) {
	for _, m := range matches {
		if m.Rule < len(moved) && moved[m.Rule] >= 0 {
			out = append(out, ownrules.Match{Rule: moved[m.Rule], Since: m.Since})
		}
	}
	slices.SortFunc(out, func(a, b ownrules.Match) int { return a.Rule - b.Rule })
	return out
}

// judgeAll computes the alerts of all records from columns, and touches only
// the records whose alerts change: encoding all of a million would take a
// minute.
func (j *Join) judgeAll(b *batch) {
	t := j.state.Table
	matching := j.search(t)
	at := 0
	t.Range(0, t.Len(), func(blk *block.Block, i, end int) bool {
		for ; i < end; i, at = i+1, at+1 {
			if w := j.workflows[string(blk.Name(j.layout, i))]; w != nil && w.has {
				w.setOwn(j.own.Matching(w.matches(), j.now(), func(rule int) bool { return matching[rule].Has(at) }))
				j.judge(b, w, blk, i)
			}
		}
		return true
	})
}

// search finds the records that match the conditions of each own rule on
// values.
func (j *Join) search(t *table.Table) []*table.Set {
	found := make([]*table.Set, j.own.Len())
	for i := range found {
		scan, err := t.Scan(budget.Unbounded(), j.now(), wire.Query{Terms: j.own.Values(i)})
		if err == nil {
			found[i], err = scan.Matches("")
		}
		if err != nil { // not reached: the rules were compiled
			j.opt.Log.Error("could not search by an own rule", "err", err)
			found[i] = t.NewSet()
		}
		if found[i] == nil { // no conditions on values
			found[i] = t.NewSet()
			found[i].Fill()
		}
	}
	return found
}

// judge computes the alerts of one record, and touches it if they change.
func (j *Join) judge(b *batch, w *workflow, blk *block.Block, i int) {
	record := &j.work.old
	blk.Scalars(j.layout, i, record)
	record.Alerts = blk.AppendList(record.Alerts[:0], j.columns.alerts, i)
	before, src := record.Alerts, blk.Source(i)
	joined := j.joined(w, record.Status)
	silent := make([]int64, 0, usualAgents)
	for _, r := range joined {
		silent = append(silent, r.silent)
	}
	began, due := j.fire(w, record, joined)
	changed := !slices.Equal(before, record.Alerts) || !slices.EqualFunc(silent, joined, func(was int64, r *agentReport) bool { return r.silent == was })
	if changed || len(began) > 0 && !slices.Equal(began, j.state.Facts(src).Began) {
		j.touch(b, w)
	}
	record.Alerts = before
	j.schedule(w, due)
}
