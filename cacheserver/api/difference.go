package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// maxFiltered is the maximum number of changed workflows that are looked up
// under filters; beyond it reading the list again is cheaper for both sides.
const maxFiltered = 20_000

// outcome is what happened to a workflow between two generations.
type outcome uint8

const (
	unchanged outcome = iota
	added
	changed
	removed
)

// then is the outcome of both steps.
func (f outcome) then(next outcome) outcome {
	switch {
	case f == unchanged:
		return next
	case f == added && next == removed:
		return unchanged
	case f == added:
		return added
	case f == removed && next == added:
		return changed
	}
	return next
}

// outcomes combines consecutive differences.
func outcomes(spent *budget.Budget, diffs []store.Diff) (map[string]outcome, error) {
	const steps = 200 // for one name
	all := map[string]outcome{}
	note := func(names []string, f outcome) {
		for _, name := range names {
			if !spent.Spend(steps) {
				return
			}
			if all[name] = all[name].then(f); all[name] == unchanged {
				delete(all, name)
			}
		}
	}
	for i := range diffs {
		note(diffs[i].Added, added)
		note(diffs[i].Changed, changed)
		note(diffs[i].Removed, removed)
	}
	if err := spent.Stopped(); err != nil {
		return nil, fmt.Errorf("add up changes: %w", err)
	}
	return all, nil
}

// differences returns the newest generation and the differences from since to
// it; ok is false when since can't be compared.
func (a *API) differences(since string) (generation *store.Generation, diffs []store.Diff, ok bool, err error) {
	const tries = 100
	for range tries {
		generation, ok = a.o.Store.Newest()
		if !ok {
			return nil, nil, false, a.notReady()
		}
		if since == generation.ID() {
			return generation, nil, true, nil
		}
		if diffs, ok = a.o.Store.Changes(since); !ok {
			return generation, nil, false, nil
		}
		// A difference may be known a moment before its generation is
		// published, or another may have followed since.
		last := slices.IndexFunc(diffs, func(d store.Diff) bool { return d.Generation == generation.ID() })
		if last >= 0 {
			return generation, diffs[:last+1], true, nil
		}
	}
	return generation, nil, false, nil
}

// changeSince returns the changes under the filter q since a generation.
func (a *API) changeSince(ctx context.Context, since string, q wire.Query, records bool) (change wire.Change, err error) {
	generation, diffs, ok, err := a.differences(since)
	if err != nil {
		return change, err
	}
	if narrows(q) {
		generation.Named() // the client's next request refers to this generation
	}
	spent := budget.From(ctx)
	list, err := generation.Select(ctx, q)
	if err != nil {
		return change, err
	}
	change = wire.Change{
		Event: wire.EventGeneration, Generation: generation.ID(), Previous: since, Time: answer.Timestamp(generation.Time()), Total: list.Total(),
		Workflows: []string{}, Gone: []string{}, Records: []json.RawMessage{},
	}
	all, err := outcomes(spent, diffs)
	if err != nil {
		return change, err
	}
	if filtered := narrows(q); ok && filtered && len(all) > maxFiltered {
		ok = false
	} else if ok && filtered {
		if all, err = a.under(ctx, q, all, since, generation); err != nil {
			return change, err
		}
	}
	if !ok {
		change.Event, change.Previous = wire.EventReset, ""
		return change, nil
	}
	names, err := sortedNames(spent, all)
	if err != nil {
		return change, err
	}
	for _, name := range names {
		switch all[name] {
		case added:
			change.Added++
		case changed:
			change.Changed++
		case removed:
			change.Removed++
			change.Gone = append(change.Gone, name)
			continue
		}
		change.Workflows = append(change.Workflows, name)
	}
	change.Truncated = max(len(change.Workflows), len(change.Gone)) > wire.MaxChanges
	change.Workflows = change.Workflows[:min(len(change.Workflows), wire.MaxChanges)]
	change.Gone = change.Gone[:min(len(change.Gone), wire.MaxChanges)]
	for _, name := range change.Workflows {
		if record, _, found := generation.Workflow(name); records && found {
			change.Records = append(change.Records, record)
		}
	}
	return change, nil
}

// sortedNames returns the names of workflows with an outcome, in order.
func sortedNames(spent *budget.Budget, all map[string]outcome) ([]string, error) {
	const compare = 20
	names := slices.Collect(maps.Keys(all))
	if !budget.Sort(spent, names, compare, strings.Compare) {
		return nil, fmt.Errorf("sort changes: %w", spent.Stopped())
	}
	return names, nil
}

func narrows(q wire.Query) bool { return len(q.Terms) > 0 || q.Text != "" || len(q.Names) > 0 }

// under turns the outcomes of workflows into those in the list of q. If since is
// no longer kept, its list is unknown: then a workflow that does not match is
// reported as removed, which is correct for every client that maintains the list.
func (a *API) under(ctx context.Context, q wire.Query, all map[string]outcome, since string, generation *store.Generation) (map[string]outcome, error) {
	names, err := sortedNames(budget.From(ctx), all)
	if err != nil {
		return nil, err
	}
	if len(q.Names) > 0 { // they are sorted
		names = slices.DeleteFunc(names, func(n string) bool {
			_, asked := slices.BinarySearch(q.Names, n)
			return !asked
		})
	}
	if len(names) == 0 {
		return nil, nil
	}
	now, err := matching(ctx, generation, q, names)
	if err != nil {
		return nil, err
	}
	before, known := map[string]bool(nil), false
	if old, kept := a.o.Store.Generation(since); kept {
		known = true
		if before, err = matching(ctx, old, q, names); err != nil {
			return nil, err
		}
	}
	out := map[string]outcome{}
	for _, name := range names {
		had := before[name]
		if !known {
			had = all[name] != added
		}
		switch {
		case now[name] && had:
			out[name] = changed
		case now[name]:
			out[name] = added
		case had:
			out[name] = removed
		}
	}
	return out, nil
}

// matching returns which of the names match q in a generation.
func matching(ctx context.Context, generation *store.Generation, q wire.Query, names []string) (map[string]bool, error) {
	q.Names = names
	list, err := generation.Matching(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, list.Total())
	for _, record := range list.Page(0, list.Total()) { //nolint:contextcheck // reading a page of the result spends nothing
		name, err := nameOf(record)
		if err != nil {
			return nil, err
		}
		out[name] = true
	}
	return out, nil
}

// changeRequest is a parsed request to /changes.
type changeRequest struct {
	filter  wire.Query
	since   string
	feed    string
	wait    time.Duration
	records bool
}

// isNews reports whether a change contains anything for the client.
func isNews(change *wire.Change) bool {
	return change.Event == wire.EventReset || change.Added+change.Changed+change.Removed > 0
}

// errDropped reports a reader that was too slow for the sent data.
var errDropped = errors.New("the reader of a feed is too slow or gone")
